import { addSum, HASH_AT, ITEM_WORDS, subtractSum } from './item-words.ts'
import { Page } from './page.ts'

/**
 * The pages of an ordered fingerprint tree: a B+-tree whose branches know sum and number of what is below each slot.
 *
 * Every page but the root and the last of its level is at least half full. The last one may hold less, because new items mostly
 * come at the end: a full last page is left behind full. Elsewhere a full page gives to a neighbour before it splits.
 */
export class PageTree {
  #root: Page
  // A page of another owner may be part of another tree as well, and is copied before it changes.
  #owner: object = {}
  readonly capacity: number
  // The way from the root to a leaf that the last search took: pages, and the slot in each.
  #path: Page[] = []
  #slots: number[] = []

  constructor(capacity: number) {
    this.capacity = capacity
    this.#root = new Page(this.#owner, capacity)
  }

  get root(): Page {
    return this.#root
  }

  /** Puts a tree of pages in the place of an empty tree's root; `build` makes pages of the owner it is given. */
  fill(build: (owner: object) => Page): void {
    this.#root = build(this.#owner)
  }

  /** A tree with the same items. Pages are shared until one of the two changes them. */
  clone(): PageTree {
    const clone = new PageTree(this.capacity)
    clone.#root = this.#root
    this.#owner = {}
    return clone
  }

  /** The leaf and slot where an item with this key is. The answer is good until the next call. */
  find(key: Uint32Array): { readonly leaf: Page; readonly slot: number } | undefined {
    if (!this.#descend(key)) return undefined
    return { leaf: this.#path.at(-1) as Page, slot: this.#slots.at(-1) as number }
  }

  /** Adds an item. False, and nothing changed, when there is one with this key. */
  insert(item: Uint32Array): boolean {
    for (;;) {
      if (this.#descend(item)) return false
      if ((this.#path.at(-1) as Page).size < this.capacity) break
      this.#makeRoom()
    }
    this.#ownPath()
    const last = this.#path.length - 1
    for (let level = 0; level < last; level++) {
      const page = this.#path[level] as Page
      const slot = this.#slots[level] as number
      addSum(page.words, page.sumOf(slot), item, HASH_AT)
      page.addCount(slot, 1)
      if (page.compareKey(slot, item) > 0) page.setKey(slot, item)
    }
    const leaf = this.#path[last] as Page
    const slot = this.#slots[last] as number
    leaf.open(slot)
    for (let i = 0, at = slot * ITEM_WORDS; i < ITEM_WORDS; i++) leaf.words[at + i] = item[i] as number
    return true
  }

  /** Takes out the item with this key. False when there is none. */
  remove(key: Uint32Array): boolean {
    if (!this.#descend(key)) return false
    this.#ownPath()
    const last = this.#path.length - 1
    for (let level = 0; level < last; level++) {
      const page = this.#path[level] as Page
      const slot = this.#slots[level] as number
      subtractSum(page.words, page.sumOf(slot), key, HASH_AT)
      page.addCount(slot, -1)
    }
    ;(this.#path[last] as Page).close(this.#slots[last] as number)
    this.#settle()
    return true
  }

  #descend(key: Uint32Array): boolean {
    // The lists are overwritten: one that is emptied has to make room anew.
    let level = 0
    let page = this.#root
    while (page.children !== undefined) {
      const slot = page.slotFor(key)
      this.#path[level] = page
      this.#slots[level] = slot
      level++
      page = page.children[slot] as Page
    }
    const slot = page.firstNotBelow(key)
    this.#path[level] = page
    this.#slots[level] = slot
    this.#path.length = level + 1
    this.#slots.length = level + 1
    return slot < page.size && page.compareKey(slot, key) === 0
  }

  #ownPath(): void {
    for (let level = 0; level < this.#path.length; level++) {
      const page = this.#path[level] as Page
      if (page.owner === this.#owner) continue
      const copy = page.copy(this.#owner)
      this.#path[level] = copy
      if (level === 0) this.#root = copy
      else this.#path[level - 1]?.children?.splice(this.#slots[level - 1] as number, 1, copy)
    }
  }

  #ownChild(parent: Page, slot: number): Page {
    const children = parent.children as Page[]
    const page = children[slot] as Page
    if (page.owner === this.#owner) return page
    return (children[slot] = page.copy(this.#owner))
  }

  /** One step towards room in the leaf that was found: the lowest full page that can give slots away, or be split, is. */
  #makeRoom(): void {
    this.#ownPath()
    for (let level = this.#path.length - 1; level > 0; level--) {
      const parent = this.#path[level - 1] as Page
      if (this.#give(parent, this.#slots[level - 1] as number)) return
      if (parent.size < this.capacity) {
        this.#split(level)
        return
      }
    }
    const root = new Page(this.#owner, this.capacity, [this.#root])
    root.size = 1
    root.setKey(0, this.#root.words)
    this.#root.totalInto(root, 0)
    this.#root = root
  }

  /**
   * A full page gives a neighbour half of what that has room for, when it is worth the move. Room is left on both sides: to which
   * of the two the new item then belongs does not matter.
   */
  #give(parent: Page, slot: number): boolean {
    const enough = Math.max(2, this.capacity >>> 3)
    const children = parent.children as Page[]
    for (const to of [slot - 1, slot + 1]) {
      const room = this.capacity - (children[to]?.size ?? this.capacity)
      if (room < enough) continue
      const slots = room >>> 1
      this.#shift(parent, Math.min(slot, to), to < slot ? -slots : slots)
      return true
    }
    return false
  }

  /** Moves slots from the page below slot `left` to its right neighbour, or with a negative number the other way. */
  #shift(parent: Page, left: number, slots: number): void {
    const page = this.#ownChild(parent, left)
    const next = this.#ownChild(parent, left + 1)
    if (slots > 0) page.moveLastTo(next, slots)
    else next.moveFirstTo(page, -slots)
    page.totalInto(parent, left)
    next.totalInto(parent, left + 1)
    parent.setKey(left + 1, next.words)
  }

  #split(level: number): void {
    const page = this.#path[level] as Page
    const parent = this.#path[level - 1] as Page
    const slot = this.#slots[level - 1] as number
    const right = new Page(this.#owner, this.capacity, page.children === undefined ? undefined : [])
    page.moveLastTo(right, this.#isAppend() ? 1 : page.size >>> 1)
    parent.open(slot + 1)
    parent.children?.splice(slot + 1, 0, right)
    page.totalInto(parent, slot)
    right.totalInto(parent, slot + 1)
    parent.setKey(slot + 1, right.words)
  }

  /** Whether the key that was looked for is above all others. */
  #isAppend(): boolean {
    const last = this.#path.length - 1
    return this.#isLast(last) && this.#slots[last] === this.#path[last]?.size
  }

  /** Whether the page at this level of the path is the last of its level. */
  #isLast(level: number): boolean {
    for (let above = 0; above < level; above++) {
      if (this.#slots[above] !== (this.#path[above] as Page).size - 1) return false
    }
    return true
  }

  /** After a removal: pages that became less than half full take from a neighbour or join it. */
  #settle(): void {
    for (let level = this.#path.length - 1; level > 0; level--) {
      const page = this.#path[level] as Page
      const parent = this.#path[level - 1] as Page
      const slot = this.#slots[level - 1] as number
      if (page.size === 0) {
        parent.close(slot)
        continue
      }
      if (page.size >= this.capacity >>> 1 || this.#isLast(level)) break
      const left = slot + 1 < parent.size ? slot : slot - 1
      const sizes = [parent.children?.[left]?.size as number, parent.children?.[left + 1]?.size as number]
      const [one, two] = sizes as [number, number]
      if (one + two > this.capacity) {
        this.#shift(parent, left, one > two ? (one - two) >>> 1 : -((two - one) >>> 1))
        break
      }
      this.#shift(parent, left, -two)
      parent.close(left + 1)
    }
    while (this.#root.size === 1 && this.#root.children !== undefined) {
      this.#root = this.#root.children[0] as Page
    }
  }
}
