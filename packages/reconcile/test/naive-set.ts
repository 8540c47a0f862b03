import { compareBytes } from '@starling/codec'
import type { Item } from '../src/index.ts'

const MODULUS = 2n ** 256n

export const toBigint = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)

/** The 40 bytes that order an item. */
export const keyOf = (item: { readonly stamp: bigint; readonly hash: Uint8Array }): Uint8Array =>
  new Uint8Array(Buffer.concat([Buffer.from(item.stamp.toString(16).padStart(16, '0'), 'hex'), item.hash]))

const textOf = (item: Item): string => Buffer.from(keyOf(item)).toString('hex')

/** What the tree must equal: a sorted array, and sums added up anew each time. */
export class NaiveSet {
  readonly items: Item[] = []
  /** The key of each item as text, which sorts as bytes do. */
  readonly #keys: string[] = []
  /** The hash of each item as a number. */
  readonly #numbers: bigint[] = []

  insert(item: Item): boolean {
    const key = textOf(item)
    if (this.#keys.includes(key)) return false
    const above = this.#keys.findIndex(each => each > key)
    const at = above === -1 ? this.#keys.length : above
    this.#keys.splice(at, 0, key)
    this.items.splice(at, 0, item)
    this.#numbers.splice(at, 0, toBigint(item.hash))
    return true
  }

  remove(item: Item): boolean {
    const at = this.#keys.indexOf(textOf(item))
    if (at === -1) return false
    this.#keys.splice(at, 1)
    this.items.splice(at, 1)
    this.#numbers.splice(at, 1)
    return true
  }

  refOf(item: Item): number | undefined {
    return this.items[this.#keys.indexOf(textOf(item))]?.ref
  }

  rank(bound: Uint8Array): number {
    return this.items.filter(item => compareBytes(keyOf(item), bound) < 0).length
  }

  sum(from: number, to: number): bigint {
    return this.#numbers.slice(from, to).reduce((sum, number) => sum + number, 0n) % MODULUS
  }

  clone(): NaiveSet {
    const clone = new NaiveSet()
    clone.items.push(...this.items)
    clone.#keys.push(...this.#keys)
    clone.#numbers.push(...this.#numbers)
    return clone
  }
}
