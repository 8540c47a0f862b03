import { varintLength } from '@starling/codec'
import { ENTRY_FORMAT, ROW_LIMITS } from './config.ts'
import { copyBytes } from './copy-bytes.ts'
import { isDot } from './entry.ts'
import { encodeKey } from './key.ts'
import { readReplicaId, REPLICA_ID_BYTES, writeReplicaId } from './replica-id.ts'
import type { Dot, Entry, Item } from './types.ts'
import { readU64, writeU64 } from './u64.ts'

// The encoded entry (docs/wire/entry.md) written to, and read from, a place in bytes that hold more: the store's slabs. What is
// read here was written or checked by this package; what comes from outside goes through `wire.ts`.

/** A dot without an end, and one with. */
const ENDLESS = 0
export const ENDING = 1

const ASCII_MAX = 0x7f

/** Bytes of an item of evidence, and of the identity of a dot. */
const IDENTITY_BYTES: number = REPLICA_ID_BYTES + 8

/**
 * How many bytes an encoded entry has.
 *
 * @throws InvalidKeyError when the key is not well formed text.
 */
export function entryLength(key: string, entry: Entry): number {
  const keyBytes = keyLength(key)
  let dots = 0
  let length = 1 + varintLength(keyBytes) + keyBytes
  const { items } = entry
  for (let i = 0; i < items.length; i++) {
    const { value, expiresAtMs } = items[i] as Item
    length += IDENTITY_BYTES
    if (value === undefined) continue
    dots++
    length += 1 + varintLength(value.length) + value.length
    if (expiresAtMs !== undefined) length += varintLength(expiresAtMs)
  }
  return length + varintLength(dots) + varintLength(items.length - dots)
}

/**
 * Writes an encoded entry of {@link entryLength} bytes.
 *
 * @returns where it ends.
 * @throws RangeError for a replica id, stamp or end that is none.
 */
export function writeEntry(to: Uint8Array, start: number, key: string, entry: Entry): number {
  const { items } = entry
  let dots = 0
  for (let i = 0; i < items.length; i++) if (isDot(items[i] as Item)) dots++
  to[start] = ENTRY_FORMAT
  let at = writeKey(to, start + 1, key)
  at = writeVarint(to, at, dots)
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as Item
    if (isDot(item)) at = writeDot(to, at, item)
  }
  at = writeVarint(to, at, items.length - dots)
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as Item
    if (!isDot(item)) at = writeIdentity(to, at, item)
  }
  return at
}

/** The entry in bytes that {@link writeEntry} wrote, or that have been checked. Values are views. */
export function readEntry(bytes: Uint8Array, start: number): Entry {
  const reader = cursorAt(bytes, skipKey(bytes, start))
  const live = reader.varint()
  // Not an empty list where there is a dot: it would make room for 17 items at the first.
  const dots = live === 0 ? [] : [reader.dot()]
  for (let i = 1; i < live; i++) dots.push(reader.dot())
  const count = reader.varint()
  if (count === 0) return { items: dots }
  const evidence: Item[] = []
  for (let i = 0; i < count; i++) evidence.push(reader.evidence())
  return { items: dots.length === 0 ? evidence : inOrder(dots, evidence) }
}

/** Two lists of items in ascending order as one. */
export function inOrder(dots: readonly Item[], evidence: readonly Item[]): Item[] {
  const items: Item[] = []
  let j = 0
  for (const dot of dots) {
    while (j < evidence.length && (evidence[j] as Item).replica < dot.replica)
      items.push(evidence[j++] as Item)
    items.push(dot)
  }
  while (j < evidence.length) items.push(evidence[j++] as Item)
  return items
}

/** Whether the entry that starts here has a live dot. */
export function isLive(bytes: Uint8Array, start: number): boolean {
  return bytes[skipKey(bytes, start)] !== 0
}

/** Where the key of the entry that starts here begins. */
export function keyStart(bytes: Uint8Array, start: number): number {
  const reader = cursorAt(bytes, start + 1)
  reader.varint()
  return reader.at
}

/** Where the live dots of the entry that starts here begin. */
export function skipKey(bytes: Uint8Array, start: number): number {
  const reader = cursorAt(bytes, start + 1)
  const length = reader.varint()
  return reader.at + length
}

/** Where the live dots of the entry that starts here end, and with them what the item hash covers. */
export function liveEnd(bytes: Uint8Array, start: number): number {
  const reader = cursorAt(bytes, skipKey(bytes, start))
  for (let count = reader.varint(); count > 0; count--) reader.skipDot()
  return reader.at
}

class Cursor {
  bytes: Uint8Array = new Uint8Array(0)
  at = 0

  varint(): number {
    let byte = this.bytes[this.at++] as number
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
      byte = this.bytes[this.at++] as number
      value += (byte & 0x7f) * scale
    }
    return value
  }

  dot(): Item {
    const bytes = this.bytes
    const replica = readReplicaId(bytes, this.at)
    const stamp = readU64(bytes, this.at + REPLICA_ID_BYTES)
    const ends = bytes[this.at + IDENTITY_BYTES] === ENDING
    this.at += IDENTITY_BYTES + 1
    const expiresAtMs = ends ? this.varint() : 0
    const length = this.varint()
    const value = bytes.subarray(this.at, this.at + length)
    this.at += length
    return ends ? { replica, stamp, value, expiresAtMs } : { replica, stamp, value }
  }

  skipDot(): void {
    const ends = this.bytes[this.at + IDENTITY_BYTES] === ENDING
    this.at += IDENTITY_BYTES + 1
    if (ends) this.varint()
    const length = this.varint()
    this.at += length
  }

  evidence(): Item {
    const at = this.at
    this.at += IDENTITY_BYTES
    const stamp = readU64(this.bytes, at + REPLICA_ID_BYTES)
    return { replica: readReplicaId(this.bytes, at), stamp, value: undefined }
  }
}

/** One for all calls: reading calls nobody else's code, so a call never finds it in use. It keeps what it read last alive. */
const cursor = new Cursor()

function cursorAt(bytes: Uint8Array, at: number): Cursor {
  cursor.bytes = bytes
  cursor.at = at
  return cursor
}

function writeDot(to: Uint8Array, start: number, dot: Dot): number {
  const { value, expiresAtMs } = dot
  let at = writeIdentity(to, start, dot)
  if (expiresAtMs === undefined) {
    to[at++] = ENDLESS
  } else {
    if (!Number.isSafeInteger(expiresAtMs) || expiresAtMs < 0) {
      throw new RangeError(`expiresAtMs must be a whole number of ms from 0, got ${expiresAtMs}`)
    }
    to[at++] = ENDING
    at = writeVarint(to, at, expiresAtMs)
  }
  at = writeVarint(to, at, value.length)
  copyBytes(value, 0, value.length, to, at)
  return at + value.length
}

function writeIdentity(to: Uint8Array, at: number, { replica, stamp }: Item): number {
  writeReplicaId(to, at, replica)
  writeU64(to, at + REPLICA_ID_BYTES, stamp)
  return at + IDENTITY_BYTES
}

function keyLength(key: string): number {
  return isAscii(key) ? key.length : encodeKey(key, ROW_LIMITS).length
}

function writeKey(to: Uint8Array, start: number, key: string): number {
  const at = writeVarint(to, start, key.length)
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    if (unit > ASCII_MAX) return writeLongKey(to, start, key)
    to[at + i] = unit
  }
  return at + key.length
}

function writeLongKey(to: Uint8Array, start: number, key: string): number {
  const bytes = encodeKey(key, ROW_LIMITS)
  const at = writeVarint(to, start, bytes.length)
  to.set(bytes, at)
  return at + bytes.length
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > ASCII_MAX) return false
  return typeof text === 'string'
}

function writeVarint(to: Uint8Array, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest > 0x7f) {
    // Division, not a shift: shifts cut at 32 bits.
    to[at++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  to[at++] = rest
  return at
}
