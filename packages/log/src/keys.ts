import type { RowKind } from './types.ts'

/**
 * The keys of the database. A log's rows lie together, under the length of its name and the name:
 *
 * - `01` the store's row
 * - `02 len name` a log's meta row
 * - `03 len name kind key` a row
 * - `04 len name kind key` the bytes of a damaged row that was set aside
 */
const STORE_ROW = 0x01
const META_ROW = 0x02
const DATA_ROW = 0x03
const QUARANTINE_ROW = 0x04

const KIND_LIVE = 0x01
const KIND_EVIDENCE = 0x02

/** A half-open range of database keys. */
export interface KeyRange {
  readonly gte: Uint8Array
  readonly lt: Uint8Array
}

export const STORE_KEY: Uint8Array = Uint8Array.of(STORE_ROW)

/** Every key this package writes. */
export const OUR_KEYS: KeyRange = { gte: Uint8Array.of(STORE_ROW), lt: Uint8Array.of(QUARANTINE_ROW + 1) }

export const META_KEYS: KeyRange = { gte: Uint8Array.of(META_ROW), lt: Uint8Array.of(META_ROW + 1) }

export function metaKey(name: Uint8Array): Uint8Array {
  return prefixed(META_ROW, name, 0)
}

/** The name in a meta key, or `undefined` when the key is malformed. */
export function metaName(key: Uint8Array): Uint8Array | undefined {
  return key[0] === META_ROW && key.length >= 3 && key.length === 2 + (key[1] as number)
    ? key.subarray(2)
    : undefined
}

export function rowKey(name: Uint8Array, kind: RowKind, key: Uint8Array): Uint8Array {
  const out = prefixed(DATA_ROW, name, 1 + key.length)
  out[2 + name.length] = kind === 'live' ? KIND_LIVE : KIND_EVIDENCE
  out.set(key, 3 + name.length)
  return out
}

/** All rows of one log: everything from its prefix with kind 00 to its prefix with kind ff. */
export function rowRange(name: Uint8Array): KeyRange {
  const gte = prefixed(DATA_ROW, name, 0)
  const lt = prefixed(DATA_ROW, name, 2)
  lt.fill(0xff, 2 + name.length)
  return { gte, lt }
}

/** The kind and the caller's key of a row, given the length of the log's name. */
export function parseRowKey(
  key: Uint8Array,
  nameLength: number
): { readonly kind: RowKind | 'unknown'; readonly key: Uint8Array } {
  const kind = key[2 + nameLength]
  return {
    kind: kind === KIND_LIVE ? 'live' : kind === KIND_EVIDENCE ? 'evidence' : 'unknown',
    key: key.subarray(Math.min(key.length, 3 + nameLength))
  }
}

/** Where the bytes of a damaged row are set aside. */
export function quarantineKey(row: Uint8Array): Uint8Array {
  const out = row.slice()
  out[0] = QUARANTINE_ROW
  return out
}

function prefixed(first: number, name: Uint8Array, extra: number): Uint8Array {
  const out = new Uint8Array(2 + name.length + extra)
  out[0] = first
  out[1] = name.length
  out.set(name, 2)
  return out
}
