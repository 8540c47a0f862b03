import { describe, expect, test } from 'vitest'
import { Ledger } from '../../src/cluster/ledger.ts'
import type { LiveValue } from '../../src/cluster/worker-protocol.ts'

// Goal: the demo's verdict can fail. Each case is one way in which an acknowledged write can end.

const live = (write: string | undefined, stamp = '1'): LiveValue => ({ write, stamp })

const contentOf = (content: Record<string, string[]>) =>
  new Map(Object.entries(content).map(([key, writes]) => [key, writes.map(write => live(write))]))

const lostOf = (ledger: Ledger, content: Record<string, string[]>) =>
  ledger.judge(contentOf(content)).lost.map(entry => entry.write)

function acknowledgedSet(ledger: Ledger, key: string, seen: string[] = []) {
  const entry = ledger.open(key, 'set', 0)
  ledger.issued(entry.write, seen)
  entry.outcome = 'acknowledged'
  return entry
}

describe('the ledger', () => {
  test('a live write is not lost, a write that is nowhere is', () => {
    const ledger = new Ledger()
    const { write } = acknowledgedSet(ledger, 'a')
    expect(lostOf(ledger, { a: [write] })).toEqual([])
    expect(lostOf(ledger, {})).toEqual([write])
  })

  test('a write replaced by one that had seen it is not lost, by one that had not it is', () => {
    const ledger = new Ledger()
    const first = acknowledgedSet(ledger, 'a')
    const second = acknowledgedSet(ledger, 'a', [first.write])
    expect(lostOf(ledger, { a: [second.write] })).toEqual([])
    const blind = new Ledger()
    const one = acknowledgedSet(blind, 'a')
    const two = acknowledgedSet(blind, 'a')
    expect(lostOf(blind, { a: [two.write] })).toEqual([one.write])
  })

  test('a removal excuses what it had seen and nothing else', () => {
    const ledger = new Ledger()
    const seen = acknowledgedSet(ledger, 'a')
    const unseen = acknowledgedSet(ledger, 'a')
    const removal = ledger.open('a', 'delete', 1)
    ledger.issued(removal.write, [seen.write])
    removal.outcome = 'acknowledged'
    expect(lostOf(ledger, {})).toEqual([unseen.write])
  })

  test('a refused write excuses nothing, one of unknown outcome excuses what it had seen', () => {
    const ledger = new Ledger()
    const first = acknowledgedSet(ledger, 'a')
    const second = ledger.open('a', 'set', 1)
    ledger.issued(second.write, [first.write])
    second.outcome = 'refused'
    expect(lostOf(ledger, {})).toEqual([first.write])
    second.outcome = 'unknown'
    expect(lostOf(ledger, {})).toEqual([])
  })

  test('a value under the wrong key, or of a refused write, is invented', () => {
    const ledger = new Ledger()
    const { write } = acknowledgedSet(ledger, 'a')
    const refused = ledger.open('b', 'set', 0)
    refused.outcome = 'refused'
    expect(ledger.judge(contentOf({ b: [write, refused.write] })).invented).toEqual([write, refused.write])
  })

  test('a write asked for on a page is known by its stamp, whatever its value says', () => {
    const ledger = new Ledger()
    const { write } = acknowledgedSet(ledger, 'a')
    ledger.outside({ write: '7-1', key: 'b', kind: 'set', node: 0, seen: [] })
    ledger.outsideSettled('7-1', 'acknowledged', '99')
    expect(ledger.judge(new Map([['a', [live(write)]]])).lost.map(entry => entry.write)).toEqual(['7-1'])
    // The person copied the launcher's value under another key, with the name of its write in it.
    const copied = new Map([
      ['a', [live(write)]],
      ['b', [live(write, '99')]]
    ])
    expect(ledger.judge(copied)).toMatchObject({ lost: [], invented: [], acknowledged: 2 })
  })

  test('a write may be seen by its stamp as well as by its name', () => {
    const ledger = new Ledger()
    ledger.outside({ write: '7-1', key: 'a', kind: 'set', node: 0, seen: [] })
    ledger.outsideSettled('7-1', 'acknowledged', '99')
    const { write } = acknowledgedSet(ledger, 'a', ['s99'])
    expect(lostOf(ledger, { a: [write] })).toEqual([])
  })

  test('what is not acknowledged when the nodes are read need not be there', () => {
    const ledger = new Ledger()
    const due = ledger.acknowledgedSoFar()
    const { write } = acknowledgedSet(ledger, 'a')
    expect(ledger.judge(new Map(), due).lost).toEqual([])
    expect(ledger.judge(new Map()).lost.map(entry => entry.write)).toEqual([write])
  })

  test('a dead process leaves its pending writes unknown', () => {
    const ledger = new Ledger()
    const [one, other] = [ledger.open('a', 'set', 0), ledger.open('a', 'set', 1)]
    ledger.abandon(0)
    expect([one.outcome, other.outcome]).toEqual(['unknown', 'pending'])
  })

  test('what is judged and not live is forgotten and still counted, but not while a write is pending', () => {
    const ledger = new Ledger()
    const first = acknowledgedSet(ledger, 'a')
    const second = acknowledgedSet(ledger, 'a', [first.write])
    const pending = ledger.open('b', 'set', 0)
    const content = contentOf({ a: [second.write] })
    ledger.forget(content, ledger.acknowledgedSoFar())
    expect(ledger.size).toBe(3)
    pending.outcome = 'refused'
    const judged = ledger.acknowledgedSoFar()
    const third = acknowledgedSet(ledger, 'c')
    ledger.forget(content, judged)
    expect(ledger.size).toBe(2)
    expect(ledger.acknowledged()).toBe(3)
    expect(lostOf(ledger, { a: [second.write] })).toEqual([third.write])
  })

  test('that is full forgets the oldest, says how many are not checked, and calls nothing lost that they had seen', () => {
    const ledger = new Ledger(10)
    const oldest = acknowledgedSet(ledger, 'a')
    const pending = ledger.open('b', 'set', 1)
    const replaces = ledger.open('c', 'set', 0)
    ledger.issued(replaces.write, [pending.write, 'w5'])
    replaces.outcome = 'acknowledged'
    const died = ledger.open('d', 'set', 2)
    died.outcome = 'unknown'
    const replaced = acknowledgedSet(ledger, 'c')
    expect(replaced.write).toBe('w5')
    const perhapsReplaced = acknowledgedSet(ledger, 'd')
    for (let n = 0; n < 7; n++) acknowledgedSet(ledger, 'e')
    expect(ledger.size).toBe(10)
    expect(ledger.unchecked).toBe(2)
    expect(ledger.acknowledged()).toBe(11)
    // What only a forgotten write could have said of these is not held against them.
    pending.outcome = 'acknowledged'
    const lost = lostOf(ledger, {})
    for (const { write } of [oldest, pending, replaced, perhapsReplaced]) expect(lost).not.toContain(write)
    expect(lost).toEqual(['w7', 'w8', 'w9', 'w10', 'w11', 'w12', 'w13'])
    expect(ledger.judge(new Map())).toMatchObject({ unchecked: 2, unknown: 1, acknowledged: 12 })
  })

  test('never forgets a write that is pending, and holds as many as it is to', () => {
    const ledger = new Ledger(5)
    const pending = [1, 2, 3, 4, 5].map(node => ledger.open('a', 'set', node))
    const late = acknowledgedSet(ledger, 'b')
    acknowledgedSet(ledger, 'c')
    expect(ledger.size).toBe(6)
    for (const one of pending) one.outcome = 'acknowledged'
    expect(lostOf(ledger, { c: ['w7'] })).toEqual(pending.map(({ write }) => write))
    expect(ledger.unchecked).toBe(1)
    expect(late.outcome).toBe('acknowledged')
  })
})
