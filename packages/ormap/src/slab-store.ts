import { PAGE_BITS, PAGE_SLOTS, SLAB_BYTES, SLAB_BYTES_MIN, SLAB_LIVE_SHARE_MIN } from './config.ts'
import { copyBytes } from './copy-bytes.ts'

/** Bytes before each row in its slab: whose it is, and how long. */
const HEADER_BYTES = 8

/** The number of no slab: of a slot without a row. */
const NOWHERE = 0xffff_ffff

interface Slab {
  number: number
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Bytes from the start that are taken. */
  used: number
  /** Bytes of rows that still count, with their headers. */
  live: number
}

/**
 * Rows of bytes by key, without an object for each: rows are appended to slabs, and a slot says where the row of a key is. A row
 * that is replaced stays where it was, dead, and no byte of a row is ever written again, so that views on rows stay true for as
 * long as anybody holds them. (A view keeps its whole slab alive.)
 *
 * A full slab whose rows are all dead is dropped. When the full slabs together are longer than `1 / SLAB_LIVE_SHARE_MIN` times the
 * living rows, the sparsest one is left: its living rows are appended once more elsewhere. So the slabs take at most that, and one
 * slab more, and a replaced row moves at most one other on average; none where rows are replaced in the order of their age.
 */
export class SlabStore {
  readonly #slots = new Map<string, number>()
  /** Slab and offset of each slot, interleaved. */
  readonly #pages: Uint32Array[] = []
  /** Slots that a key has left. */
  readonly #freeSlots: number[] = []
  #slotCount = 0
  readonly #slabs: (Slab | undefined)[] = []
  readonly #freeSlabs: number[] = []
  /** The slab that is appended to. */
  #open: Slab | undefined
  /** Where the row goes that is being written, and its length. */
  #target: Slab | undefined
  #targetLength = 0
  #live = 0
  #reserved = 0

  /** How many keys have a slot. */
  get size(): number {
    return this.#slots.size
  }

  /** Bytes of all rows that count, with 8 bytes each for where they are. */
  get liveBytes(): number {
    return this.#live
  }

  /** Bytes of all slabs. */
  get slabBytes(): number {
    return this.#reserved
  }

  /** The slot of a key: a small number that stays the same until the key is deleted. */
  slotOf(key: string): number | undefined {
    return this.#slots.get(key)
  }

  /** Whether a slot holds a row now. */
  holds(slot: number): boolean {
    return slot < this.#slotCount && this.#slabNumber(slot) !== NOWHERE
  }

  /** Forgets a key and its row. Its slot may be given to another key. */
  delete(key: string): void {
    const slot = this.#slots.get(key)
    if (slot === undefined) return
    this.#slots.delete(key)
    this.#kill(slot)
    this.#freeSlots.push(slot)
    this.#leaveSparsest()
  }

  /** The bytes that hold the row of a slot, and much else. The row starts at {@link offsetOf}. */
  bytesOf(slot: number): Uint8Array {
    return this.#slabOf(slot).bytes
  }

  /** Where the row of a slot starts in {@link bytesOf}. */
  offsetOf(slot: number): number {
    return this.#page(slot)[(slot & (PAGE_SLOTS - 1)) * 2 + 1] as number
  }

  /** How many bytes the row of a slot has. */
  lengthOf(slot: number): number {
    return this.#slabOf(slot).view.getUint32(this.offsetOf(slot) - 4)
  }

  /** The row of a slot, as a view that stays true. */
  rowOf(slot: number): Uint8Array {
    const at = this.offsetOf(slot)
    return this.bytesOf(slot).subarray(at, at + this.lengthOf(slot))
  }

  /** Whether the row of a slot has exactly these bytes. */
  isRow(slot: number, row: Uint8Array): boolean {
    if (this.lengthOf(slot) !== row.length) return false
    const bytes = this.bytesOf(slot)
    const at = this.offsetOf(slot)
    for (let i = 0; i < row.length; i++) if (bytes[at + i] !== row[i]) return false
    return true
  }

  /**
   * Makes room for a row. The caller writes it at {@link room} and then calls {@link commit}, with nothing else in between; a
   * caller that fails meanwhile leaves nothing behind.
   *
   * @returns the bytes to write it to.
   */
  reserve(length: number): Uint8Array {
    this.#target = this.#slabFor(HEADER_BYTES + length)
    this.#targetLength = length
    return this.#target.bytes
  }

  /** Where the row begins in what {@link reserve} gave. */
  get room(): number {
    return (this.#target as Slab).used + HEADER_BYTES
  }

  /**
   * Makes what was written the row of a key, instead of the one before.
   *
   * @param known the slot of the key, `undefined` when it has none.
   * @returns the slot of the key.
   */
  commit(key: string, known: number | undefined): number {
    const slot = known ?? this.#add(key)
    this.#kill(slot)
    this.#append(this.#target as Slab, slot, this.#targetLength)
    this.#leaveSparsest()
    return slot
  }

  /** The keys and their slots, in the order in which they were added. */
  entries(): MapIterator<[key: string, slot: number]> {
    return this.#slots.entries()
  }

  #add(key: string): number {
    const slot = this.#freeSlots.pop() ?? this.#slotCount++
    if (slot === this.#pages.length * PAGE_SLOTS) this.#pages.push(new Uint32Array(PAGE_SLOTS * 2))
    this.#place(slot, NOWHERE, 0)
    this.#slots.set(key, slot)
    return slot
  }

  #append(slab: Slab, slot: number, length: number): void {
    if (slab.number === NOWHERE) this.#enter(slab)
    slab.view.setUint32(slab.used, slot)
    slab.view.setUint32(slab.used + 4, length)
    this.#place(slot, slab.number, slab.used + HEADER_BYTES)
    const total = HEADER_BYTES + length
    slab.used += total
    slab.live += total
    this.#live += total
  }

  /** The slab for a row: the open one if it fits, a new one if not, and one of its own for a row that would waste much of one. */
  #slabFor(total: number): Slab {
    if (total > SLAB_BYTES / 4) return newSlab(total)
    const full = this.#open
    if (full !== undefined && full.used + total <= full.bytes.length) return full
    // Small maps have small slabs, so that the bound holds for them too.
    const open = newSlab(Math.min(SLAB_BYTES, Math.max(SLAB_BYTES_MIN, total, this.#live)))
    this.#enter(open)
    this.#open = open
    if (full?.live === 0) this.#drop(full)
    return open
  }

  #enter(slab: Slab): void {
    slab.number = this.#freeSlabs.pop() ?? this.#slabs.length
    this.#slabs[slab.number] = slab
    this.#reserved += slab.bytes.length
  }

  /** The row of a slot no longer counts. */
  #kill(slot: number): void {
    if (this.#slabNumber(slot) === NOWHERE) return
    const slab = this.#slabOf(slot)
    const total = HEADER_BYTES + this.lengthOf(slot)
    slab.live -= total
    this.#live -= total
    this.#place(slot, NOWHERE, 0)
    if (slab.live === 0 && slab !== this.#open) this.#drop(slab)
  }

  #drop(slab: Slab): void {
    this.#slabs[slab.number] = undefined
    this.#freeSlabs.push(slab.number)
    this.#reserved -= slab.bytes.length
  }

  /** Keeps the bound. While it is broken some full slab is sparser than it allows, so that leaving the sparsest one helps. */
  #leaveSparsest(): void {
    while (this.#reserved - (this.#open?.bytes.length ?? 0) > this.#live / SLAB_LIVE_SHARE_MIN) {
      let sparsest: Slab | undefined
      for (const slab of this.#slabs) {
        if (slab === undefined || slab === this.#open) continue
        if (sparsest === undefined || shareOf(slab) < shareOf(sparsest)) sparsest = slab
      }
      if (sparsest === undefined) return
      this.#live -= sparsest.live
      this.#moveRows(sparsest)
      this.#drop(sparsest)
    }
  }

  /** Appends the rows of a slab that count once more. A row counts while its slot points at it. */
  #moveRows({ number, bytes, view, used }: Slab): void {
    let at = HEADER_BYTES
    while (at <= used) {
      const slot = view.getUint32(at - HEADER_BYTES)
      const length = view.getUint32(at - 4)
      if (this.#slabNumber(slot) === number && this.offsetOf(slot) === at) {
        const to = this.#slabFor(HEADER_BYTES + length)
        copyBytes(bytes, at, length, to.bytes, to.used + HEADER_BYTES)
        this.#append(to, slot, length)
      }
      at += length + HEADER_BYTES
    }
  }

  #slabOf(slot: number): Slab {
    return this.#slabs[this.#slabNumber(slot)] as Slab
  }

  #slabNumber(slot: number): number {
    return this.#page(slot)[(slot & (PAGE_SLOTS - 1)) * 2] as number
  }

  #page(slot: number): Uint32Array {
    return this.#pages[slot >>> PAGE_BITS] as Uint32Array
  }

  #place(slot: number, slab: number, offset: number): void {
    const page = this.#page(slot)
    const at = (slot & (PAGE_SLOTS - 1)) * 2
    page[at] = slab
    page[at + 1] = offset
  }
}

function newSlab(length: number): Slab {
  const bytes = new Uint8Array(length)
  return { number: NOWHERE, bytes, view: new DataView(bytes.buffer), used: 0, live: 0 }
}

function shareOf(slab: Slab): number {
  return slab.live / slab.bytes.length
}
