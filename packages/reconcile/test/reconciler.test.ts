import { seededRandom, type Hash } from '@starling/ports'
import { systemHash } from '@starling/ports/system'
import { describe, expect, test } from 'vitest'
import { Reconciler, type Item, type ReconcilerLimits } from '../src/index.ts'
import { toBigint } from './naive-set.ts'
import { initOf, runSession, textsOf, treeOf, without } from './sessions.ts'

const itemsOf = (seed: number, count: number): Item[] => {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, ref) => ({
    stamp: BigInt(random.uint32()) << 16n,
    hash: systemHash(random.bytes(8)),
    ref
  }))
}

const bytesOf = (value: bigint): Uint8Array =>
  new Uint8Array(Buffer.from((value % 2n ** 256n).toString(16).padStart(64, '0'), 'hex'))

/** A set with some items, and one with others in their place whose hashes add up to the same: what an insider would make. */
function crafted(common: Item[], pairs: Item[]): [Item[], Item[]] {
  const other = pairs.map((item, i) => ({
    ...item,
    hash: bytesOf(toBigint(item.hash) + (i % 2 === 0 ? 2n ** 128n : 2n ** 256n - 2n ** 128n))
  }))
  return [
    [...common, ...pairs],
    [...common, ...other]
  ]
}

describe('a session', () => {
  test('of equal sets is three frames of 40 bytes together at most, of empty ones too', () => {
    for (const count of [0, 1, 5000]) {
      const items = itemsOf(1, count)
      const { frames, initiator, responder } = runSession(treeOf(items), treeOf(items))
      expect(frames.length).toBe(3)
      expect(frames.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(40)
      expect([initiator.end, responder.end]).toEqual([{ type: 'complete' }, { type: 'complete' }])
    }
  })

  test('is the same with a hash that gives views on a larger buffer', () => {
    let calls = 0
    const pooled: Hash = bytes => {
      const pool = new Uint8Array(64).fill(calls++)
      pool.set(systemHash(bytes), 24)
      return pool.subarray(24, 56)
    }
    const items = itemsOf(7, 5000)
    const { responder } = runSession(treeOf(items), treeOf(items), { responder: { hash: pooled } })
    expect(responder.end).toEqual({ type: 'complete' })
  })

  test('with a newcomer is a few dozen bytes, whoever begins, and both know how much is to come', () => {
    const full = treeOf(itemsOf(2, 20_000))
    for (const [a, b] of [
      [full, treeOf([])],
      [treeOf([]), full]
    ] as const) {
      const { frames, initiator, responder } = runSession(a, b)
      expect(frames.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(140)
      expect(initiator.have.length + responder.have.length).toBe(20_000)
      expect(initiator.need + responder.need).toBe(20_000)
    }
  })

  test('items come with the references of the side that has them', () => {
    const [first, second] = itemsOf(3, 2) as [Item, Item]
    const a = treeOf([first, { ...second, ref: 77 }])
    const { initiator } = runSession(a, treeOf([{ ...first, ref: 5 }]))
    expect(initiator.have).toEqual([{ ...second, ref: 77 }])
  })

  test('only an initiator starts, once, and limits must be sensible', () => {
    const tree = treeOf([])
    expect(() => new Reconciler(tree, initOf('responder', 1)).start()).toThrow(TypeError)
    const end = new Reconciler(tree, initOf('initiator', 1))
    end.start()
    expect(() => end.start()).toThrow(TypeError)
    for (const frameBytesMax of [0, 8191, 524_289, NaN]) {
      expect(() => new Reconciler(tree, initOf('initiator', 1, { limits: { frameBytesMax } }))).toThrow(
        RangeError
      )
    }
  })
})

describe('sums that were made to be equal', () => {
  const common = itemsOf(4, 400)

  test('of everything: the slice finds a difference sooner or later, and an ordered session all of them', () => {
    const [mine, theirs] = crafted(common, itemsOf(5, 2))
    const [a, b] = [treeOf(mine), treeOf(theirs)]
    expect(a.fingerprint().equals(b.fingerprint())).toBe(true)
    const ends = new Set<string | undefined>()
    for (let seed = 0; seed < 4000 && !ends.has('collision'); seed++) {
      const { initiator, responder } = runSession(a, b, { seed })
      ends.add(initiator.end?.type)
      expect(responder.end).toEqual(initiator.end)
    }
    expect(ends).toContain('collision')
    const session = runSession(a, b, { initiator: { ordered: true } })
    expect(textsOf(session.initiator.have)).toEqual(without(a, b))
    expect(textsOf(session.responder.have)).toEqual(without(b, a))
  })

  test('of a part: a slice of several items shows it, and both sides learn of it', () => {
    const many = itemsOf(7, 4000)
    many.sort((x, y) => (x.stamp < y.stamp ? -1 : 1))
    // Neighbours in pairs: a slice of four or so holds whole pairs, and its sum stays what it was.
    const [mine, theirs] = crafted([], many)
    const a = treeOf([...mine, { stamp: 1n, hash: systemHash(new Uint8Array(1)), ref: 0 }])
    const b = treeOf(theirs)
    const ends = Array.from({ length: 40 }, (_, seed) => {
      const { initiator, responder } = runSession(a, b, { seed })
      expect(initiator.end).toEqual(responder.end)
      expect(without(a, b)).toEqual(expect.arrayContaining(textsOf(initiator.have)))
      return initiator.end?.type
    })
    expect(ends).toContain('collision')
  })
})

describe('budgets', () => {
  const a = treeOf(itemsOf(8, 3000))
  const b = treeOf(itemsOf(9, 3000))
  const endWith = (limits: Partial<ReconcilerLimits>, now: () => number = () => 0) =>
    runSession(a, b, { initiator: { limits, now } }).initiator.end

  test('bytes and time end a session with their reason', () => {
    expect(endWith({ bytesMax: 300 })).toEqual({
      type: 'failed',
      reason: 'bytes',
      detail: expect.any(String)
    })
    let time = 0
    expect(endWith({ timeMsMax: 10 }, () => (time += 9))).toEqual({
      type: 'failed',
      reason: 'overdue',
      detail: expect.any(String)
    })
    expect(endWith({})).toEqual({ type: 'complete' })
  })
})
