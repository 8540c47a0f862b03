import type { PageTree } from '../src/page-tree.ts'
import type { Page } from '../src/page.ts'

const KEY_WORDS = 10
const SUM_WORDS = 8
const MODULUS = 2n ** 256n

/** A place in a page, or what stands there. */
interface Place {
  readonly words: Uint32Array
  readonly at: number
}

/** What a page holds, added up from its items, and where its lowest and highest key stand. */
interface Content {
  readonly depth: number
  readonly count: number
  readonly sum: bigint
  readonly low: Place
  readonly high: Place
}

/** Throws unless every page keeps its promises: order, keys, sums, counts, one depth, fill. */
export function checkPages(tree: PageTree): void {
  check(tree, tree.root, true, true)
}

// Thousands of these for each step: `expect` would take most of the time.
function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`A page does not keep its promise: ${what}`)
}

function check(tree: PageTree, page: Page, isRoot: boolean, isLast: boolean): Content {
  must(page.size <= tree.capacity, 'size')
  must(page.words.length === tree.capacity * page.stride, 'room')
  must(isRoot || page.size >= (isLast ? 1 : tree.capacity >>> 1), 'fill')
  if (page.children === undefined) return checkLeaf(page)
  must(!isRoot || page.size > 1, 'a root of one page')
  must(page.children.length === page.size, 'children')
  let content: Content | undefined
  for (const [slot, child] of page.children.entries()) {
    const below = check(tree, child, false, isLast && slot === page.size - 1)
    const key = { words: page.words, at: slot * page.stride }
    must(compare(key, below.low) <= 0, 'a key above its items')
    must(content === undefined || compare(content.high, key) < 0, 'a key below the items before it')
    must(page.count(slot) === below.count, 'count')
    must(sumAt(page.words, page.sumOf(slot)) === below.sum, 'sum')
    must(content === undefined || content.depth === below.depth + 1, 'depth')
    content = {
      depth: below.depth + 1,
      count: (content?.count ?? 0) + below.count,
      sum: ((content?.sum ?? 0n) + below.sum) % MODULUS,
      low: content?.low ?? below.low,
      high: below.high
    }
  }
  return content as Content
}

function checkLeaf(page: Page): Content {
  const { words, stride } = page
  let sum = 0n
  for (let slot = 0; slot < page.size; slot++) {
    const at = slot * stride
    sum += sumAt(words, at + 2)
    must(slot === 0 || compare({ words, at: at - stride }, { words, at }) < 0, 'order')
  }
  const high = { words, at: (page.size - 1) * stride }
  return { depth: 0, count: page.size, sum: sum % MODULUS, low: { words, at: 0 }, high }
}

function compare(a: Place, b: Place): number {
  for (let i = 0; i < KEY_WORDS; i++) {
    const difference = (a.words[a.at + i] as number) - (b.words[b.at + i] as number)
    if (difference !== 0) return difference
  }
  return 0
}

function sumAt(words: Uint32Array, at: number): bigint {
  let sum = 0n
  for (let i = 0; i < SUM_WORDS; i++) sum = (sum << 32n) | BigInt(words[at + i] as number)
  return sum
}
