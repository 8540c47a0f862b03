import { Buffer } from 'node:buffer'
import { expect } from 'vitest'
import { KEY_WORDS, stampAt } from '../src/item-words.ts'
import type { PageTree } from '../src/page-tree.ts'
import type { Page } from '../src/page.ts'
import { toBigint } from './naive-set.ts'

const MODULUS = 2n ** 256n
type Words = Uint32Array

/** What a page holds, added up from its items, and its lowest and highest key. */
interface Content {
  readonly depth: number
  readonly count: number
  readonly sum: bigint
  readonly low: string | undefined
  readonly high: string | undefined
}

const text = (words: Words, at: number, count: number) =>
  Array.from(words.subarray(at, at + count), word => word.toString(16).padStart(8, '0')).join('')

/** Fails unless every page keeps its promises: order, keys, sums, counts, one depth, fill. */
export function checkPages(tree: PageTree): void {
  check(tree, tree.root, true, true)
}

function check(tree: PageTree, page: Page, isRoot: boolean, isLast: boolean): Content {
  expect(page.size).toBeLessThanOrEqual(tree.capacity)
  expect(page.words.length).toBe(tree.capacity * page.stride)
  if (!isRoot) expect(page.size).toBeGreaterThanOrEqual(isLast ? 1 : tree.capacity >>> 1)
  if (page.children === undefined) return checkLeaf(page)
  if (isRoot) expect(page.size).toBeGreaterThan(1)
  expect(page.children.length).toBe(page.size)
  let count = 0
  let sum = 0n
  let high: string | undefined
  let depth: number | undefined
  let low: string | undefined
  for (const [slot, child] of page.children.entries()) {
    const content = check(tree, child, false, isLast && slot === page.size - 1)
    const key = text(page.words, slot * page.stride, KEY_WORDS)
    expect(key <= (content.low as string)).toBe(true)
    if (high !== undefined) expect(high < key).toBe(true)
    expect(page.count(slot)).toBe(content.count)
    expect(BigInt(`0x${text(page.words, page.sumOf(slot), 8)}`)).toBe(content.sum)
    expect(content.depth).toBe(depth ?? content.depth)
    depth = content.depth
    low ??= content.low
    high = content.high
    count += content.count
    sum = (sum + content.sum) % MODULUS
  }
  return { depth: (depth as number) + 1, count, sum, low, high }
}

function checkLeaf(page: Page): Content {
  let sum = 0n
  const keys: string[] = []
  for (let slot = 0; slot < page.size; slot++) {
    const at = slot * page.stride
    keys.push(text(page.words, at, KEY_WORDS))
    sum += toBigint(Buffer.from(text(page.words, page.sumOf(slot), 8), 'hex'))
    expect(keys.at(-1)?.slice(0, 16)).toBe(stampAt(page.words, at).toString(16).padStart(16, '0'))
    if (slot > 0) expect((keys[slot - 1] as string) < (keys[slot] as string)).toBe(true)
  }
  return { depth: 0, count: page.size, sum: sum % MODULUS, low: keys[0], high: keys.at(-1) }
}
