import type { ReplicaId } from './types.ts'

/** Bytes of a replica id. */
export const REPLICA_ID_BYTES = 8

/** Ids whose text is remembered. Source: guess; a map has a few writers at a time, and each id takes about 100 bytes. */
const REMEMBERED = 256

const PATTERN = /^[0-9a-f]{16}$/

// A place for each id by a few of its bits; the latest of those that share one stays.
const texts = Array.from({ length: REMEMBERED }, () => '0'.repeat(REPLICA_ID_BYTES * 2))
const highs = new Uint32Array(REMEMBERED)
const lows = new Uint32Array(REMEMBERED)

// The id that was written last: a replica writes its own over and over.
let written = texts[0] as string
const writtenBytes = new Uint8Array(REPLICA_ID_BYTES)

/**
 * The replica id of 8 bytes. Draw them at random: a replica id must never be used by two stores, or twice by one.
 *
 * @throws RangeError when there are not 8.
 */
export function replicaIdOf(bytes: Uint8Array): ReplicaId {
  if (bytes.length !== REPLICA_ID_BYTES) throw new RangeError(`A replica id has 8 bytes, got ${bytes.length}`)
  return readReplicaId(bytes, 0)
}

/** The replica id of the 8 bytes at `at`, which must be there. One that was read lately is the same string. */
export function readReplicaId(bytes: Uint8Array, at: number): ReplicaId {
  return replicaIdOfWords(readU32(bytes, at), readU32(bytes, at + 4))
}

/** The replica id of its first four bytes and its last four, as numbers. One that was read lately is the same string. */
export function replicaIdOfWords(high: number, low: number): ReplicaId {
  const place = (high ^ low) & (REMEMBERED - 1)
  if (highs[place] === high && lows[place] === low) return texts[place] as string
  const id = hex32(high) + hex32(low)
  texts[place] = id
  highs[place] = high
  lows[place] = low
  return id
}

/**
 * The 8 bytes of a replica id.
 *
 * @throws RangeError when it is not one.
 */
export function replicaIdBytes(id: ReplicaId): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(REPLICA_ID_BYTES)
  writeReplicaId(bytes, 0, id)
  return bytes
}

/**
 * Writes the 8 bytes of a replica id.
 *
 * @throws RangeError when it is not one.
 */
export function writeReplicaId(to: Uint8Array, at: number, id: ReplicaId): void {
  if (id !== written) encode(id)
  for (let i = 0; i < REPLICA_ID_BYTES; i++) to[at + i] = writtenBytes[i] as number
}

function encode(id: ReplicaId): void {
  if (!isReplicaId(id)) {
    throw new RangeError(`A replica id is 16 lowercase hexadecimal digits, got ${JSON.stringify(id)}`)
  }
  for (let i = 0; i < REPLICA_ID_BYTES; i++) {
    writtenBytes[i] = (nibble(id.charCodeAt(i * 2)) << 4) | nibble(id.charCodeAt(i * 2 + 1))
  }
  written = id
}

/** Whether `id` is a replica id. */
export function isReplicaId(id: string): id is ReplicaId {
  return PATTERN.test(id)
}

function nibble(unit: number): number {
  return unit < 0x3a ? unit - 0x30 : unit - 0x57
}

function hex32(word: number): string {
  return word.toString(16).padStart(8, '0')
}

function readU32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  )
}
