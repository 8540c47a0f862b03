import { expect, test } from 'vitest'
import type { SyncView } from '@starling/map'
import { openMap, settle } from './support/open.ts'

class Rounds implements SyncView {
  readonly #listeners = new Set<Parameters<SyncView['onRound']>[0]>()
  #last: number | undefined

  get listeners(): number {
    return this.#listeners.size
  }

  sessions(): ReturnType<SyncView['sessions']> {
    return [{ lastCompleteMs: undefined }, { lastCompleteMs: this.#last }]
  }

  onRound(listener: Parameters<SyncView['onRound']>[0]): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  end(complete: boolean | undefined): void {
    if (complete === true) this.#last = 1
    for (const listener of this.#listeners) listener(complete === undefined ? {} : { outcome: { complete } })
  }
}

test('synced is after the first complete round with a neighbour', async () => {
  const sync = new Rounds()
  const { map } = await openMap<number>({ sync })
  let synced = false
  void map.whenSynced().then(() => (synced = true))
  await settle()
  expect([synced, map.presence('k'), map.health().states]).toEqual([false, 'notSynced', ['not-synced']])
  sync.end(undefined)
  sync.end(false)
  await settle()
  expect(synced).toBe(false)
  sync.end(true)
  await settle()
  await map.whenSynced()
  expect([synced, map.presence('k'), map.health().ok, sync.listeners]).toEqual([true, 'absent', true, 0])
  await map.set('k', 1)
  expect(map.presence('k')).toBe('present')
})

test('a map that nobody else has is synced at once', async () => {
  const without = await openMap<number>()
  await without.map.whenSynced()
  const alone = await openMap<number>({ sync: new Rounds(), alone: true })
  await alone.map.whenSynced()
  expect([without.map.presence('k'), alone.map.presence('k')]).toEqual(['absent', 'absent'])
})

test('waiting ends with the signal, and with the map', async () => {
  const sync = new Rounds()
  const { map } = await openMap<number>({ sync })
  const aborter = new AbortController()
  const aborted = map.whenSynced({ signal: aborter.signal })
  const closed = map.whenSynced()
  aborter.abort(new Error('no time'))
  await expect(aborted).rejects.toThrow('no time')
  await expect(map.whenSynced({ signal: aborter.signal })).rejects.toThrow('no time')
  await Promise.all([expect(closed).rejects.toMatchObject({ name: 'MapClosedError' }), map.close()])
  await expect(map.whenSynced()).rejects.toMatchObject({ name: 'MapClosedError' })
  expect(sync.listeners).toBe(0)
})
