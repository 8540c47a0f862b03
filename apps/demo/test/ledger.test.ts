import { describe, expect, test } from 'vitest'
import { Ledger } from '../src/ledger.ts'

// Goal: the demo's verdict can fail. Each case is one way in which an acknowledged write can end.

const lostOf = (ledger: Ledger, content: Record<string, string[]>) =>
  ledger.judge(new Map(Object.entries(content))).lost.map(entry => entry.write)

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
    expect(ledger.judge(new Map([['b', [write, refused.write]]])).invented).toEqual([write, refused.write])
  })
})
