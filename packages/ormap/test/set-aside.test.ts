import { DecodeError } from '@starling/codec'
import { systemHash } from '@starling/ports/system'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeSetAside,
  encodeSetAside,
  joinEntries,
  ObservedRemoveMap,
  SetAside,
  SILENCE_MS,
  STALE_DOTS_MAX,
  type Entry,
  type StaleOutcome,
  type StaleSession
} from '../src/index.ts'
import { arbitraryEntry, entryOf, id, item, say } from './entries.ts'
import { must } from './must.ts'
import { runs } from './runs.ts'

const NOW = 1_000_000

/** The answer `came`, whose items of `answered` are no peer's own, meets `held`. */
function take(
  aside: SetAside,
  session: StaleSession,
  held: Entry,
  came: Entry,
  answered: readonly string[],
  key = 'k'
) {
  const change = { key, received: came, joined: joinEntries(held, came) }
  return aside.take(session, change, held, answered.map(id), NOW)
}
const said = (outcome: StaleOutcome) =>
  outcome.type === 'stop'
    ? 'stop'
    : {
        aside: outcome.setAside.map(({ dot }) => say({ items: [dot] })),
        keep: outcome.keep && say({ items: [outcome.keep.dot] })
      }

describe('a value that an answer takes away', () => {
  test('is stored, whatever fraction of a millisecond the clock says', () => {
    const aside = new SetAside()
    const held = entryOf(item('a', 5, 1))
    const change = { key: 'k', received: entryOf(item('a', 5)), joined: entryOf(item('a', 5)) }
    const outcome = aside.take(aside.startSession(10), change, held, [id('a')], NOW + 0.6)
    const [dot] = outcome.type === 'apply' ? outcome.setAside : []
    expect(decodeSetAside(encodeSetAside(must(dot)).bytes).setAsideMs).toBe(NOW)
  })

  test('is set aside when nothing newer came with the answer', () => {
    const aside = new SetAside()
    const session = aside.startSession(10)
    expect(said(take(aside, session, entryOf(item('a', 5, 1)), entryOf(item('a', 5)), ['a']))).toEqual({
      aside: ['a@5=01'],
      keep: undefined
    })
    expect(aside.stale()).toEqual([{ key: 'k', dot: item('a', 5, 1), setAsideMs: NOW }])
    expect([session.count, aside.size]).toEqual([1, 1])
  })

  test('is a copy: a view would keep all of the slab that it is on alive for as long', () => {
    const map = new ObservedRemoveMap(systemHash)
    map.join('k', entryOf(item('a', 5, 1), item('c', 7, 3)))
    const aside = new SetAside({ onStale: 'keep' })
    const held = must(map.get('k'))
    const outcome = take(aside, aside.startSession(10), held, entryOf(item('a', 5), item('c', 7)), ['a', 'c'])
    expect(said(outcome)).toEqual({ aside: ['a@5=01', 'c@7=03'], keep: 'c@7=03' })
    for (const { dot } of aside.stale()) expect(dot.value.buffer.byteLength).toBe(1)
  })

  test.each([
    ['a value of a later write came with it', entryOf(item('a', 5), item('b', 9, 2)), ['a']],
    ['evidence of a later write came with it', entryOf(item('a', 5), item('b', 9)), ['a']],
    ['the evidence is the peer’s own', entryOf(item('a', 5)), []],
    ['the answer is about another replica', entryOf(item('b', 5)), ['b']],
    ['the answer is about an earlier write', entryOf(item('a', 4)), ['a']]
  ])('is an ordinary change when %s', (_, came, answered) => {
    const aside = new SetAside()
    const session = aside.startSession(10)
    expect(said(take(aside, session, entryOf(item('a', 5, 1)), came, answered))).toEqual({
      aside: [],
      keep: undefined
    })
    expect([session.count, aside.size]).toEqual([0, 0])
  })

  test('is not missed when it has ended', () => {
    const aside = new SetAside()
    const ended = (endMs: number) =>
      said(take(aside, aside.startSession(10), entryOf(item('a', 5, 1, endMs)), entryOf(item('a', 5)), ['a']))
    expect(ended(NOW)).toEqual({ aside: [], keep: undefined })
    expect(ended(NOW + 1)).toEqual({ aside: [`a@5=01<${NOW + 1}`], keep: undefined })
  })

  test('counts as stale when only earlier writes, or other answers, came with it', () => {
    const aside = new SetAside()
    const held = entryOf(item('a', 5, 1), item('c', 7, 3))
    const outcome = take(
      aside,
      aside.startSession(10),
      held,
      entryOf(item('a', 5), item('b', 2), item('c', 7)),
      ['a', 'c']
    )
    expect(said(outcome)).toEqual({ aside: ['a@5=01', 'c@7=03'], keep: undefined })
  })

  test('is put again where the owner keeps: the winner, and only where nothing else is live', () => {
    const aside = new SetAside({ onStale: 'keep' })
    const session = aside.startSession(10)
    const two = entryOf(item('a', 5, 1), item('c', 7, 3))
    expect(said(take(aside, session, two, entryOf(item('a', 5), item('c', 7)), ['a', 'c']))).toEqual({
      aside: ['a@5=01', 'c@7=03'],
      keep: 'c@7=03'
    })
    const other = entryOf(item('a', 5, 1), item('d', 4, 4))
    expect(said(take(aside, session, other, entryOf(item('a', 5)), ['a'], 'l'))).toEqual({
      aside: ['a@5=01'],
      keep: undefined
    })
  })
})

describe('the brake', () => {
  const takeMany = (aside: SetAside, session: StaleSession, count: number, from = 0) => {
    for (let i = 0; i < count; i++) {
      const outcome = take(
        aside,
        session,
        entryOf(item('a', 5, 1)),
        entryOf(item('a', 5)),
        ['a'],
        `k${from + i}`
      )
      if (outcome.type === 'stop')
        return `stopped at ${i}: ${outcome.error.name}, at most ${outcome.error.max}`
    }
    return 'ran on'
  }

  test('stops a session beyond 64 values, or one in a hundred of a larger map', () => {
    expect(takeMany(new SetAside(), new SetAside().startSession(0), STALE_DOTS_MAX)).toBe('ran on')
    const small = new SetAside()
    expect(takeMany(small, small.startSession(6400), 65)).toBe(
      'stopped at 64: StaleConflictError, at most 64'
    )
    const large = new SetAside()
    expect(takeMany(large, large.startSession(10_000), 101)).toBe(
      'stopped at 100: StaleConflictError, at most 100'
    )
  })

  test('holds for every other session until the owner has decided, and then for the next but one', () => {
    const aside = new SetAside()
    expect(takeMany(aside, aside.startSession(0), 65)).toContain('stopped at 64')
    expect(aside.conflict?.max).toBe(64)
    const other = aside.startSession(0)
    expect(takeMany(aside, other, 1, 100)).toContain('stopped at 0')
    // What is not stale is not held up.
    expect(
      said(take(aside, other, entryOf(item('a', 5, 1)), entryOf(item('a', 5), item('b', 9, 1)), ['a']))
    ).not.toBe('stop')
    aside.decide('set-aside')
    expect(aside.conflict).toBeUndefined()
    expect(takeMany(aside, aside.startSession(0), 300, 100)).toBe('ran on')
    // A session that was cut has not carried it out.
    expect(takeMany(aside, aside.startSession(0), 300, 400)).toBe('ran on')
    aside.completeSession()
    expect(takeMany(aside, aside.startSession(0), 65, 700)).toContain('stopped at 64')
  })

  test('what the owner decides goes before what is set', () => {
    const aside = new SetAside()
    takeMany(aside, aside.startSession(0), 65)
    aside.decide('keep')
    expect(
      said(take(aside, aside.startSession(0), entryOf(item('a', 5, 1)), entryOf(item('a', 5)), ['a'], 'x'))
    ).toEqual({ aside: ['a@5=01'], keep: 'a@5=01' })
  })

  test('stops as well when no more values fit, and says so; once the owner has decided, the oldest go', () => {
    const aside = new SetAside({ max: 3 })
    expect(takeMany(aside, aside.startSession(0), 4)).toContain('stopped at 3')
    expect(aside.conflict).toMatchObject({ full: 3, message: expect.stringContaining('3 are set aside') })
    aside.decide('set-aside')
    const session = aside.startSession(0)
    expect(take(aside, session, entryOf(item('a', 5, 1)), entryOf(item('a', 5)), ['a'], 'k9')).toMatchObject({
      forgotten: [{ key: 'k0' }]
    })
    expect(takeMany(aside, session, 1, 10)).toBe('ran on')
    expect([aside.stale().map(({ key }) => key), session.forgotten]).toEqual([['k2', 'k9', 'k10'], 2])
  })

  test('stops as well when the bytes of one more value do not fit; once the owner has decided, the oldest go', () => {
    // Each is a key of two characters and a value of one byte.
    const aside = new SetAside({ bytesMax: 10 })
    expect(takeMany(aside, aside.startSession(0), 4)).toContain('stopped at 3')
    expect(aside.conflict).toMatchObject({ full: 3 })
    aside.decide('set-aside')
    const session = aside.startSession(0)
    expect(takeMany(aside, session, 2, 10)).toBe('ran on')
    expect([aside.stale().map(({ key }) => key), session.forgotten]).toEqual([['k10', 'k11'], 3])
    // What goes makes room: by its time, for its key, or because it is written again.
    expect(aside.forget(NOW, 'k10')).toHaveLength(1)
    expect(takeMany(aside, session, 1, 20)).toBe('ran on')
    expect(aside.stale().map(({ key }) => key)).toEqual(['k11', 'k20'])
  })

  test('what is set aside again, or loaded, counts once', () => {
    const aside = new SetAside({ bytesMax: 10 })
    for (let n = 0; n < 5; n++) aside.load({ key: 'k0', dot: item('a', 5, 1) as never, setAsideMs: n })
    expect(takeMany(aside, aside.startSession(0), 2, 1)).toBe('ran on')
    expect(takeMany(aside, aside.startSession(0), 1, 3)).toContain('stopped at 0')
  })

  test('more values than there is room for are kept all the same, and none of them goes before it is written again', () => {
    const aside = new SetAside({ max: 3 })
    takeMany(aside, aside.startSession(0), 4)
    aside.decide('keep')
    const session = aside.startSession(0)
    const keeping = Array.from({ length: 10 }, (_, i) => {
      const outcome = take(aside, session, entryOf(item('a', 5, 1)), entryOf(item('a', 5)), ['a'], `l${i}`)
      if (outcome.type === 'stop') throw outcome.error
      expect(outcome.forgotten).toEqual([])
      return must(outcome.keep)
    })
    expect([aside.size, session.forgotten]).toEqual([13, 0])
    for (const dot of keeping.slice(1)) aside.release(dot)
    expect(aside.stale().map(({ key }) => key)).toEqual(['k0', 'k1', 'k2', 'l0'])
    // It could not be written, so it stays, and is one of those that there is room for.
    aside.leave(must(keeping[0]))
    expect(takeMany(aside, session, 1, 20)).toBe('ran on')
    expect(aside.stale().map(({ key }) => key)).toEqual(['k1', 'k2', 'l0', 'k20'])
  })

  test('for want of room a younger value goes before one that is being written again', () => {
    const aside = new SetAside({ max: 2 })
    aside.decide('keep')
    const session = aside.startSession(0)
    take(aside, session, entryOf(item('a', 5, 1)), entryOf(item('a', 5)), ['a'], 'kept')
    // Something else is live under these keys, so the stale value is not written over it.
    const held = entryOf(item('a', 5, 1), item('b', 3, 1))
    for (const key of ['l0', 'l1', 'l2']) take(aside, session, held, entryOf(item('a', 5)), ['a'], key)
    expect(aside.stale().map(({ key }) => key)).toEqual(['kept', 'l1', 'l2'])
  })

  test('values that are only set aside until they are written again stop no session', () => {
    const aside = new SetAside({ onStale: 'keep', max: 3 })
    expect(takeMany(aside, aside.startSession(0), 10)).toBe('ran on')
  })

  test('a value that is kept is set aside until it has been written again', () => {
    const aside = new SetAside({ onStale: 'keep' })
    const outcome = take(aside, aside.startSession(0), entryOf(item('a', 5, 1)), entryOf(item('a', 5)), ['a'])
    if (outcome.type === 'stop' || outcome.keep === undefined) throw new Error('not kept')
    expect(aside.stale()).toEqual([outcome.keep])
    aside.release(outcome.keep)
    expect(aside.stale()).toEqual([])
  })
})

describe('what is set aside', () => {
  test('is kept for 30 days, or until its key is dealt with', () => {
    const aside = new SetAside()
    const session = aside.startSession(0)
    for (const key of ['k', 'l'])
      take(aside, session, entryOf(item('a', 5, 1)), entryOf(item('a', 5)), ['a'], key)
    expect(aside.forget(NOW + SILENCE_MS - 1)).toEqual([])
    expect(aside.forget(NOW, 'l').map(({ key }) => key)).toEqual(['l'])
    expect(aside.forget(NOW + SILENCE_MS).map(({ key }) => key)).toEqual(['k'])
    expect(aside.size).toBe(0)
  })

  test('comes back from its row, and any other bytes are a DecodeError', () => {
    const aside = new SetAside()
    const dot = { key: 'ключ', dot: item('a', 5, 300, 77) as never, setAsideMs: NOW }
    const { rowKey, bytes } = encodeSetAside(dot)
    aside.load(decodeSetAside(bytes))
    expect(aside.stale()).toEqual([dot])
    expect(rowKey).not.toEqual(encodeSetAside({ ...dot, key: 'l' }).rowKey)
    fc.assert(
      fc.property(arbitraryEntry, fc.nat(40), fc.nat(255), fc.nat(60), (entry, at, to, cut) => {
        const row = encodeSetAside({ key: 'k', dot: entry.items[0] as never, setAsideMs: NOW }).bytes
        row[at % row.length] = to
        try {
          const decoded = decodeSetAside(row.subarray(0, cut))
          expect(encodeSetAside(decoded).bytes).toEqual(row.subarray(0, cut))
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      runs(5000)
    )
  })
})
