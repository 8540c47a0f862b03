import * as zlib from 'node:zlib'
import { Fingerprint, ITEM_HASH_BYTES } from '@starling/reconcile/fingerprint'
import { crc32 } from './checksum.ts'
import { FORMAT } from './config.ts'
import { putRowKey, rowKeyBytes } from './keys.ts'
import type { RowKind } from './types.ts'

/**
 * The values of the database. Every one begins with its format and ends with a CRC-32 over its key and the value before it:
 *
 * - row: `format:u8 hash:32 payload crc:u32`
 * - meta: `format:u8 batch:u64 clockMark:u64 count:u64 sum:32 bytes:u64 flags:u8 crc:u32`
 * - store: `format:u8 batch:u64 clockMark:u64 count:u64 sum:32 damagedAt:u64 crc:u32`
 *
 * Numbers are big-endian. The one flag is 1 for a log whose newest write was asynchronous.
 */
export const HASH_AT = 1
const CRC_BYTES = 4
/** Bytes of a row's value beside its payload. */
export const ROW_HEADER_BYTES: number = HASH_AT + ITEM_HASH_BYTES + CRC_BYTES
const PAYLOAD_AT = HASH_AT + ITEM_HASH_BYTES
const BATCH_AT = 1
const CLOCK_MARK_AT = 9
const COUNT_AT = 17
const SUM_AT = 25
const SUMMED_BYTES = SUM_AT + ITEM_HASH_BYTES
const META_BYTES = SUMMED_BYTES + 9 + CRC_BYTES
const STORE_BYTES = SUMMED_BYTES + 8 + CRC_BYTES
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

/** Rows are encoded one after another in pieces of this size: an array of its own costs each row more than its content. */
const SLAB_BYTES = 64 * 1024
let slab = Buffer.alloc(0)
let slabUsed = 0

/** The database's key and value of a row. */
export function encodeRow(
  prefix: Uint8Array,
  kind: RowKind,
  key: Uint8Array,
  hash: Uint8Array,
  payload: Uint8Array
): { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array } {
  const keyBytes = rowKeyBytes(prefix, key)
  const length = keyBytes + ROW_HEADER_BYTES + payload.length
  if (slabUsed + length > slab.length) {
    slab = Buffer.from(new ArrayBuffer(Math.max(SLAB_BYTES, length)))
    slabUsed = 0
  }
  const keyAt = slabUsed
  const valueAt = keyAt + keyBytes
  const crcAt = keyAt + length - CRC_BYTES
  slabUsed += length
  putRowKey(slab, keyAt, prefix, kind, key)
  slab[valueAt] = FORMAT
  slab.set(hash, valueAt + HASH_AT)
  slab.set(payload, valueAt + PAYLOAD_AT)
  putCrc(slab, crcAt, crc32(slab, keyAt, crcAt))
  return {
    type: 'put',
    key: new Uint8Array(slab.buffer, keyAt, keyBytes),
    value: slab.subarray(valueAt, crcAt + CRC_BYTES)
  }
}

/** Why the bytes from `keyAt` to `valueAt` and on to `end` are no row's key and value; `undefined` when they are. */
export function rowProblem(
  bytes: Uint8Array,
  keyAt: number,
  valueAt: number,
  end: number
): 'checksum' | 'layout' | 'format' | undefined {
  const crcAt = end - CRC_BYTES
  if (crcAt <= valueAt) return 'layout'
  if (crc32(bytes, keyAt, crcAt) !== crcOf(bytes, crcAt)) return 'checksum'
  if (bytes[valueAt] !== FORMAT) return 'format'
  return end - valueAt < ROW_HEADER_BYTES ? 'layout' : undefined
}

/** The hash field of a row whose checksum failed: often still right, never to be trusted by itself. */
export function claimedHash(value: Uint8Array): Uint8Array | undefined {
  return value.length >= ROW_HEADER_BYTES ? value.subarray(HASH_AT, PAYLOAD_AT) : undefined
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
  view.setBigUint64(BATCH_AT, row.batch)
  view.setBigUint64(CLOCK_MARK_AT, row.clockMark)
  view.setBigUint64(COUNT_AT, BigInt(row.sum.count))
  out.set(row.sum.sum, SUM_AT)
}

function takeSummed(value: Uint8Array): Summed | undefined {
  const view = viewOf(value)
  const count = Number(view.getBigUint64(COUNT_AT))
  if (!Number.isSafeInteger(count)) return undefined
  return {
    batch: view.getBigUint64(BATCH_AT),
    clockMark: view.getBigUint64(CLOCK_MARK_AT),
    sum: Fingerprint.of(value.subarray(SUM_AT, SUMMED_BYTES), count)
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
  if (value.length <= CRC_BYTES) return { ok: false, reason: 'layout' }
  const end = value.length - CRC_BYTES
  if (crcOf(value, end) !== checksum(key, value)) return { ok: false, reason: 'checksum' }
  if (value[0] !== FORMAT) return { ok: false, reason: 'format', found: value[0] as number }
  return fits(value.length) ? undefined : { ok: false, reason: 'layout' }
}

function seal(key: Uint8Array, out: Uint8Array, format: number = FORMAT): Uint8Array {
  out[0] = format
  putCrc(out, out.length - CRC_BYTES, checksum(key, out))
  return out
}

function crcOf(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  )
}

function putCrc(bytes: Uint8Array, at: number, crc: number): void {
  bytes[at] = crc >>> 24
  bytes[at + 1] = crc >>> 16
  bytes[at + 2] = crc >>> 8
  bytes[at + 3] = crc
}

function checksum(key: Uint8Array, value: Uint8Array): number {
  return zlib.crc32(value.subarray(0, value.length - CRC_BYTES), zlib.crc32(key))
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
