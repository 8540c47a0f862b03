import { ITEM_HASH_BYTES } from '@starling/reconcile/fingerprint'
import type { StoreLimits } from './config.ts'
import { kindByte } from './keys.ts'
import { ROW_HEADER_BYTES } from './rows.ts'
import type { LogBatch, LogRow } from './types.ts'

const STAMP_MAX = 0xffff_ffff_ffff_ffffn

/** Refuses a batch that could not be written as it stands, before any of it is; returns its size on disk. */
export function checkBatch(batch: LogBatch, limits: StoreLimits): number {
  const { rows, clockMark } = batch
  if (typeof clockMark !== 'bigint') throw new TypeError('clockMark must be a bigint')
  if (clockMark < 0n || clockMark > STAMP_MAX) {
    throw new RangeError(`clockMark must be between 0 and 2^64 - 1, got ${clockMark}`)
  }
  if (rows.length > limits.appendRowsMax) {
    throw new RangeError(`an append holds at most ${limits.appendRowsMax} rows, got ${rows.length}`)
  }
  let bytes = 0
  // By index, here and where the rows go on from here: the iterator would make an object for each row.
  for (let i = 0; i < rows.length; i++) bytes += checkRow(rows[i] as LogRow, limits)
  if (bytes > limits.appendBytesMax) {
    throw new RangeError(`an append holds at most ${limits.appendBytesMax} bytes, got ${bytes}`)
  }
  return bytes
}

/** Refuses a log name that has no place on disk; returns its bytes. */
export function checkName(name: string, limits: StoreLimits): Uint8Array {
  if (typeof name !== 'string' || !name.isWellFormed()) {
    throw new TypeError('a log name must be a string without lone surrogates')
  }
  const bytes = new TextEncoder().encode(name)
  if (bytes.length === 0 || bytes.length > limits.nameBytesMax) {
    throw new RangeError(`a log name has 1 to ${limits.nameBytesMax} bytes, got ${bytes.length}`)
  }
  return bytes
}

function checkRow(row: LogRow, limits: StoreLimits): number {
  if (kindByte(row.kind) === undefined) {
    throw new TypeError(`a row's kind is live, evidence, known or setAside, got ${row.kind as string}`)
  }
  if (row.key.length > limits.keyBytesMax) {
    throw new RangeError(`a row's key has at most ${limits.keyBytesMax} bytes, got ${row.key.length}`)
  }
  const valueBytes = row.value?.length ?? 0
  if (valueBytes > limits.valueBytesMax) {
    throw new RangeError(`a row's value has at most ${limits.valueBytesMax} bytes, got ${valueBytes}`)
  }
  if ((row.value === undefined) !== (row.hash === undefined)) {
    throw new TypeError('a row has a hash exactly when it has a value')
  }
  checkHash(row.hash)
  checkHash(row.replaces)
  return ROW_HEADER_BYTES + row.key.length + valueBytes
}

function checkHash(hash: Uint8Array | undefined): void {
  if (hash !== undefined && hash.length !== ITEM_HASH_BYTES) {
    throw new RangeError(`a row's hash has ${ITEM_HASH_BYTES} bytes, got ${hash.length}`)
  }
}
