import * as zlib from 'node:zlib'
import { Fingerprint, ITEM_HASH_BYTES } from '@starling/reconcile/fingerprint'
import { FORMAT } from './config.ts'
import { putRowKey, rowKeyBytes } from './keys.ts'
import type { RowKind } from './types.ts'

/**
 * The values of the database. Every one begins with its format and a CRC-32 over its key and the rest of the value:
 *
 * - row: `format:u8 crc:u32 hash:32 payload`
 * - meta: `format:u8 crc:u32 batch:u64 clockMark:u64 count:u64 sum:32 bytes:u64 flags:u8`
 * - store: `format:u8 crc:u32 batch:u64 clockMark:u64 count:u64 sum:32 damagedAt:u64`
 *
 * Numbers are big-endian. The one flag is 1 for a log whose newest write was asynchronous.
 */
const HEADER_BYTES = 5
export const ROW_HEADER_BYTES: number = HEADER_BYTES + ITEM_HASH_BYTES
const SUMMED_BYTES = HEADER_BYTES + 24 + ITEM_HASH_BYTES
const META_BYTES = SUMMED_BYTES + 9
const STORE_BYTES = SUMMED_BYTES + 8
const FLAG_LAX = 0x01

/** What the rows that hold a store together have in common. */
interface Summed {
  readonly batch: bigint
  readonly clockMark: bigint
  readonly sum: Fingerprint
}

/** What a log's meta row holds. */
export interface Meta extends Summed {
  /** Of its rows, keys and values. */
  readonly bytes: number
  /** Its newest write was asynchronous, so a power cut may cost it its newest state. */
  readonly lax: boolean
}

/** What the store's row holds: the newest batch, the sum over all logs that are not lax, the batch of the last damage. */
export interface StoreRow extends Summed {
  readonly damagedAt: bigint
}

/** A decoded value, or why there is none. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: 'checksum' | 'layout' }
  | { readonly ok: false; readonly reason: 'format'; readonly found: number }

/** The database's key and value of a row, in one piece of memory. */
export function encodeRow(
  prefix: Uint8Array,
  kind: RowKind,
  key: Uint8Array,
  hash: Uint8Array,
  payload: Uint8Array
): { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array } {
  const at = rowKeyBytes(prefix, key)
  // Small buffers come from one pool, which costs a fraction of an array of their own.
  const bytes = Buffer.allocUnsafe(at + ROW_HEADER_BYTES + payload.length)
  putRowKey(bytes, prefix, kind, key)
  bytes[at] = FORMAT
  bytes.set(hash, at + HEADER_BYTES)
  bytes.set(payload, at + ROW_HEADER_BYTES)
  // Key and format lie side by side.
  const crc = zlib.crc32(bytes.subarray(at + HEADER_BYTES), zlib.crc32(bytes.subarray(0, at + 1)))
  bytes.writeUInt32BE(crc, at + 1)
  return { type: 'put', key: bytes.subarray(0, at), value: bytes.subarray(at) }
}

export function decodeRow(
  key: Uint8Array,
  value: Uint8Array
): Decoded<{ readonly hash: Uint8Array; readonly payload: Uint8Array }> {
  const problem = check(key, value, length => length >= ROW_HEADER_BYTES)
  if (problem !== undefined) return problem
  return {
    ok: true,
    value: { hash: value.subarray(HEADER_BYTES, ROW_HEADER_BYTES), payload: value.subarray(ROW_HEADER_BYTES) }
  }
}

/** The hash field of a row whose checksum failed: often still right, never to be trusted by itself. */
export function claimedHash(value: Uint8Array): Uint8Array | undefined {
  return value.length >= ROW_HEADER_BYTES ? value.subarray(HEADER_BYTES, ROW_HEADER_BYTES) : undefined
}

export function encodeMeta(key: Uint8Array, meta: Meta): Uint8Array {
  const out = new Uint8Array(META_BYTES)
  putSummed(out, meta)
  const view = viewOf(out)
  view.setBigUint64(SUMMED_BYTES, BigInt(meta.bytes))
  view.setUint8(SUMMED_BYTES + 8, meta.lax ? FLAG_LAX : 0)
  return seal(key, out)
}

export function decodeMeta(key: Uint8Array, value: Uint8Array): Decoded<Meta> {
  const problem = check(key, value, length => length === META_BYTES)
  if (problem !== undefined) return problem
  const summed = takeSummed(value)
  const view = viewOf(value)
  const bytes = Number(view.getBigUint64(SUMMED_BYTES))
  const flags = view.getUint8(SUMMED_BYTES + 8)
  if (summed === undefined || !Number.isSafeInteger(bytes) || flags > FLAG_LAX) {
    return { ok: false, reason: 'layout' }
  }
  return { ok: true, value: { ...summed, bytes, lax: flags === FLAG_LAX } }
}

/** `format` is another one only where a test plays another release. */
export function encodeStoreRow(key: Uint8Array, row: StoreRow, format: number = FORMAT): Uint8Array {
  const out = new Uint8Array(STORE_BYTES)
  putSummed(out, row)
  viewOf(out).setBigUint64(SUMMED_BYTES, row.damagedAt)
  return seal(key, out, format)
}

export function decodeStoreRow(key: Uint8Array, value: Uint8Array): Decoded<StoreRow> {
  const problem = check(key, value, length => length === STORE_BYTES)
  if (problem !== undefined) return problem
  const summed = takeSummed(value)
  if (summed === undefined) return { ok: false, reason: 'layout' }
  return { ok: true, value: { ...summed, damagedAt: viewOf(value).getBigUint64(SUMMED_BYTES) } }
}

function putSummed(out: Uint8Array, row: Summed): void {
  const view = viewOf(out)
  view.setBigUint64(HEADER_BYTES, row.batch)
  view.setBigUint64(HEADER_BYTES + 8, row.clockMark)
  view.setBigUint64(HEADER_BYTES + 16, BigInt(row.sum.count))
  out.set(row.sum.sum, HEADER_BYTES + 24)
}

function takeSummed(value: Uint8Array): Summed | undefined {
  const view = viewOf(value)
  const count = Number(view.getBigUint64(HEADER_BYTES + 16))
  if (!Number.isSafeInteger(count)) return undefined
  return {
    batch: view.getBigUint64(HEADER_BYTES),
    clockMark: view.getBigUint64(HEADER_BYTES + 8),
    sum: Fingerprint.of(value.subarray(HEADER_BYTES + 24, SUMMED_BYTES), count)
  }
}

/**
 * The checksum comes before the format: a flipped bit in the format byte is damage, and only a value that is whole can
 * say that it was written by a newer release.
 */
function check(
  key: Uint8Array,
  value: Uint8Array,
  fits: (length: number) => boolean
): Exclude<Decoded<never>, { ok: true }> | undefined {
  if (value.length < HEADER_BYTES) return { ok: false, reason: 'layout' }
  if (viewOf(value).getUint32(1) !== checksum(key, value)) return { ok: false, reason: 'checksum' }
  if (value[0] !== FORMAT) return { ok: false, reason: 'format', found: value[0] as number }
  return fits(value.length) ? undefined : { ok: false, reason: 'layout' }
}

function seal(key: Uint8Array, out: Uint8Array, format: number = FORMAT): Uint8Array {
  out[0] = format
  viewOf(out).setUint32(1, checksum(key, out))
  return out
}

function checksum(key: Uint8Array, value: Uint8Array): number {
  return zlib.crc32(value.subarray(HEADER_BYTES), zlib.crc32(value.subarray(0, 1), zlib.crc32(key)))
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
