import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { MapEvent, ReplicatedMap } from '@starling/map'
import { gossip, HeldLog, openMap, settle, type TestNode } from './support/open.ts'
import { runs } from './support/runs.ts'

const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'ü')

type Command =
  | { readonly type: 'set'; readonly key: string; readonly value: number }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'setIf' | 'deleteIf'; readonly key: string; readonly version: 'shown' | 'another' }
  | {
      readonly type: 'batch'
      readonly parts: readonly { readonly key: string; readonly value: number | null }[]
    }
  | { readonly type: 'reopen' }

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('set' as const), key, value: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('delete' as const), key }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom('setIf' as const, 'deleteIf' as const),
      key,
      version: fc.constantFrom('shown' as const, 'another' as const)
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('batch' as const),
      parts: fc.array(fc.record({ key, value: fc.option(fc.nat(9)) }), { maxLength: 4 })
    })
  },
  { weight: 1, arbitrary: fc.constant({ type: 'reopen' as const }) }
)

/** A value that nothing else sets. */
const CONDITIONAL = 10

/** @param shown what the map showed at the call; what a condition is compared with is all that was called before. */
function applyToModel(model: Map<string, number>, one: Command, shown: ReadonlyMap<string, number>): void {
  if (one.type === 'set') model.set(one.key, one.value)
  else if (one.type === 'delete') model.delete(one.key)
  else if (one.type === 'setIf' || one.type === 'deleteIf') {
    const isMet = one.version === 'shown' && (shown === model || !(shown.has(one.key) || model.has(one.key)))
    if (!isMet) return
    if (one.type === 'setIf') model.set(one.key, CONDITIONAL)
    else model.delete(one.key)
  } else if (one.type === 'batch') {
    for (const part of one.parts) {
      if (part.value === null) model.delete(part.key)
      else model.set(part.key, part.value)
    }
  }
}

async function applyToMap(map: ReplicatedMap<number>, one: Command): Promise<void> {
  if (one.type === 'set') await map.set(one.key, one.value)
  else if (one.type === 'delete') await map.delete(one.key)
  else if (one.type === 'setIf' || one.type === 'deleteIf') {
    const version = one.version === 'shown' ? map.getWithVersion(one.key)?.version : 'another'
    const done =
      one.type === 'setIf' ? map.setIf(one.key, CONDITIONAL, version) : map.deleteIf(one.key, version)
    await done.catch((error: unknown) => {
      if ((error as Error).name !== 'VersionMismatchError') throw error
    })
  } else if (one.type === 'batch') {
    await map.batch(
      one.parts.map(part =>
        part.value === null
          ? { type: 'delete', key: part.key }
          : { type: 'set', key: part.key, value: part.value }
      )
    )
  }
}

const sorted = (entries: Iterable<readonly [string, number]>): (readonly [string, number])[] =>
  [...entries].sort(([a], [b]) => (a < b ? -1 : 1))

/** Everything a map says about its content, for comparison with an ES Map. */
function expectSame(map: ReplicatedMap<number>, model: ReadonlyMap<string, number>): void {
  expect(map.size).toBe(model.size)
  expect(sorted(map)).toEqual(sorted(model))
  expect([...map.keys()].sort()).toEqual([...model.keys()].sort())
  for (const one of ['a', 'b', 'c', '__proto__', 'ü']) {
    expect(map.get(one)).toBe(model.get(one))
    expect(map.has(one)).toBe(model.has(one))
    expect(map.conflicts(one).length).toBe(model.has(one) ? 1 : 0)
    expect(map.getWithVersion(one)?.value).toBe(model.get(one))
  }
}

describe('one node', () => {
  test('MAP-I2: is an ES Map after every awaited operation, and after opening again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 30 }), async commands => {
        const model = new Map<string, number>()
        let node = await openMap<number>()
        for (const [i, one] of commands.entries()) {
          if (one.type === 'reopen') {
            await node.map.close()
            node = await openMap<number>({ name: `again ${i}`, log: new HeldLog(node.log.rows) })
          }
          await applyToMap(node.map, one)
          applyToModel(model, one, model)
          expectSame(node.map, model)
        }
        const bytes = [...model].reduce((sum, [name]) => sum + name.length + 1, 0)
        expect(node.map.stats().bytes).toBe(bytes)
      }),
      runs(100)
    )
  })

  test('operations that are not awaited take effect in the order of the calls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 30 }), async commands => {
        const model = new Map<string, number>()
        const { map } = await openMap<number>()
        const all = commands.map(one => applyToMap(map, one))
        for (const one of commands) applyToModel(model, one, new Map())
        await Promise.all(all)
        expectSame(map, model)
      }),
      runs(100)
    )
  })
})

type Act =
  | { readonly type: 'set' | 'delete'; readonly who: number; readonly key: string }
  | { readonly type: 'gossip' | 'read' | 'watch' | 'hold' | 'release' }

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constantFrom('set' as const, 'delete' as const), who: fc.nat(1), key })
  },
  { weight: 2, arbitrary: fc.constant({ type: 'gossip' as const }) },
  { weight: 4, arbitrary: fc.constant({ type: 'read' as const }) },
  { weight: 1, arbitrary: fc.constantFrom<Act>({ type: 'watch' }, { type: 'hold' }, { type: 'release' }) }
)

/** One reader and what it believes the map to be. */
class Reader {
  readonly state = new Map<string, number>()
  readonly conflicts = new Set<string>()
  readonly #watch: AsyncIterator<MapEvent<number>>
  #next: Promise<IteratorResult<MapEvent<number>>> | undefined
  events = 0

  constructor(node: TestNode<number>) {
    this.#watch = node.map.watch({ from: 'snapshot' })
  }

  /** Takes one event if there is one. */
  async read(): Promise<boolean> {
    this.#next ??= this.#watch.next()
    let result: IteratorResult<MapEvent<number>> | undefined
    void this.#next.then(value => (result = value))
    await settle(5)
    if (result === undefined || result.done === true) return false
    this.#next = undefined
    this.events++
    this.#fold(result.value)
    return true
  }

  #fold(event: MapEvent<number>): void {
    if (event.type === 'resync') {
      this.state.clear()
      this.conflicts.clear()
      return
    }
    expect(event.previous).toBe(this.state.get(event.key))
    this.conflicts.delete(event.key)
    if (event.type === 'delete' || event.type === 'expired') {
      expect(this.state.delete(event.key)).toBe(true)
      return
    }
    this.state.set(event.key, event.value)
    if (event.type === 'conflict') this.conflicts.add(event.key)
  }
}

describe('two nodes and their readers', () => {
  test.each([1024, 2])(
    'MAP-I5: the fold of a watch is the map, with room for %i changed keys',
    async watchKeysMax => {
      await fc.assert(
        fc.asyncProperty(fc.array(act, { maxLength: 60 }), async acts => {
          const options = { init: { limits: { watchKeysMax } } }
          const a = await openMap<number>({ name: 'a', ...options })
          const b = await openMap<number>({ name: 'b', startMs: 1_700_000_000_001, ...options })
          const readers = [new Reader(a)]
          let value = 0
          for (const one of acts) {
            if (one.type === 'set') void (one.who === 0 ? a : b).map.set(one.key, value++)
            else if (one.type === 'delete') void (one.who === 0 ? a : b).map.delete(one.key)
            else if (one.type === 'gossip') gossip(a, b)
            else if (one.type === 'watch') readers.push(new Reader(a))
            else if (one.type === 'hold') a.log.hold = true
            else if (one.type === 'release') a.log.release()
            else for (const reader of readers) await reader.read()
          }
          for (const node of [a, b, a, b]) {
            node.log.release()
            await settle()
            gossip(a, b)
          }
          for (const reader of readers) {
            while (await reader.read());
            expect(sorted(reader.state)).toEqual(sorted(a.map))
            const conflicting = [...a.map.keys()].filter(name => a.map.conflicts(name).length > 1)
            expect([...reader.conflicts].sort()).toEqual(conflicting.sort())
            expect(a.map.stats().conflicts).toBe(conflicting.length)
          }
          expect(sorted(a.map)).toEqual(sorted(b.map))
        }),
        runs(150)
      )
    }
  )
})
