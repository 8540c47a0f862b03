import { stampOf } from '@starling/hlc'
import { systemHash } from '@starling/ports/system'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  encodeEntry,
  encodeLive,
  entryBytes,
  ingest,
  joinEntries,
  Known,
  liveDots,
  Quota,
  QuotaExceededError,
  Refusals,
  REFUSAL_PAUSE_MS,
  REFUSAL_PAUSE_MS_MAX,
  type Entry,
  type IngestOptions,
  type Item
} from '../src/index.ts'
import { arbitraryEntry, entryOf, id, item, say } from './entries.ts'
import { must } from './must.ts'
import { runs } from './runs.ts'

const known = new Known([[id('a'), 5n]])
const byKnown: IngestOptions = { wallMs: 1, forgetting: { type: 'byKnown', known } }
const take = (held: Entry | undefined, came: Entry, options: IngestOptions = byKnown) => {
  const result = ingest({ get: () => held }, [encodeEntry('k', came)], options)
  const [change] = result.changed
  return {
    ...result,
    received: change && say(change.received),
    joined: change && say(change.joined),
    answered: result.answers.map(({ key, evidence }) => `${key}: ${say(evidence)}`)
  }
}

describe('absence, where it means death', () => {
  test('a covered dot of which nothing is held was here and is gone: not applied, and answered', () => {
    const { changed, unchanged, answered, rejected } = take(undefined, entryOf(item('a', 5, 1)))
    expect([changed, unchanged, answered, rejected]).toEqual([[], 1, ['k: a@5'], []])
  })

  test('what is not covered, or held at its stamp or later, is judged as ever', () => {
    expect(take(undefined, entryOf(item('a', 6, 1)))).toMatchObject({ joined: 'a@6=01', answered: [] })
    expect(take(entryOf(item('a', 5, 1)), entryOf(item('a', 5, 1)))).toMatchObject({
      unchanged: 1,
      answered: []
    })
    expect(take(entryOf(item('a', 5)), entryOf(item('a', 3, 1)))).toMatchObject({
      unchanged: 1,
      answered: []
    })
    // Held at an earlier stamp only: the later one is gone.
    expect(take(entryOf(item('a', 3)), entryOf(item('a', 4, 1)))).toMatchObject({
      unchanged: 1,
      answered: ['k: a@4']
    })
  })

  test('what remains of the entry is taken, evidence included', () => {
    const came = entryOf(item('a', 4, 1), item('b', 7), item('c', 8, 2))
    const { received, joined, answered } = take(entryOf(item('d', 1, 1)), came)
    expect([received, joined, answered]).toEqual(['b@7 c@8=02', 'b@7 c@8=02 d@1=01', ['k: a@4']])
    // The bytes it came as say more than that, and must not be stored.
    expect(take(undefined, came).changed[0]?.wire).toBeUndefined()
  })

  test('an entry that is refused for its time gives no answers, and one refused for want of room gives those it is owed', () => {
    const ahead = { replica: id('b'), stamp: stampOf(100_000), value: undefined }
    const { rejected, answered } = take(undefined, entryOf(item('a', 4, 1), ahead))
    expect([rejected.map(({ reason }) => reason), answered]).toEqual([['future'], []])
    const quota = new Quota({ entriesMax: 9, bytesMax: 10 })
    const over = take(undefined, entryOf(item('a', 4, 1), item('b', 7, 300)), { ...byKnown, quota })
    expect([over.rejected.map(({ reason }) => reason), over.answered]).toEqual([['quota'], ['k: a@4']])
  })

  test('is the exception: unless it is asked for, absence means nothing', () => {
    expect(take(undefined, entryOf(item('a', 5, 1)), { wallMs: 1 })).toMatchObject({
      joined: 'a@5=01',
      answered: []
    })
  })

  test('many items against many cost no more than going through both', () => {
    const many = (stamp: number, value?: number) => ({
      items: Array.from({ length: 1000 }, (_, i) => ({
        ...item('a', stamp, value),
        replica: i.toString(16).padStart(16, '0')
      }))
    })
    const all = new Known(many(5).items.map(({ replica }) => [replica, 5n]))
    const options: IngestOptions = { wallMs: 1, forgetting: { type: 'byKnown', known: all } }
    expect(must(take(many(1), many(5, 1), options).answers[0]).evidence.items).toHaveLength(1000)
    expect(take(many(5), many(4, 1), options)).toMatchObject({ unchanged: 1, answered: [] })
  })
})

test('of any entry, what is covered and absent is answered, and the rest is merged', () => {
  const arbitraryKnown = fc.dictionary(fc.constantFrom('1', '2', 'a', 'f'), fc.bigInt({ min: 1n, max: 3n }))
  const held = fc.option(arbitraryEntry, { nil: undefined })
  fc.assert(
    fc.property(held, arbitraryEntry, arbitraryKnown, (mine, came, stamps) => {
      const covering = new Known(Object.entries(stamps).map(([digit, stamp]) => [id(digit), stamp]))
      // No drift bound is this long, so that nothing ends.
      const options = { wallMs: 1, driftMsMax: 9, forgetting: { type: 'byKnown', known: covering } } as const
      const isDead = ({ replica, stamp, value }: Item) =>
        value !== undefined &&
        (stamps[replica.at(-1) ?? ''] ?? 0n) >= stamp &&
        !mine?.items.some(other => other.replica === replica && other.stamp >= stamp)
      const kept = { items: came.items.filter(each => !isDead(each)) }
      const result = ingest({ get: () => mine }, [encodeEntry('k', came)], options)
      const joined = result.changed[0]?.joined ?? mine ?? entryOf()
      expect(say(joined)).toBe(say(joinEntries(mine, kept)))
      const answers = result.answers.flatMap(({ evidence }) => evidence.items)
      expect(say({ items: answers })).toBe(
        say({
          items: came.items
            .filter(isDead)
            .map(each => ({ ...each, value: undefined, expiresAtMs: undefined }))
        } as never)
      )
      // What is known of a replica covers its earlier writes of the key too, so that none of them is live beside a later one.
      const isOdd = answers.some(({ replica }) =>
        mine?.items.some(other => other.replica === replica && other.value !== undefined)
      )
      if (isOdd) return
      // The sender that takes the answer with the entry ends with the same live dots.
      const replied = joinEntries(came, joinEntries(joined, { items: answers }))
      expect(liveDots(replied)).toEqual(liveDots(joined))
    }),
    runs(5000)
  )
})

describe('dots that have ended', () => {
  const options: IngestOptions = { wallMs: 1000, driftMsMax: 100 }

  test('count as evidence from one drift bound after their end, and not before', () => {
    expect(take(undefined, entryOf(item('a', 1, 1, 900)), options).joined).toBe('a@1')
    expect(take(undefined, entryOf(item('a', 1, 1, 901)), options).joined).toBe('a@1=01<901')
    expect(take(entryOf(item('a', 1, 1, 900)), entryOf(item('a', 1, 1, 900)), options).joined).toBe('a@1')
    expect(take(entryOf(item('a', 1)), entryOf(item('a', 1, 1, 900)), options).unchanged).toBe(1)
  })
})

describe('a quota', () => {
  const bytes = (entry: Entry) => entryBytes('k', entry)

  test('refuses what adds a live value beyond it, and takes what removes', () => {
    const quota = new Quota({ entriesMax: 1, bytesMax: 60 })
    const held = entryOf(item('a', 1, 1))
    quota.note({ key: 'k', previous: undefined, entry: held })
    expect([quota.entries, quota.bytes]).toEqual([1, bytes(held)])
    const options = { wallMs: 1, quota }
    const other = ingest({ get: () => undefined }, [encodeEntry('l', held)], options)
    expect(other.rejected).toEqual([{ reason: 'quota', key: 'l', part: 'entries' }])
    expect(take(held, entryOf(item('b', 2, 1), item('c', 3, 1)), options).rejected).toEqual([
      { reason: 'quota', key: 'k', part: 'bytes' }
    ])
    // As many items, and as long, but none of them live: it has to get through.
    expect(take(held, entryOf(item('a', 1), item('b', 2), item('c', 3)), options).joined).toBe('a@1 b@2 c@3')
    expect(take(held, entryOf(item('a', 2, 2)), options).joined).toBe('a@2=02')
  })

  test('that is used up refuses nothing of which nothing is left: dead dots are answered all the same', () => {
    const quota = new Quota({ entriesMax: 0, bytesMax: 0 })
    const known = new Known([[id('a'), 5n]])
    const options: IngestOptions = { wallMs: 1, quota, forgetting: { type: 'byKnown', known } }
    const result = ingest(new Map(), [encodeEntry('k', entryOf(item('a', 4, 1)))], options)
    expect(result).toMatchObject({ changed: [], unchanged: 1, rejected: [] })
    expect(result.answers).toEqual([{ key: 'k', evidence: entryOf(item('a', 4)) }])
  })

  test('has room again once a key is removed, and remembers as many removed keys as there may be others', () => {
    const quota = new Quota({ entriesMax: 2, bytesMax: 1000 })
    const live = entryOf(item('a', 1, 1))
    const gone = entryOf(item('a', 2))
    for (const key of ['k', 'l']) quota.note({ key, previous: undefined, entry: live })
    expect(quota.lacks('m', undefined, live)).toBe('entries')
    quota.note({ key: 'k', previous: live, entry: gone })
    expect([quota.live, quota.entries, quota.lacks('m', undefined, live)]).toEqual([1, 2, undefined])
    for (const key of ['m', 'n']) {
      quota.note({ key, previous: undefined, entry: live })
      quota.note({ key, previous: live, entry: gone })
    }
    expect([quota.live, quota.entries, quota.lacks('o', undefined, live)]).toEqual([1, 4, 'entries'])
    // A key that is remembered may come back.
    expect(quota.lacks('n', gone, entryOf(item('a', 3, 1)))).toBeUndefined()
  })

  test('counts a removal and what takes its place in one call', () => {
    const quota = new Quota({ entriesMax: 1, bytesMax: 1000 })
    const held = entryOf(item('a', 1, 1))
    quota.note({ key: 'k', previous: undefined, entry: held })
    const entries = [encodeEntry('k', entryOf(item('a', 2))), encodeEntry('l', entryOf(item('a', 3, 1)))]
    const { changed, rejected } = ingest(new Map([['k', held]]), entries, { wallMs: 1, quota })
    expect([changed.map(({ key }) => key), rejected]).toEqual([['k', 'l'], []])
  })

  test('counts what came before in the same call', () => {
    const quota = new Quota({ entriesMax: 2, bytesMax: 1000 })
    const entries = ['k', 'l', 'k', 'm'].map((key, i) => encodeEntry(key, entryOf(item('a', i + 1, 1))))
    const { changed, rejected } = ingest(new Map(), entries, { wallMs: 1, quota })
    expect([changed.map(({ key }) => key), rejected.map(({ key }) => key)]).toEqual([['k', 'l', 'k'], ['m']])
  })

  test('throws for a local write, and shows when received entries are missing', () => {
    const quota = new Quota({ entriesMax: 1, bytesMax: 50 })
    const one = entryOf(item('a', 1, 1))
    quota.assertRoom('k', undefined, one)
    quota.note({ key: 'k', previous: undefined, entry: one })
    expect(() => quota.assertRoom('l', undefined, one)).toThrow(QuotaExceededError)
    expect(() => quota.assertRoom('k', one, entryOf(item('a', 2, 1), item('b', 3, 1)))).toThrow(
      'at most 50 bytes'
    )
    quota.assertRoom('k', one, entryOf(item('a', 1), item('b', 3)))
    expect([quota.isOver, quota.refused]).toEqual([false, 0])
    quota.noteRefused(0)
    expect(quota.isOver).toBe(false)
    quota.noteRefused(3)
    expect([quota.isOver, quota.refused]).toEqual([true, 3])
    quota.settled()
    expect([quota.isOver, quota.refused]).toEqual([false, 3])
    quota.note({ key: 'k', previous: one, entry: entryOf() })
    expect([quota.entries, quota.bytes]).toEqual([0, 0])
    expect(() => new Quota({ entriesMax: -1, bytesMax: 0 })).toThrow(RangeError)
  })
})

describe('refused entries', () => {
  const hashOf = (n: number) => must(encodeLive('k', entryOf(item('a', n, 1)), systemHash)).hash

  test('are not fetched before a pause that doubles up to an hour', () => {
    const refusals = new Refusals()
    expect(refusals.mayFetch(hashOf(1), 0)).toBe(true)
    refusals.note(hashOf(1), 'future', 0)
    expect([
      refusals.mayFetch(hashOf(1), REFUSAL_PAUSE_MS - 1),
      refusals.mayFetch(hashOf(1), REFUSAL_PAUSE_MS)
    ]).toEqual([false, true])
    refusals.note(hashOf(1), 'future', 0)
    expect([
      refusals.mayFetch(hashOf(1), 2 * REFUSAL_PAUSE_MS - 1),
      refusals.mayFetch(hashOf(1), 2 * REFUSAL_PAUSE_MS)
    ]).toEqual([false, true])
    for (let i = 0; i < 20; i++) refusals.note(hashOf(1), 'quota', 0)
    expect(refusals.mayFetch(hashOf(1), REFUSAL_PAUSE_MS_MAX)).toBe(true)
    expect([refusals.size, refusals.counts()]).toEqual([1, { future: 0, quota: 1, rowTooLong: 0 }])
    refusals.forget(hashOf(1))
    expect([refusals.size, refusals.mayFetch(hashOf(1), 0)]).toEqual([0, true])
  })

  test('are bounded: the one refused longest ago is forgotten first', () => {
    const refusals = new Refusals(2)
    refusals.note(hashOf(1), 'quota', 0)
    refusals.note(hashOf(2), 'quota', 0)
    refusals.note(hashOf(1), 'quota', 0)
    refusals.note(hashOf(3), 'future', 0)
    expect([1, 2, 3].map(n => refusals.mayFetch(hashOf(n), 0))).toEqual([false, true, false])
  })

  test('are listed, hash and stamp, until they may be fetched', () => {
    const refusals = new Refusals()
    refusals.note(hashOf(1), 'quota', 0, 7n)
    refusals.note(hashOf(2), 'future', 5, 9n)
    expect([...refusals.paused(REFUSAL_PAUSE_MS)].map(({ hash, stamp }) => ({ hash, stamp }))).toEqual([
      { hash: hashOf(2), stamp: 9n }
    ])
    expect([...refusals.paused(REFUSAL_PAUSE_MS - 1)]).toHaveLength(2)
    // A clock was set: what was the future is not any more.
    expect([...refusals.paused(REFUSAL_PAUSE_MS - 1, 8n)]).toHaveLength(2)
    expect([...refusals.paused(REFUSAL_PAUSE_MS - 1, 9n)].map(({ stamp }) => stamp)).toEqual([7n])
  })

  test('that nobody offers any more do not count for ever', () => {
    const refusals = new Refusals()
    refusals.note(hashOf(1), 'quota', 0)
    refusals.forgetUnoffered(REFUSAL_PAUSE_MS + 2 * REFUSAL_PAUSE_MS_MAX - 1)
    expect(refusals.size).toBe(1)
    refusals.forgetUnoffered(REFUSAL_PAUSE_MS + 2 * REFUSAL_PAUSE_MS_MAX)
    expect(refusals.size).toBe(0)
  })
})
