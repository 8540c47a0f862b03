import { describe, expect, test } from 'vitest'
import { EMPTY_ENTRY, encodeEntry, joinEntries, putEntry, removeEntry, type Entry } from '../src/index.ts'
import { id, say } from './entries.ts'

// Goal: the orders that broke other observed-remove sets stay harmless here. Each is told as in the reports of riak_dt and
// riak_kv, with replicas a, b, c and one key; the states that are merged in the end are merged in every order and grouping.

const put = (base: Entry | undefined, digit: string, stamp: number, value: number) =>
  putEntry(base, id(digit), BigInt(stamp), Uint8Array.of(value))
const remove = (base: Entry, digit: string, stamp: number) => removeEntry(base, id(digit), BigInt(stamp))
const merge = (...entries: readonly Entry[]) =>
  entries.reduce((all, entry) => joinEntries(all, entry), EMPTY_ENTRY)

function* orders<T>(all: readonly T[]): Iterable<readonly T[]> {
  if (all.length === 0) yield []
  for (const [i, first] of all.entries())
    for (const rest of orders(all.toSpliced(i, 1))) yield [first, ...rest]
}

/** What every order and grouping of a merge gives, once: twice-merged and merged from the right as well. */
function outcomes(...entries: readonly Entry[]): readonly string[] {
  const found = new Set<string>()
  const bytes = new Set<string>()
  for (const order of orders(entries)) {
    const fromRight = order.reduceRight((all, entry) => joinEntries(entry, all), EMPTY_ENTRY)
    for (const merged of [merge(...order), merge(...order, ...order), fromRight]) {
      found.add(say(merged))
      bytes.add(Buffer.from(encodeEntry('k', merged)).toString('hex'))
    }
  }
  expect(bytes.size).toBe(found.size)
  return [...found]
}

describe('riak_dt issue 82 and its family', () => {
  test('present on both sides, and yet each side’s was removed with its context by the other: it is gone', () => {
    const atA = put(undefined, 'a', 1, 1)
    const atC = atA
    const goneAtA = remove(atA, 'a', 2)
    const atB = put(undefined, 'b', 1, 2)
    const againAtA = merge(goneAtA, atB)
    const goneAtB = remove(atB, 'b', 2)
    // A shows b's value, C shows a's; both were removed.
    expect(say(againAtA)).toBe('a@2 b@1=02')
    expect(outcomes(againAtA, atC, goneAtB)).toEqual(['a@2 b@2'])
  })

  test('two replicas that each hold what the other removed: no dots are left', () => {
    const atA = put(undefined, 'a', 1, 1)
    const atB = put(undefined, 'b', 1, 2)
    const atC = atA
    const a = merge(remove(atA, 'a', 2), atB)
    const b = merge(remove(atB, 'b', 2), atC)
    expect(say(b)).toBe('a@1=01 b@2')
    expect(outcomes(a, b)).toEqual(['a@2 b@2'])
    expect(outcomes(a, b, atC)).toEqual(['a@2 b@2'])
  })

  test('a removal of what two had written, on one side only, leaves what was written there since', () => {
    const atA = put(undefined, 'a', 1, 1)
    const atB = put(undefined, 'b', 1, 2)
    const atC = remove(merge(atA, atB), 'c', 2)
    const lateAtA = put(atA, 'a', 3, 3)
    expect(outcomes(lateAtA, atC, atB)).toEqual(['a@3=03 b@1 c@2'])
  })

  test('a value of a replica that is gone for good is superseded by whoever writes after having seen it', () => {
    const dead = put(undefined, 'a', 9, 1)
    const atB = put(dead, 'b', 10, 2)
    expect(outcomes(dead, atB)).toEqual(['a@9 b@10=02'])
    expect(outcomes(dead, atB, remove(atB, 'c', 11))).toEqual(['a@9 b@10 c@11'])
  })

  test('put, removed and put again by one replica, with a stale copy of the first elsewhere: the second stands', () => {
    const first = put(undefined, 'a', 1, 1)
    const gone = remove(first, 'a', 2)
    const second = put(gone, 'a', 3, 2)
    expect(outcomes(first, gone, second)).toEqual(['a@3=02'])
    expect(outcomes(first, gone)).toEqual(['a@2'])
  })

  test('a put that did not know of a removal survives it, and one that did is not touched by it', () => {
    const seen = put(undefined, 'a', 5, 1)
    const gone = remove(seen, 'b', 9)
    expect(outcomes(seen, gone, put(undefined, 'c', 1, 2))).toEqual(['a@5 b@9 c@1=02'])
    expect(outcomes(seen, gone, put(gone, 'c', 10, 3))).toEqual(['a@5 b@9 c@10=03'])
  })
})

describe('deferred removals (riak_dt issue 99)', () => {
  test('a removal that comes before what it had seen is not lost while it waits', () => {
    const atA = put(undefined, 'a', 1, 1)
    const atB = put(undefined, 'b', 1, 2)
    const gone = remove(merge(atA, atB), 'c', 2)
    // A replica that knows nothing takes the removal, then hands on what it holds, and only then hears of the puts.
    const relayed = merge(gone)
    expect(outcomes(relayed, atB, atA)).toEqual(['a@1 b@1 c@2'])
  })

  test('half of what it had seen is known: that half goes, and the other half goes when it comes', () => {
    const atA = put(undefined, 'a', 1, 1)
    const atB = put(undefined, 'b', 1, 2)
    const gone = remove(merge(atA, atB), 'a', 2)
    expect(say(merge(atB, gone))).toBe('a@2 b@1')
    expect(outcomes(atB, gone, atA, merge(atA, atB))).toEqual(['a@2 b@1'])
  })

  test('two removals with different contexts that cross add up', () => {
    const atA = put(undefined, 'a', 1, 1)
    const atB = put(undefined, 'b', 1, 2)
    const atC = put(undefined, 'c', 1, 3)
    const one = remove(merge(atA, atB), 'a', 2)
    const other = remove(merge(atB, atC), 'c', 2)
    expect(outcomes(one, other)).toEqual(['a@2 b@1 c@2'])
    expect(outcomes(one, other, atA, atB, atC)).toEqual(['a@2 b@1 c@2'])
  })
})

describe('a history that is used again (riak_kv issue 679)', () => {
  const before = put(put(undefined, 'a', 1, 1), 'a', 2, 2)
  const removed = remove(before, 'b', 3)

  test('a replica that lost its disk writes under a new id: what it writes is not taken for what is dead', () => {
    expect(outcomes(before, removed, put(undefined, 'f', 1, 9))).toEqual(['a@2 b@3 f@1=09'])
  })

  test('under its old id and an old stamp the write would be lost, which is why an id is never used again', () => {
    expect(outcomes(before, removed, put(undefined, 'a', 1, 9))).toEqual(['a@2 b@3'])
  })

  test('under its old id and a stamp that was used the write is told from the old one, the same everywhere', () => {
    expect(outcomes(put(undefined, 'a', 2, 9), before)).toEqual(['a@2=09'])
    expect(outcomes(put(undefined, 'a', 2, 1), before)).toEqual(['a@2=02'])
  })

  test('a backup that is put back says nothing new, and takes nothing away', () => {
    const backup = put(undefined, 'a', 1, 1)
    const now = put(merge(before, put(undefined, 'c', 1, 3)), 'b', 4, 4)
    expect(outcomes(backup, now)).toEqual([say(now)])
  })
})
