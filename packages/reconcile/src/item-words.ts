/**
 * An item as 32-bit words, the most significant first, so that comparing words compares stamps, then hashes byte by byte:
 * two words of stamp, eight of hash, one of the owner's reference.
 */
import { ITEM_HASH_BYTES } from './fingerprint.ts'

/** Words that order items: the stamp and the hash. */
export const KEY_WORDS = 10

/** Words of an item: its key and its reference. */
export const ITEM_WORDS = 11

/** Where the hash begins in an item. */
export const HASH_AT = 2

/** Bytes of a key: an 8-byte stamp, then the hash. */
export const KEY_BYTES = 40

const STAMP_MAX = 0xffff_ffff_ffff_ffffn
const SUM_WORDS = 8
const stampView = new DataView(new ArrayBuffer(8))

/**
 * Writes the key of an item to `to`, beginning at word `at`.
 *
 * @throws RangeError when the stamp has more than 64 bits or the hash not 32 bytes.
 */
export function putKey(to: Uint32Array, at: number, stamp: bigint, hash: Uint8Array): void {
  if (stamp < 0n || stamp > STAMP_MAX) throw new RangeError(`stamp must be from 0 to 2^64 - 1, got ${stamp}`)
  if (hash.length !== ITEM_HASH_BYTES) throw new RangeError(`An item hash has 32 bytes, got ${hash.length}`)
  stampView.setBigUint64(0, stamp)
  to[at] = stampView.getUint32(0)
  to[at + 1] = stampView.getUint32(4)
  for (let word = at + HASH_AT, byte = 0; byte < ITEM_HASH_BYTES; word++, byte += 4) {
    to[word] =
      ((hash[byte] as number) << 24) |
      ((hash[byte + 1] as number) << 16) |
      ((hash[byte + 2] as number) << 8) |
      (hash[byte + 3] as number)
  }
}

/** Writes the beginning of a key, at most 40 bytes; what is missing is zero. */
export function putKeyBytes(to: Uint32Array, bytes: Uint8Array): void {
  for (let word = 0, byte = 0; word < KEY_WORDS; word++, byte += 4) {
    to[word] =
      ((bytes[byte] ?? 0) << 24) |
      ((bytes[byte + 1] ?? 0) << 16) |
      ((bytes[byte + 2] ?? 0) << 8) |
      (bytes[byte + 3] ?? 0)
  }
}

/** The stamp of the key that begins at word `at`. */
export function stampAt(words: Uint32Array, at: number): bigint {
  stampView.setUint32(0, words[at] as number)
  stampView.setUint32(4, words[at + 1] as number)
  return stampView.getBigUint64(0)
}

/** Writes `count` words as bytes, big-endian. */
export function putBytes(
  to: Uint8Array,
  at: number,
  words: ArrayLike<number>,
  from: number,
  count: number
): void {
  for (let i = 0, byte = at; i < count; i++, byte += 4) {
    const word = words[from + i] as number
    to[byte] = word >>> 24
    to[byte + 1] = word >>> 16
    to[byte + 2] = word >>> 8
    to[byte + 3] = word
  }
}

/** Compares the keys that begin at `i` in `a` and at `j` in `b`. Negative, zero or positive. */
export function compareKeys(a: Uint32Array, i: number, b: Uint32Array, j: number): number {
  for (let k = 0; k < KEY_WORDS; k++) {
    const x = a[i + k] as number
    const y = b[j + k] as number
    if (x !== y) return x < y ? -1 : 1
  }
  return 0
}

/** Adds the 256-bit number at `from` in `b` to the one at `at` in `a`, modulo 2^256. */
export function addSum(a: Uint32Array, at: number, b: Uint32Array, from: number): void {
  let carry = 0
  for (let i = SUM_WORDS - 1; i >= 0; i--) {
    const total = (a[at + i] as number) + (b[from + i] as number) + carry
    a[at + i] = total
    carry = total > 0xffff_ffff ? 1 : 0
  }
}

/** Subtracts the 256-bit number at `from` in `b` from the one at `at` in `a`, modulo 2^256. */
export function subtractSum(a: Uint32Array, at: number, b: Uint32Array, from: number): void {
  let borrow = 0
  for (let i = SUM_WORDS - 1; i >= 0; i--) {
    const total = (a[at + i] as number) - (b[from + i] as number) - borrow
    a[at + i] = total
    borrow = total < 0 ? 1 : 0
  }
}
