const SLOTS_MIN = 64
/** Slots made at once for rows that are said to come, at most: 8 MiB. */
const SLOTS_EXPECTED_MAX = 2 ** 20
/** Rows per slot above which the table doubles. */
const LOAD_MAX = 0.7
/** What a slot holds at most, in bytes. */
const SIZE_MAX = 0xffff_ffff

/**
 * The sizes of a log's rows by their hashes, so that replacing a row, which is named by its hash alone, says how many bytes
 * it frees. It knows 32 bits of each hash, at about 16 bytes a row. Rows that agree in those are taken for one: the first that
 * goes takes the bytes of all with it, which costs an estimate its last digits and nothing else.
 */
export class SizeTable {
  #keys: Uint32Array
  #sizes: Uint32Array
  #used = 0

  /** `expected`: rows that are likely to come. */
  constructor(expected = 0) {
    let slots = SLOTS_MIN
    while (slots < SLOTS_EXPECTED_MAX && slots * LOAD_MAX < expected) slots *= 2
    this.#keys = new Uint32Array(slots)
    this.#sizes = new Uint32Array(slots)
  }

  add(hash: Uint8Array, bytes: number): void {
    if (this.#used + 1 > this.#keys.length * LOAD_MAX) this.#grow()
    this.#insert(keyOf(hash), bytes)
  }

  /** Forgets the row with this hash; its size, or 0 when there is none. */
  take(hash: Uint8Array): number {
    const keys = this.#keys
    const key = keyOf(hash)
    const mask = keys.length - 1
    let slot = spread(key) & mask
    while (keys[slot] !== key) {
      if (keys[slot] === 0) return 0
      slot = (slot + 1) & mask
    }
    const bytes = this.#sizes[slot] as number
    this.#remove(slot)
    return bytes
  }

  #insert(key: number, bytes: number): void {
    const mask = this.#keys.length - 1
    let slot = spread(key) & mask
    while (this.#keys[slot] !== 0 && this.#keys[slot] !== key) slot = (slot + 1) & mask
    if (this.#keys[slot] === 0) this.#used++
    this.#keys[slot] = key
    this.#sizes[slot] = Math.min((this.#sizes[slot] as number) + bytes, SIZE_MAX)
  }

  /** Moves up what follows, so that no search stops at a hole before what it looks for. */
  #remove(at: number): void {
    const mask = this.#keys.length - 1
    let hole = at
    for (let slot = (at + 1) & mask; this.#keys[slot] !== 0; slot = (slot + 1) & mask) {
      const home = spread(this.#keys[slot] as number) & mask
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      this.#keys[hole] = this.#keys[slot] as number
      this.#sizes[hole] = this.#sizes[slot] as number
      hole = slot
    }
    this.#keys[hole] = 0
    this.#sizes[hole] = 0
    this.#used--
  }

  #grow(): void {
    const [keys, sizes] = [this.#keys, this.#sizes]
    this.#keys = new Uint32Array(keys.length * 2)
    this.#sizes = new Uint32Array(keys.length * 2)
    this.#used = 0
    for (let slot = 0; slot < keys.length; slot++) {
      if (keys[slot] !== 0) this.#insert(keys[slot] as number, sizes[slot] as number)
    }
  }
}

/** The first four bytes; never 0, which marks a free slot. */
function keyOf(hash: Uint8Array): number {
  const key =
    (((hash[0] as number) << 24) |
      ((hash[1] as number) << 16) |
      ((hash[2] as number) << 8) |
      (hash[3] as number)) >>>
    0
  return key === 0 ? 1 : key
}

/** Item hashes are spread already; a caller's own may not be. */
function spread(key: number): number {
  const mixed = Math.imul(key, 0x9e3779b1)
  return (mixed ^ (mixed >>> 15)) >>> 0
}
