import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FingerprintTree, type Item } from '../src/index.ts'
import { PageTree } from '../src/page-tree.ts'
import { checkPages } from './check-pages.ts'
import { closeItem, item } from './items.ts'
import { NaiveSet, toBigint } from './naive-set.ts'
import { runs } from './runs.ts'

type Step =
  | { readonly type: 'insert' | 'append' | 'remove'; readonly item: Item }
  | { readonly type: 'removeAt'; readonly at: number }
  | { readonly type: 'clone'; readonly at: number }

const anyItem = fc.oneof({ arbitrary: closeItem, weight: 3 }, item)
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ type: fc.constant('insert' as const), item: anyItem }), weight: 6 },
  { arbitrary: fc.record({ type: fc.constant('append' as const), item: closeItem }), weight: 4 },
  { arbitrary: fc.record({ type: fc.constant('remove' as const), item: closeItem }), weight: 2 },
  { arbitrary: fc.record({ type: fc.constant('removeAt' as const), at: fc.nat() }), weight: 5 },
  { arbitrary: fc.record({ type: fc.constant('clone' as const), at: fc.nat() }), weight: 1 }
)

/** A tree with its pages and what it must equal. */
class Pair {
  readonly pages: PageTree
  readonly tree: FingerprintTree
  readonly naive: NaiveSet

  constructor(pages: PageTree, naive = new NaiveSet()) {
    this.pages = pages
    this.tree = new FingerprintTree(pages)
    this.naive = naive
  }

  clone(): Pair {
    return new Pair(this.pages.clone(), this.naive.clone())
  }

  apply(step: Exclude<Step, { type: 'clone' }>): void {
    const { tree, naive } = this
    if (step.type === 'insert') {
      expect(tree.insert(step.item.stamp, step.item.hash, step.item.ref)).toBe(naive.insert(step.item))
    } else if (step.type === 'append') {
      const last = naive.items.at(-1)
      const stamp = last === undefined || last.stamp > 2n ** 60n ? 5n : last.stamp + 1n
      const item = { ...step.item, stamp }
      expect(tree.insert(item.stamp, item.hash, item.ref)).toBe(naive.insert(item))
    } else {
      const chosen = step.type === 'removeAt' ? naive.items[step.at % (naive.items.length || 1)] : step.item
      if (chosen === undefined) return
      expect(tree.refOf(chosen.stamp, chosen.hash)).toBe(naive.refOf(chosen))
      expect(tree.remove(chosen.stamp, chosen.hash)).toBe(naive.remove(chosen))
      expect(tree.refOf(chosen.stamp, chosen.hash)).toBe(undefined)
    }
  }

  checkRange(from: number, to: number): void {
    const fingerprint = this.tree.fingerprint(from, to)
    expect(fingerprint.count).toBe(to - from)
    expect(toBigint(fingerprint.sum)).toBe(this.naive.sum(from, to))
  }

  check(): void {
    checkPages(this.pages)
    expect(this.tree.count).toBe(this.naive.items.length)
  }

  checkAll(): void {
    this.check()
    const { tree, naive } = this
    const count = naive.items.length
    expect([...tree.items()]).toEqual(naive.items)
    for (let from = 0; from <= count; from++) {
      for (let to = from; to <= count; to++) this.checkRange(from, to)
      if (from < count) expect(tree.item(from)).toEqual(naive.items[from])
      const bound = tree.boundAt(from)
      expect(tree.rank(bound)).toBe(from)
      expect(naive.rank(bound)).toBe(from)
    }
  }
}

describe('FingerprintTree', () => {
  test('equals a sorted array after every step, its pages keep their promises, and clones stay what they were', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(4, 5, 8),
        fc.array(step, { minLength: 1, maxLength: 120, size: 'max' }),
        fc.nat(),
        (capacity, steps, seed) => {
          let pair = new Pair(new PageTree(capacity))
          const clones: Pair[] = []
          for (const [i, each] of steps.entries()) {
            if (each.type === 'clone') {
              // Either of the two goes on, and a few of the others are kept and looked at in the end.
              const clone = pair.clone()
              clones[each.at % 3] = each.at % 2 === 0 ? clone : pair
              if (each.at % 2 !== 0) pair = clone
              continue
            }
            pair.apply(each)
            pair.check()
            const count = pair.naive.items.length
            const a = (seed + i * 7919) % (count + 1)
            const b = (seed + i * 104_729) % (count + 1)
            pair.checkRange(Math.min(a, b), Math.max(a, b))
          }
          pair.checkAll()
          for (const clone of clones) clone?.checkAll()
        }
      ),
      runs(200)
    )
  })

  test('any ranges of a large tree: fingerprints, items, hashes and the item at a rank', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 5 }), fc.nat(3), (ranges, odd) => {
        const pair = new Pair(new PageTree(16))
        for (let i = 0; i < 700; i++) {
          const stamp = BigInt((i * 7919) % 1024) << 30n
          const hash = new Uint8Array(32).map((_, at) => (i * 131 + at * 17) & 0xff)
          pair.apply({ type: 'insert', item: { stamp, hash, ref: i } })
          if (i % 4 === odd) pair.apply({ type: 'removeAt', at: i * 31 })
        }
        pair.check()
        const { tree, naive } = pair
        for (const [a, b] of ranges.map(range =>
          range.map(n => n % (tree.count + 1)).sort((x, y) => x - y)
        )) {
          const [from, to] = [a as number, b as number]
          pair.checkRange(from, to)
          expect([...tree.items(from, to)]).toEqual(naive.items.slice(from, to))
          expect(Buffer.from(tree.hashes(from, to))).toEqual(
            Buffer.concat(naive.items.slice(from, to).map(({ hash }) => hash))
          )
          if (from < to) expect(tree.item(from)).toEqual(naive.items[from])
        }
      }),
      runs(20)
    )
  })
})

describe('by example', () => {
  const hash = new Uint8Array(32).fill(7)

  test('an item is in the set once, whatever its reference', () => {
    const tree = new FingerprintTree()
    expect(tree.insert(1n, hash, 5)).toBe(true)
    expect(tree.insert(1n, hash, 6)).toBe(false)
    expect(tree.refOf(1n, hash)).toBe(5)
    expect(tree.remove(2n, hash)).toBe(false)
    expect(tree.remove(1n, hash)).toBe(true)
    expect(tree.remove(1n, hash)).toBe(false)
    expect(tree.count).toBe(0)
    expect(toBigint(tree.fingerprint().sum)).toBe(0n)
  })

  test('a change of the caller’s bytes changes nothing in the tree', () => {
    const tree = new FingerprintTree()
    const mine = hash.slice()
    tree.insert(1n, mine)
    mine.fill(0)
    expect(tree.item(0).hash).toEqual(hash)
    tree.item(0).hash.fill(0)
    expect(tree.item(0).hash).toEqual(hash)
  })

  test('refuses what cannot be, and nothing has changed', () => {
    const tree = new FingerprintTree()
    tree.insert(1n, hash)
    for (const [stamp, bytes, ref] of [
      [-1n, hash, 0],
      [2n ** 64n, hash, 0],
      [1n, hash.subarray(1), 0],
      [2n, hash, -1],
      [2n, hash, 0.5],
      [2n, hash, 2 ** 32]
    ] as const) {
      expect(() => tree.insert(stamp, bytes, ref)).toThrow(RangeError)
    }
    expect(() => tree.item(1)).toThrow(RangeError)
    expect(() => tree.item(-1)).toThrow(RangeError)
    expect(() => tree.fingerprint(1, 0)).toThrow(RangeError)
    expect(() => tree.fingerprint(0, 2)).toThrow(RangeError)
    expect(() => tree.boundAt(2)).toThrow(RangeError)
    expect(() => tree.hashes(0, 2)).toThrow(RangeError)
    expect(() => [...tree.items(0, 2)]).toThrow(RangeError)
    expect(tree.count).toBe(1)
  })
})
