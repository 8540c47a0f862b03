import { ByteReader, ByteWriter, checkValue, DecodeError } from '@starling/codec'
import type { Hash } from '@starling/ports'
import { ENTRY_FORMAT, ENTRY_LIMITS, ROW_LIMITS, type EntryLimits } from './config.ts'
import { isDot, joinEntries, liveDots } from './entry.ts'
import { ENDING, entryLength, inOrder, keyStart, liveEnd, skipKey, writeEntry } from './entry-bytes.ts'
import { encodeKey } from './key.ts'
import { replicaIdOfWords } from './replica-id.ts'
import type { Dot, Entry, Item, ReplicaId } from './types.ts'

/** Starts the hash of an evidence row. No entry format has this number, so it can never equal an item hash. */
const EVIDENCE_DOMAIN = 0

/** One row of a store: its bytes, and the hash that covers them and the key. */
export interface EncodedRow {
  readonly bytes: Uint8Array
  /** 32 bytes. Of a live row it is the item hash, of which the map's fingerprint is made. */
  readonly hash: Uint8Array
}

/**
 * One entry, encoded once for every use. `key`, `live` and `evidence` are views on `wire`, which may lie among others on 8 KiB:
 * copy what is to be held for long.
 */
export interface EncodedEntry {
  /** What {@link encodeEntry} gives. */
  readonly wire: Uint8Array<ArrayBuffer>
  /** The key in UTF-8. */
  readonly key: Uint8Array
  /** The live dots; `undefined` when there are none. */
  readonly live: EncodedRow | undefined
  /** The evidence; `undefined` when there is none. */
  readonly evidence: EncodedRow | undefined
}

/** The canonical bytes of an entry: format, key, live dots, evidence (docs/wire/entry.md). */
export function encodeEntry(key: string, entry: Entry): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(entryLength(key, entry))
  writeEntry(bytes, 0, key, entry)
  return bytes
}

/** Encodes an entry once: the bytes for the wire hold the rows for the store and what the item hash covers. */
export function encodeWithRows(key: string, entry: Entry, hash: Hash): EncodedEntry {
  const wire = roomFor(entryLength(key, entry))
  writeEntry(wire, 0, key, entry)
  const keyAt = keyStart(wire, 0)
  const liveAt = skipKey(wire, 0)
  const evidenceAt = liveEnd(wire, 0)
  let live: EncodedRow | undefined
  if (wire[liveAt] !== 0) {
    live = { bytes: wire.subarray(liveAt, evidenceAt), hash: hash(wire.subarray(0, evidenceAt)) }
  }
  let evidence: EncodedRow | undefined
  if (wire[evidenceAt] !== 0) {
    const bytes = wire.subarray(evidenceAt)
    evidence = { bytes, hash: evidenceHash(wire.subarray(1, liveAt), bytes, hash) }
  }
  return { wire, key: wire.subarray(keyAt, liveAt), live, evidence }
}

/**
 * Entries on their way are encoded one after another in pieces of this size: an array of its own, with the views on it, costs a
 * short entry more than half of its encoding (measured on Node 24).
 */
const PIECE_BYTES = 8192
let piece = new Uint8Array(0)
let pieceUsed = 0

/** An array for an entry: part of a piece, or of its own for an entry that would waste much of one. */
function roomFor(length: number): Uint8Array<ArrayBuffer> {
  if (length > PIECE_BYTES / 4) return new Uint8Array(length)
  if (pieceUsed + length > piece.length) {
    piece = new Uint8Array(PIECE_BYTES)
    pieceUsed = 0
  }
  const at = pieceUsed
  pieceUsed += length
  return piece.subarray(at, pieceUsed)
}

/** The row with the live dots of an entry, `undefined` when it has none. */
export function encodeLive(key: string, entry: Entry, hash: Hash): EncodedRow | undefined {
  const items = liveDots(entry)
  return items.length === 0 ? undefined : encodeWithRows(key, { items }, hash).live
}

/** The row with the evidence of an entry, `undefined` when it has none. */
export function encodeEvidence(key: string, entry: Entry, hash: Hash): EncodedRow | undefined {
  const items = entry.items.filter(item => !isDot(item))
  return items.length === 0 ? undefined : encodeWithRows(key, { items }, hash).evidence
}

/** The item hash: over the format number, the key and the canonical live dots, which is how an encoded entry begins. */
export function itemHash(key: string, live: Uint8Array, hash: Hash): Uint8Array<ArrayBuffer> {
  return hash(new ByteWriter(128).u8(ENTRY_FORMAT).bytes(encodeKey(key, ROW_LIMITS)).raw(live).finish())
}

/** Knows entries by what they are encoded as. */
export interface EncodedEntries {
  /** The entry of a key when `wire` is exactly what {@link encodeEntry} gives for it. */
  heldAs?(key: string, wire: Uint8Array): Entry | undefined
}

/**
 * Decodes one entry as it comes from a peer: within the limits, in canonical form and complete, with values that are well
 * formed. What is accepted encodes to the same bytes.
 *
 * @param held entries that need no decoding, nor any check but that of the key.
 * @returns data that shares nothing with `bytes`.
 * @throws DecodeError and nothing else.
 */
export function decodeEntry(
  bytes: Uint8Array,
  limits: EntryLimits = ENTRY_LIMITS,
  held?: EncodedEntries
): { readonly key: string; readonly entry: Entry } {
  const reader = new ByteReader(bytes)
  const format = reader.u8()
  if (format !== ENTRY_FORMAT) reader.fail('unknownType', `entry format ${format}`, 0)
  const key = reader.string(limits.keyBytesMax)
  const known = held?.heldAs?.(key, bytes)
  if (known !== undefined) return { key, entry: known }
  const dots = readLive(reader, limits)
  const evidence = readEvidence(reader, limits.itemsMax - dots.length)
  reader.end()
  return { key, entry: { items: interleave(reader, dots, evidence) } }
}

/** The key at the start of an encoded entry, `undefined` when not even that is well formed. For reports. */
export function readKey(bytes: Uint8Array, limits: EntryLimits = ENTRY_LIMITS): string | undefined {
  try {
    const reader = new ByteReader(bytes)
    return reader.u8() === ENTRY_FORMAT ? reader.string(limits.keyBytesMax) : undefined
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/**
 * The entry in the rows of a store. Give `undefined` for a row that is not there.
 *
 * @throws DecodeError when a row is not in canonical form, for example because of a format of another release.
 */
export function decodeRows(live: Uint8Array | undefined, evidence: Uint8Array | undefined): Entry {
  const dots = live === undefined ? [] : readWhole(live, reader => readLive(reader, ROW_LIMITS))
  const empty =
    evidence === undefined ? [] : readWhole(evidence, reader => readEvidence(reader, ROW_LIMITS.itemsMax))
  // Rows are written together. Should one of them be older nevertheless, the merge is what puts them right.
  return joinEntries({ items: dots }, { items: empty })
}

function readLive(reader: ByteReader, limits: EntryLimits): Dot[] {
  const count = readCount(reader, limits.itemsMax)
  if (count === 0) return []
  // Not an empty list: it would make room for 17 items at the first.
  const dots = [readDot(reader, limits, undefined)]
  for (let i = 1; i < count; i++) dots.push(readDot(reader, limits, dots[i - 1]))
  return dots
}

function readDot(reader: ByteReader, limits: EntryLimits, previous: Dot | undefined): Dot {
  const replica = readReplica(reader, previous)
  const stamp = reader.u64()
  const kind = reader.u8()
  if (kind > ENDING) reader.fail('unknownType', `dot kind ${kind}`, reader.offset - 1)
  const expiresAtMs = kind === ENDING ? reader.varint() : undefined
  const value = reader.copy(limits.valueBytesMax)
  assertValue(reader, value, limits)
  return expiresAtMs === undefined ? { replica, stamp, value } : { replica, stamp, value, expiresAtMs }
}

/** One value that is well formed and within the limits, as a view. */
export function readValue(reader: ByteReader, limits: EntryLimits): Uint8Array {
  const value = reader.bytes(limits.valueBytesMax)
  assertValue(reader, value, limits)
  return value
}

/** Refuses a value that was just read and is not well formed or not within the limits. */
function assertValue(reader: ByteReader, value: Uint8Array, limits: EntryLimits): void {
  try {
    checkValue(value, { bytesMax: limits.valueBytesMax, depthMax: limits.valueDepthMax })
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new DecodeError(error.reason, reader.offset - value.length + error.offset, 'in a value')
  }
}

function readEvidence(reader: ByteReader, itemsMax: number): Item[] {
  const items: Item[] = []
  const count = readCount(reader, itemsMax)
  for (let i = 0; i < count; i++) {
    const replica = readReplica(reader, items[i - 1])
    items.push({ replica, stamp: reader.u64(), value: undefined })
  }
  return items
}

/** Every item takes 16 bytes or more, so a false count is refused before the first is read. */
function readCount(reader: ByteReader, max: number): number {
  const start = reader.offset
  const count = reader.varint()
  if (count > max) reader.fail('tooLong', `${count} items, at most ${max}`, start)
  if (count * 16 > reader.remaining) reader.fail('truncated', `${count} items`, start)
  return count
}

function readReplica(reader: ByteReader, previous: Item | undefined): ReplicaId {
  const start = reader.offset
  const replica = replicaIdOfWords(reader.u32(), reader.u32())
  if (previous !== undefined && replica <= previous.replica) reader.fail('notSorted', 'replica ids', start)
  return replica
}

/** Puts both kinds of items in one order. A replica in both would have two items, which no merge makes. */
export function interleave(
  reader: ByteReader,
  dots: readonly Item[],
  evidence: readonly Item[]
): readonly Item[] {
  if (dots.length + evidence.length === 0) reader.fail('invalid', 'an entry has at least one item')
  if (evidence.length === 0) return dots
  if (dots.length === 0) return evidence
  const items = inOrder(dots, evidence)
  if (items.some((item, i) => items[i + 1]?.replica === item.replica)) {
    reader.fail('invalid', 'two items of one replica')
  }
  return items
}

function readWhole<T>(bytes: Uint8Array, read: (reader: ByteReader) => T[]): T[] {
  const reader = new ByteReader(bytes)
  const items = read(reader)
  reader.end()
  if (items.length === 0) reader.fail('invalid', 'a row has at least one item')
  return items
}

/** @param key the key with its length before it. */
function evidenceHash(key: Uint8Array, evidence: Uint8Array, hash: Hash): Uint8Array<ArrayBuffer> {
  const input = new Uint8Array(1 + key.length + evidence.length)
  input[0] = EVIDENCE_DOMAIN
  input.set(key, 1)
  input.set(evidence, 1 + key.length)
  return hash(input)
}
