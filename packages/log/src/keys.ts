import type { RowKind } from './types.ts'

/**
 * The keys of the database. A log's rows lie together, under the length of its name and the name:
 *
 * - `01` the store's row
 * - `02 len name` a log's meta row
 * - `03 len name kind key` a row
 * - `04 len name kind key` the bytes of a damaged row that were kept
 *
 * `kind` is 01 live, 02 evidence, 03 known, 04 set aside by the owner.
 */
const STORE_ROW = 0x01
const META_ROW = 0x02
const DATA_ROW = 0x03
const QUARANTINE_ROW = 0x04

const KIND_BYTES: Readonly<Record<RowKind, number>> = {
  live: 0x01,
  evidence: 0x02,
  known: 0x03,
  setAside: 0x04
}
const KINDS: readonly (RowKind | undefined)[] = [undefined, 'live', 'evidence', 'known', 'setAside']

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

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A log's name as its owner knows it; `undefined` for bytes that no name has. */
export function logName(name: Uint8Array): string | undefined {
  try {
    return decoder.decode(name)
  } catch {
    return undefined
  }
}

/** What the keys of all rows of a log begin with. */
export function rowPrefix(name: Uint8Array): Uint8Array {
  return prefixed(DATA_ROW, name, 0)
}

/** Bytes of the database key of a row. */
export function rowKeyBytes(prefix: Uint8Array, key: Uint8Array): number {
  return prefix.length + 1 + key.length
}

/** Writes the database key of a row to `out` at `at`. */
export function putRowKey(
  out: Uint8Array,
  at: number,
  prefix: Uint8Array,
  kind: RowKind,
  key: Uint8Array
): void {
  out.set(prefix, at)
  out[at + prefix.length] = KIND_BYTES[kind]
  out.set(key, at + prefix.length + 1)
}

/** All rows of one log: everything from its prefix with kind 00 to its prefix with kind ff. */
export function rowRange(name: Uint8Array): KeyRange {
  return rangeOf(DATA_ROW, name)
}

/** The damaged rows of one log whose bytes were kept. */
export function quarantineRange(name: Uint8Array): KeyRange {
  return rangeOf(QUARANTINE_ROW, name)
}

/** What a database key is. */
export type KeyClass = 'store' | 'meta' | 'row' | 'damagedRow' | 'foreign'

export function classOf(key: Uint8Array): KeyClass {
  const first = key[0]
  if (first === STORE_ROW && key.length === 1) return 'store'
  if (first === META_ROW && metaName(key) !== undefined) return 'meta'
  if (key.length < 3 || key.length < 2 + (key[1] as number)) return 'foreign'
  return first === DATA_ROW ? 'row' : first === QUARANTINE_ROW ? 'damagedRow' : 'foreign'
}

/** The name of the log that a row belongs to. */
export function nameOf(key: Uint8Array): Uint8Array {
  return key.subarray(2, 2 + (key[1] as number))
}

/** The kind that a key's byte stands for. */
export function kindOf(byte: number | undefined): RowKind | undefined {
  return byte === undefined ? undefined : KINDS[byte]
}

/** The byte that stands for a kind; `undefined` for what is no kind. */
export function kindByte(kind: RowKind): number | undefined {
  return Object.hasOwn(KIND_BYTES, kind) ? KIND_BYTES[kind] : undefined
}

/** The kind and the caller's key of a row, given the length of the log's name. */
export function parseRowKey(
  key: Uint8Array,
  nameLength: number
): { readonly kind: RowKind | 'unknown'; readonly key: Uint8Array } {
  return {
    kind: kindOf(key[2 + nameLength]) ?? 'unknown',
    key: key.subarray(Math.min(key.length, 3 + nameLength))
  }
}

/** Where the bytes of a damaged row are kept. */
export function quarantineKey(row: Uint8Array): Uint8Array {
  const out = row.slice()
  out[0] = QUARANTINE_ROW
  return out
}

function rangeOf(first: number, name: Uint8Array): KeyRange {
  const gte = prefixed(first, name, 0)
  const lt = prefixed(first, name, 2)
  lt.fill(0xff, 2 + name.length)
  return { gte, lt }
}

function prefixed(first: number, name: Uint8Array, extra: number): Uint8Array {
  const out = new Uint8Array(2 + name.length + extra)
  out[0] = first
  out[1] = name.length
  out.set(name, 2)
  return out
}
