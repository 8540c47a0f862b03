import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FingerprintTreeBuilder, type Item } from '../src/index.ts'
import { PageTree } from '../src/page-tree.ts'
import { checkPages } from './check-pages.ts'
import { closeItem, item } from './items.ts'
import { keyOf, NaiveSet, toBigint } from './naive-set.ts'
import { runs } from './runs.ts'

const build = (items: readonly Item[], capacity: number) => {
  const pages = new PageTree(capacity)
  const builder = new FingerprintTreeBuilder(0, pages)
  for (const { stamp, hash, ref } of items) builder.add(stamp, hash, ref)
  return { pages, tree: builder.finish() }
}
const withoutRef = (items: Iterable<Item>) => Array.from(items, ({ stamp, hash }) => ({ stamp, hash }))

describe('FingerprintTreeBuilder', () => {
  test('builds the tree that inserting one by one gives, from any order, and it goes on like one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(closeItem, item), { maxLength: 150, size: 'max' }),
        fc.constantFrom(4, 5, 8, 16),
        fc.boolean(),
        fc.array(closeItem, { maxLength: 20 }),
        (items, capacity, sorted, later) => {
          const naive = new NaiveSet()
          for (const each of items) naive.insert(each)
          const { pages, tree } = build(sorted ? naive.items : items, capacity)
          checkPages(pages)
          expect(withoutRef(tree.items())).toEqual(withoutRef(naive.items))
          expect(toBigint(tree.fingerprint().sum)).toBe(naive.sum(0, naive.items.length))
          for (const each of later) {
            const before = naive.insert(each)
            expect(tree.insert(each.stamp, each.hash, each.ref)).toBe(before)
            const first = naive.items[0] as Item
            expect(tree.remove(first.stamp, first.hash)).toBe(naive.remove(first))
            checkPages(pages)
          }
          expect(withoutRef(tree.items())).toEqual(withoutRef(naive.items))
        }
      ),
      runs(200)
    )
  })

  test('sorts many items by counting, those with equal stamps and hashes that begin alike included', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(1, 3, 40, 100_000), (seed, stamps) => {
        const items = Array.from({ length: 9000 }, (_, i): Item => {
          const x = Math.imul(i + seed, 2_654_435_761) >>> 0
          const hash = new Uint8Array(32).map((_, at) => (at < 4 ? x & 3 : x >>> (at % 24)))
          return { stamp: BigInt(x % stamps) << BigInt((x % 4) * 12), hash, ref: i }
        })
        const { pages, tree } = build(items, 128)
        checkPages(pages)
        const unique = new Map(items.map(each => [Buffer.from(keyOf(each)).toString('hex'), each]))
        const expected = [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each)
        expect(withoutRef(tree.items())).toEqual(withoutRef(expected))
        const found = [...tree.items()].every(({ ref, hash }) =>
          items[ref]?.hash.every((b, i) => b === hash[i])
        )
        expect(found).toBe(true)
      }),
      runs(8)
    )
  })

  test('builds nothing from nothing, and refuses what cannot be', () => {
    const builder = new FingerprintTreeBuilder()
    expect(() => builder.add(1n, new Uint8Array(31))).toThrow(RangeError)
    expect(() => builder.add(1n, new Uint8Array(32), -1)).toThrow(RangeError)
    expect(builder.finish().count).toBe(0)
  })
})
