import type { ReplicaId } from './types.ts'

/** Bytes of a replica id. */
export const REPLICA_ID_BYTES = 8

/** Ids whose text is remembered. Source: guess; a map has a few writers at a time, and each id takes about 100 bytes. */
const REMEMBERED = 256

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const PATTERN = /^[0-9a-f]{16}$/
/** The value of each digit by its character, and what is greater for any other. */
const NIBBLES = Uint8Array.from({ length: 128 }, (_, unit) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(unit))
  return digit === -1 ? 0xff : digit
})

// A place for each id by a few of its bits; the latest of those that share one stays.
const texts = Array.from({ length: REMEMBERED }, () => '0'.repeat(REPLICA_ID_BYTES * 2))
const highs = new Uint32Array(REMEMBERED)
const lows = new Uint32Array(REMEMBERED)

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
  const high = readU32(bytes, at)
  const low = readU32(bytes, at + 4)
  const place = (high ^ low) & (REMEMBERED - 1)
  if (highs[place] === high && lows[place] === low) return texts[place] as string
  let id = ''
  for (let i = at; i < at + REPLICA_ID_BYTES; i++) id += HEX[bytes[i] as number]
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
  let wrong = id.length ^ (REPLICA_ID_BYTES * 2)
  for (let i = 0; i < REPLICA_ID_BYTES; i++) {
    const high = nibble(id, i * 2)
    const low = nibble(id, i * 2 + 1)
    wrong |= (high | low) & 0xf0
    to[at + i] = (high << 4) | low
  }
  if (wrong !== 0) {
    throw new RangeError(`A replica id is 16 lowercase hexadecimal digits, got ${JSON.stringify(id)}`)
  }
}

/** Whether `id` is a replica id. */
export function isReplicaId(id: string): id is ReplicaId {
  return PATTERN.test(id)
}

function nibble(id: string, at: number): number {
  return NIBBLES[id.charCodeAt(at)] ?? 0xff
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
