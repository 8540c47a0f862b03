import { compareBytes } from '@starling/codec'
import type { Item } from '../src/index.ts'

const MODULUS = 2n ** 256n

export const toBigint = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)

/** The 40 bytes that order an item. */
export const keyOf = (item: { readonly stamp: bigint; readonly hash: Uint8Array }): Uint8Array =>
  new Uint8Array(Buffer.concat([Buffer.from(item.stamp.toString(16).padStart(16, '0'), 'hex'), item.hash]))

/** What the tree must equal: a sorted array, and sums added up anew each time. */
export class NaiveSet {
  readonly items: Item[] = []

  insert(item: Item): boolean {
    if (this.#find(item) !== -1) return false
    this.items.push(item)
    this.items.sort((a, b) => compareBytes(keyOf(a), keyOf(b)))
    return true
  }

  remove(item: Item): boolean {
    const at = this.#find(item)
    if (at === -1) return false
    this.items.splice(at, 1)
    return true
  }

  refOf(item: Item): number | undefined {
    return this.items[this.#find(item)]?.ref
  }

  rank(bound: Uint8Array): number {
    return this.items.filter(item => compareBytes(keyOf(item), bound) < 0).length
  }

  sum(from: number, to: number): bigint {
    return this.items.slice(from, to).reduce((sum, item) => sum + toBigint(item.hash), 0n) % MODULUS
  }

  clone(): NaiveSet {
    const clone = new NaiveSet()
    clone.items.push(...this.items)
    return clone
  }

  #find(item: Item): number {
    return this.items.findIndex(each => each.stamp === item.stamp && compareBytes(each.hash, item.hash) === 0)
  }
}
