const SLOTS_MIN = 64
/** Slots made at once for rows that are said to come, at most: 16 MiB. */
const SLOTS_EXPECTED_MAX = 2 ** 21
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
  /** Two numbers a slot, the key and the size, so that a row's slot is one place in memory. */
  #slots: Uint32Array
  #mask: number
  #used = 0

  /** `expected`: rows that are likely to come. */
  constructor(expected = 0) {
    let slots = SLOTS_MIN
    while (slots < SLOTS_EXPECTED_MAX && slots * LOAD_MAX < expected) slots *= 2
    this.#slots = new Uint32Array(slots * 2)
    this.#mask = slots - 1
  }

  add(hash: Uint8Array, bytes: number): void {
    this.addPrefix(prefixOf(hash), bytes)
  }

  /** The same, given the first four bytes of the hash as a number. */
  addPrefix(prefix: number, bytes: number): void {
    if (this.#used + 1 > (this.#mask + 1) * LOAD_MAX) this.#grow()
    this.#insert(keyOf(prefix), bytes)
  }

  /** Forgets the row with this hash; its size, or 0 when there is none. */
  take(hash: Uint8Array): number {
    const slots = this.#slots
    const key = keyOf(prefixOf(hash))
    let slot = spread(key) & this.#mask
    while (slots[slot * 2] !== key) {
      if (slots[slot * 2] === 0) return 0
      slot = (slot + 1) & this.#mask
    }
    const bytes = slots[slot * 2 + 1] as number
    this.#remove(slot)
    return bytes
  }

  #insert(key: number, bytes: number): void {
    const slots = this.#slots
    let slot = spread(key) & this.#mask
    while (slots[slot * 2] !== 0 && slots[slot * 2] !== key) slot = (slot + 1) & this.#mask
    if (slots[slot * 2] === 0) this.#used++
    slots[slot * 2] = key
    slots[slot * 2 + 1] = Math.min((slots[slot * 2 + 1] as number) + bytes, SIZE_MAX)
  }

  /** Moves up what follows, so that no search stops at a hole before what it looks for. */
  #remove(at: number): void {
    const [slots, mask] = [this.#slots, this.#mask]
    let hole = at
    for (let slot = (at + 1) & mask; slots[slot * 2] !== 0; slot = (slot + 1) & mask) {
      const home = spread(slots[slot * 2] as number) & mask
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      slots[hole * 2] = slots[slot * 2] as number
      slots[hole * 2 + 1] = slots[slot * 2 + 1] as number
      hole = slot
    }
    slots[hole * 2] = 0
    slots[hole * 2 + 1] = 0
    this.#used--
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Uint32Array(before.length * 2)
    this.#mask = before.length - 1
    this.#used = 0
    for (let at = 0; at < before.length; at += 2) {
      if (before[at] !== 0) this.#insert(before[at] as number, before[at + 1] as number)
    }
  }
}

function prefixOf(hash: Uint8Array): number {
  return (
    (((hash[0] as number) << 24) |
      ((hash[1] as number) << 16) |
      ((hash[2] as number) << 8) |
      (hash[3] as number)) >>>
    0
  )
}

/** Never 0, which marks a free slot. */
function keyOf(prefix: number): number {
  return prefix === 0 ? 1 : prefix
}

/** Item hashes are spread already; a caller's own may not be. */
function spread(key: number): number {
  const mixed = Math.imul(key, 0x9e3779b1)
  return (mixed ^ (mixed >>> 15)) >>> 0
}
