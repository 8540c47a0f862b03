import { Fingerprint, ITEM_HASH_BYTES } from '@starling/reconcile/fingerprint'

const LIMBS = ITEM_HASH_BYTES / 4
const LIMB = 2 ** 32
/** Hashes after which the limbs are carried: far fewer than the 2^21 that a number's 53 bits would hold. */
const CARRY_AFTER = 2 ** 16

/** A sum of hashes that lie in larger pieces of memory, without a view of each. */
export class HashSum {
  // The most significant limb first, as in a hash; each with what it has yet to carry.
  readonly #limbs = new Float64Array(LIMBS)
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Adds the hash that begins at `at`. */
  add(view: DataView, at: number): void {
    for (let i = 0; i < LIMBS; i++) (this.#limbs[i] as number) += view.getUint32(at + i * 4)
    if (++this.#count % CARRY_AFTER === 0) this.#carry()
  }

  fingerprint(): Fingerprint {
    this.#carry()
    const sum = new Uint8Array(ITEM_HASH_BYTES)
    const view = new DataView(sum.buffer)
    for (let i = 0; i < LIMBS; i++) view.setUint32(i * 4, this.#limbs[i] as number)
    return Fingerprint.of(sum, this.#count)
  }

  #carry(): void {
    let carry = 0
    for (let i = LIMBS - 1; i >= 0; i--) {
      const total = (this.#limbs[i] as number) + carry
      carry = Math.floor(total / LIMB)
      this.#limbs[i] = total - carry * LIMB
    }
  }
}
