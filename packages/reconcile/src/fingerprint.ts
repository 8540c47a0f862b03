/**
 * Fingerprints of sets of hashed items: the sum of the items' hashes modulo 2^256, and their number. Adding, removing and
 * joining cost the same whatever the size of the set, and the order does not matter.
 *
 * Against an insider who can craft items the sum is strong, not perfect: hiding one takes about 2^32 work by generalised
 * birthdays (Wagner, 2002). XOR and 128-bit sums were tried and fell to crafted sets within seconds.
 *
 * @packageDocumentation
 */
import { ByteReader, ByteWriter } from '@starling/codec'
import type { Hash } from '@starling/ports'

/** Bytes of an item hash, and of a sum. */
export const ITEM_HASH_BYTES = 32

/** Bytes of a fingerprint on the wire. */
export const WIRE_FINGERPRINT_BYTES = 16

/** Bytes of {@link encodeFingerprint}. */
export const FINGERPRINT_BYTES = 40

const LIMBS = 8

/**
 * A running fingerprint of a set. It does not remember the items: adding one twice counts twice, and removing one that is not
 * there leaves a sum that means nothing.
 */
export class Fingerprint {
  // 32-bit limbs, the least significant first.
  readonly #limbs = new Uint32Array(LIMBS)
  #count = 0

  /** The fingerprint with this sum (32 bytes, big-endian) and count. */
  static of(sum: Uint8Array, count: number): Fingerprint {
    if (!Number.isSafeInteger(count) || count < 0)
      throw new RangeError(`count must be 0 or more, got ${count}`)
    const fingerprint = new Fingerprint()
    fingerprint.add(sum)
    fingerprint.#count = count
    return fingerprint
  }

  /** How many items there are. */
  get count(): number {
    return this.#count
  }

  /** The sum of the item hashes as 32 bytes, big-endian; a fresh array each time. */
  get sum(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(ITEM_HASH_BYTES)
    for (let i = 0; i < LIMBS; i++) {
      const limb = this.#limbs[i] as number
      const at = ITEM_HASH_BYTES - 4 - i * 4
      bytes[at] = limb >>> 24
      bytes[at + 1] = limb >>> 16
      bytes[at + 2] = limb >>> 8
      bytes[at + 3] = limb
    }
    return bytes
  }

  /** Adds the item with this hash. Returns itself. */
  add(hash: Uint8Array): this {
    checkHash(hash)
    let carry = 0
    for (let i = 0; i < LIMBS; i++) carry = this.#addLimb(i, limbOf(hash, i) + carry)
    this.#count++
    return this
  }

  /**
   * Removes the item with this hash, which must have been added. Returns itself.
   *
   * @throws RangeError when there is no item at all.
   */
  remove(hash: Uint8Array): this {
    checkHash(hash)
    if (this.#count === 0) throw new RangeError('There is no item to remove')
    let borrow = 0
    for (let i = 0; i < LIMBS; i++) borrow = this.#subtractLimb(i, limbOf(hash, i) + borrow)
    this.#count--
    return this
  }

  /** Adds all items of another set. Returns itself. */
  combine(other: Fingerprint): this {
    let carry = 0
    for (let i = 0; i < LIMBS; i++) carry = this.#addLimb(i, (other.#limbs[i] as number) + carry)
    this.#count += other.#count
    return this
  }

  /**
   * Removes all items of another set, which must have been added. Returns itself.
   *
   * @throws RangeError when the other set has more items.
   */
  subtract(other: Fingerprint): this {
    if (other.#count > this.#count) throw new RangeError('There are fewer items than are to be removed')
    let borrow = 0
    for (let i = 0; i < LIMBS; i++) borrow = this.#subtractLimb(i, (other.#limbs[i] as number) + borrow)
    this.#count -= other.#count
    return this
  }

  /** Whether both have the same sum and count, which for honest items means the same set. */
  equals(other: Fingerprint): boolean {
    if (this.#count !== other.#count) return false
    for (let i = 0; i < LIMBS; i++) if (this.#limbs[i] !== other.#limbs[i]) return false
    return true
  }

  /** An independent copy. */
  clone(): Fingerprint {
    const copy = new Fingerprint()
    copy.#limbs.set(this.#limbs)
    copy.#count = this.#count
    return copy
  }

  #addLimb(i: number, amount: number): number {
    const total = (this.#limbs[i] as number) + amount
    this.#limbs[i] = total
    return total > 0xffff_ffff ? 1 : 0
  }

  #subtractLimb(i: number, amount: number): number {
    const total = (this.#limbs[i] as number) - amount
    this.#limbs[i] = total
    return total < 0 ? 1 : 0
  }
}

/** The sum (32 bytes), then the count (8 bytes, big-endian): what is stored, and what is hashed for the wire. */
export function encodeFingerprint(fingerprint: Fingerprint): Uint8Array<ArrayBuffer> {
  return new ByteWriter(FINGERPRINT_BYTES).raw(fingerprint.sum).u64(BigInt(fingerprint.count)).finish()
}

/**
 * Reads what {@link encodeFingerprint} wrote.
 *
 * @throws DecodeError when it is not exactly that.
 */
export function decodeFingerprint(bytes: Uint8Array): Fingerprint {
  const reader = new ByteReader(bytes)
  const sum = reader.raw(ITEM_HASH_BYTES)
  const count = reader.u64()
  reader.end()
  if (count > BigInt(Number.MAX_SAFE_INTEGER)) reader.fail('outOfRange', 'count', ITEM_HASH_BYTES)
  return Fingerprint.of(sum, Number(count))
}

/** What two sides compare: the first 16 bytes of the hash of {@link encodeFingerprint}. */
export function wireFingerprint(fingerprint: Fingerprint, hash: Hash): Uint8Array<ArrayBuffer> {
  return hash(encodeFingerprint(fingerprint)).slice(0, WIRE_FINGERPRINT_BYTES)
}

function limbOf(hash: Uint8Array, i: number): number {
  const at = ITEM_HASH_BYTES - 4 - i * 4
  return (
    (((hash[at] as number) << 24) |
      ((hash[at + 1] as number) << 16) |
      ((hash[at + 2] as number) << 8) |
      (hash[at + 3] as number)) >>>
    0
  )
}

function checkHash(hash: Uint8Array): void {
  if (hash.length !== ITEM_HASH_BYTES) throw new RangeError(`An item hash has 32 bytes, got ${hash.length}`)
}
