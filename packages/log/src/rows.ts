import * as zlib from 'node:zlib'
import { Fingerprint, ITEM_HASH_BYTES } from '@starling/reconcile/fingerprint'
import { FORMAT } from './config.ts'

/**
 * The values of the database. Every one begins with its format and a CRC-32 over its key and the rest of the value:
 *
 * - row: `format:u8 crc:u32 hash:32 payload`
 * - meta: `format:u8 crc:u32 batch:u64 clockMark:u64 count:u64 sum:32`
 * - store: `format:u8 crc:u32 batch:u64 clockMark:u64 count:u64 sum:32 damagedAt:u64`
 *
 * Numbers are big-endian. The low half of a row's format byte is the format, the high half is kept for flags and zero.
 */
const HEADER_BYTES = 5
export const ROW_HEADER_BYTES: number = HEADER_BYTES + ITEM_HASH_BYTES
const META_BYTES = HEADER_BYTES + 24 + ITEM_HASH_BYTES
const STORE_BYTES = META_BYTES + 8

/** What a log's meta row holds. */
export interface Meta {
  readonly batch: bigint
  readonly clockMark: bigint
  readonly sum: Fingerprint
}

/** What the store's row holds: the newest batch, the sum over all logs, and the batch that accepted the last damage. */
export interface StoreRow extends Meta {
  readonly damagedAt: bigint
}

/** A decoded value, or why there is none. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: 'checksum' | 'layout' }
  | { readonly ok: false; readonly reason: 'format'; readonly found: number }

export function encodeRow(key: Uint8Array, hash: Uint8Array, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(ROW_HEADER_BYTES + payload.length)
  out.set(hash, HEADER_BYTES)
  out.set(payload, ROW_HEADER_BYTES)
  return seal(key, out)
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
  putMeta(out, meta)
  return seal(key, out)
}

export function decodeMeta(key: Uint8Array, value: Uint8Array): Decoded<Meta> {
  const problem = check(key, value, length => length === META_BYTES)
  if (problem !== undefined) return problem
  const meta = takeMeta(value)
  return meta === undefined ? { ok: false, reason: 'layout' } : { ok: true, value: meta }
}

/** `format` is another one only where a test plays a later release. */
export function encodeStoreRow(key: Uint8Array, row: StoreRow, format: number = FORMAT): Uint8Array {
  const out = new Uint8Array(STORE_BYTES)
  putMeta(out, row)
  new DataView(out.buffer).setBigUint64(META_BYTES, row.damagedAt)
  return seal(key, out, format)
}

export function decodeStoreRow(key: Uint8Array, value: Uint8Array): Decoded<StoreRow> {
  const problem = check(key, value, length => length === STORE_BYTES)
  if (problem !== undefined) return problem
  const meta = takeMeta(value)
  if (meta === undefined) return { ok: false, reason: 'layout' }
  return { ok: true, value: { ...meta, damagedAt: viewOf(value).getBigUint64(META_BYTES) } }
}

function putMeta(out: Uint8Array, meta: Meta): void {
  const view = viewOf(out)
  view.setBigUint64(HEADER_BYTES, meta.batch)
  view.setBigUint64(HEADER_BYTES + 8, meta.clockMark)
  view.setBigUint64(HEADER_BYTES + 16, BigInt(meta.sum.count))
  out.set(meta.sum.sum, HEADER_BYTES + 24)
}

function takeMeta(value: Uint8Array): Meta | undefined {
  const view = viewOf(value)
  const count = Number(view.getBigUint64(HEADER_BYTES + 16))
  if (!Number.isSafeInteger(count)) return undefined
  return {
    batch: view.getBigUint64(HEADER_BYTES),
    clockMark: view.getBigUint64(HEADER_BYTES + 8),
    sum: Fingerprint.of(value.subarray(HEADER_BYTES + 24, META_BYTES), count)
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
