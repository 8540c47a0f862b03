import { describe, expect, test } from 'vitest'
import type { ReplicatedMap } from '@starling/map'
import { HeldLog, openMap, settle, type TestNode } from './support/open.ts'

// Goal: whatever is called wrongly, too late or with an aborted signal gives one typed error, and nothing has happened: no batch, no
// message, no key, no watcher. What was on its way before stays what it was, and says so honestly.

type Map_ = ReplicatedMap<unknown>
type Call = (map: Map_) => unknown

const LONE = 'a\ud800b'
const STOP = new Error('stop')

/** What a call without effect leaves as it was. */
const trace = ({ map, log, sent }: TestNode<unknown>): unknown => {
  const { watchers, renewals } = map.stats()
  return { batches: log.batches, sent: sent.length, entries: [...map], watchers, renewals }
}

/** A thrown or rejected error's name. */
async function errorOf(call: () => unknown): Promise<string> {
  try {
    await call()
  } catch (error) {
    return error === STOP ? 'the reason' : (error as Error).name
  }
  return 'none'
}

/** Everything that begins something. */
const CALLS: readonly (readonly [string, (map: Map_, options: { signal?: AbortSignal }) => unknown])[] = [
  ['set', (map, options) => map.set('k', 1, options)],
  ['setIf', (map, options) => map.setIf('k', 1, undefined, options)],
  ['delete', (map, options) => map.delete('there', options)],
  ['deleteIf', (map, options) => map.deleteIf('there', map.getWithVersion('there')?.version, options)],
  ['batch', (map, options) => map.batch([{ type: 'set', key: 'k', value: 1 }], options)],
  ['importLines', (map, options) => map.importLines(['{"key":"k","value":1}'], options)],
  ['whenSynced', (map, options) => map.whenSynced(options)],
  ['watch', (map, options) => map.watch(options)]
]

const WRONG: readonly (readonly [string, Call, string])[] = [
  ...(
    [
      ['set', (map, key) => map.set(key, 1)],
      ['setIf', (map, key) => map.setIf(key, 1, undefined)],
      ['delete', (map, key) => map.delete(key)],
      ['deleteIf', (map, key) => map.deleteIf(key, undefined)],
      ['batch set', (map, key) => map.batch([{ type: 'set', key, value: 1 }])],
      [
        'batch delete',
        (map, key) =>
          map.batch([
            { type: 'delete', key: 'there' },
            { type: 'delete', key }
          ])
      ],
      ['get', (map, key) => map.get(key)],
      ['has', (map, key) => map.has(key)],
      ['getWithVersion', (map, key) => map.getWithVersion(key)],
      ['presence', (map, key) => map.presence(key)],
      ['conflicts', (map, key) => map.conflicts(key)]
    ] satisfies readonly (readonly [string, (map: Map_, key: string) => unknown])[]
  ).flatMap(([name, call]) => [
    [`${name}: a key that is undefined`, (map: Map_) => call(map, undefined as never), 'TypeError'] as const,
    [
      `${name}: a key that is bytes`,
      (map: Map_) => call(map, new Uint8Array(3) as never),
      'TypeError'
    ] as const
  ]),
  ...(
    [
      ['set', map => map.set(LONE, 1)],
      ['setIf', map => map.setIf(LONE, 1, undefined)],
      ['delete', map => map.delete(LONE)],
      ['deleteIf', map => map.deleteIf(LONE, undefined)],
      ['batch', map => map.batch([{ type: 'set', key: LONE, value: 1 }])],
      ['importLines', map => map.importLines([JSON.stringify({ key: LONE, value: 1 })])]
    ] satisfies readonly (readonly [string, Call])[]
  ).map(
    ([name, call]) =>
      [
        `${name}: a key with a lone surrogate`,
        call,
        name === 'importLines' ? 'ImportError' : 'TypeError'
      ] as const
  ),
  ['set: a value with a lone surrogate', map => map.set('k', { a: [LONE] }), 'UnencodableValueError'],
  ['set: a value that is a promise', map => map.set('k', Promise.resolve(1)), 'UnencodableValueError'],
  ['set: a value that is a Map', map => map.set('k', new Map([[1, 2]])), 'UnencodableValueError'],
  ['set: a value of a detached buffer', map => map.set('k', detached()), 'UnencodableValueError'],
  ['set: options that are null', map => map.set('k', 1, null as never), 'TypeError'],
  ['set: a time to live that is text', map => map.set('k', 1, { ttlMs: '9' as never }), 'RangeError'],
  ['set: a time to live without end', map => map.set('k', 1, { ttlMs: Infinity }), 'RangeError'],
  ['set: a renewal without an end', map => map.set('k', 1, { renew: true }), 'TypeError'],
  ['set: for no node', map => map.set('k', 1, { replicas: 0 }), 'RangeError'],
  ['set: for half a node', map => map.set('k', 1, { replicas: 1.5 }), 'RangeError'],
  ['set: a time to wait below 0', map => map.set('k', 1, { replicas: 2, timeoutMs: -1 }), 'RangeError'],
  ['setIf: another version', map => map.setIf('there', 1, 'no version'), 'VersionMismatchError'],
  ['deleteIf: another version', map => map.deleteIf('there', 'no version'), 'VersionMismatchError'],
  ['batch: no list', map => map.batch('k' as never), 'TypeError'],
  ['batch: an operation that is null', map => map.batch([null as never]), 'TypeError'],
  ['batch: an unknown operation', map => map.batch([{ type: 'clear', key: 'there' } as never]), 'TypeError'],
  ['importLines: a number', map => map.importLines(7 as never), 'TypeError'],
  ['importLines: no JSON', map => map.importLines(['{']), 'ImportError'],
  ['watch: from nowhere', map => map.watch({ from: 'end' as never }), 'TypeError'],
  ['range: a limit below 0', map => [...map.range({ limit: -1 })], 'RangeError'],
  ['decideStale: neither way', map => map.decideStale('drop' as never), 'TypeError']
]

function detached(): Uint8Array {
  const bytes = new Uint8Array(4)
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  return bytes
}

async function opened(log = new HeldLog()): Promise<TestNode<unknown>> {
  const node = await openMap<unknown>({ log })
  const written = node.map.set('there', 'v')
  if (log.hold) log.release()
  await written
  return node
}

describe('a call that is wrong', () => {
  test.each(WRONG)('%s', async (_name, call, error) => {
    const node = await opened()
    const before = trace(node)
    expect(await errorOf(() => call(node.map))).toBe(error)
    await settle()
    expect(trace(node)).toEqual(before)
  })
})

describe('a call with a signal', () => {
  test.each(CALLS)('%s: aborted before it, does nothing and gives the reason', async (_name, call) => {
    const node = await opened()
    const before = trace(node)
    expect(await errorOf(() => call(node.map, { signal: AbortSignal.abort(STOP) }))).toBe('the reason')
    await settle()
    expect(trace(node)).toEqual(before)
  })

  test.each(CALLS.slice(0, 4))(
    '%s: aborted while it is written, ends as its writing does',
    async (_name, call) => {
      for (const works of [true, false]) {
        const node = await opened()
        node.log.hold = true
        const aborting = new AbortController()
        const fate = errorOf(() => call(node.map, { signal: aborting.signal }))
        await settle()
        aborting.abort(STOP)
        await settle()
        if (works) node.log.release()
        else node.log.fail()
        // A disk that failed under it leaves open whether it is there: it never says that nothing happened.
        expect(await fate).toBe(works ? 'none' : 'IndeterminateWriteError')
      }
    }
  )

  test('set: aborted while others are waited for, says that it is durable here', async () => {
    const node = await opened()
    const aborting = new AbortController()
    const fate = errorOf(() => node.map.set('k', 1, { replicas: 2, signal: aborting.signal }))
    await settle()
    aborting.abort(STOP)
    expect([await fate, node.map.get('k')]).toEqual(['ReplicationTimeoutError', 1])
  })

  test('importLines: aborted between two batches, says from which line on nothing was written', async () => {
    const node = await opened()
    const aborting = new AbortController()
    function* lines(): Generator<string> {
      for (let i = 0; i < 1_000; i++) {
        if (i === 600) aborting.abort(STOP)
        yield JSON.stringify({ key: `k${i}`, value: i })
      }
    }
    expect(await errorOf(() => node.map.importLines(lines(), { signal: aborting.signal }))).toBe('the reason')
    expect(node.map.size).toBe(1 + 512)
  })

  test('watch and whenSynced: aborted while they wait, end with the reason and leave nothing', async () => {
    const node = await openMap<unknown>({ alone: false })
    const aborting = new AbortController()
    const watch = node.map.watch({ signal: aborting.signal, from: 'snapshot' })
    const fates = [
      errorOf(() => watch.next()),
      errorOf(() => node.map.whenSynced({ signal: aborting.signal }))
    ]
    await settle()
    aborting.abort(STOP)
    expect(await Promise.all(fates)).toEqual(['the reason', 'the reason'])
    expect([node.map.stats().watchers, (await watch.next().catch(() => ({ done: true }))).done]).toEqual([
      0,
      true
    ])
  })
})

describe('a call that comes too late', () => {
  const late: readonly (readonly [string, Call])[] = [
    ...CALLS.map(([name, call]) => [name, (map: Map_) => call(map, {})] as const),
    ['onChange', map => map.onChange(() => undefined)],
    ['decideStale', map => map.decideStale('keep')],
    ['reopen', map => map.reopen()],
    ['repairClock', map => map.repairClock()]
  ]

  test.each(late)('%s: while the map closes, and after', async (_name, call) => {
    const node = await opened()
    node.log.hold = true
    const written = node.map.set('on its way', 1)
    const closing = node.map.close()
    expect(await errorOf(() => call(node.map))).toBe('MapClosedError')
    await settle()
    node.log.release()
    await Promise.all([written, closing])
    const before = trace(node)
    expect(await errorOf(() => call(node.map))).toBe('MapClosedError')
    expect(trace(node)).toEqual(before)
    // Reads go on with what was there, and ending it again is no mistake.
    expect([node.map.get('there'), node.map.get('on its way'), node.map.stats().state]).toEqual([
      'v',
      1,
      'closed'
    ])
    await node.map.close()
  })

  test('before it: a map that does not open leaves nothing behind, and nobody gets it', async () => {
    const log = new HeldLog()
    Object.assign(log, { recovered: undefined })
    expect(await errorOf(() => openMap({ log }))).toBe('TypeError')
    expect(log.batches).toBe(0)
  })
})

describe('a value that changes hands', () => {
  test('may be changed after the call, and what was read may be changed too', async () => {
    const node = await openMap<{ list: number[]; bytes: Uint8Array }>()
    node.log.hold = true
    const value = { list: [1, 2], bytes: Uint8Array.of(1, 2) }
    const written = node.map.batch([{ type: 'set', key: 'k', value }])
    value.list.push(3)
    value.bytes[0] = 9
    await settle()
    node.log.release()
    await written
    const read = node.map.get('k')
    read?.list.push(4)
    if (read !== undefined) read.bytes[0] = 8
    expect(node.map.get('k')).toEqual({ list: [1, 2], bytes: Uint8Array.of(1, 2) })
    expect(node.map.getWithVersion('k')?.value).toEqual({ list: [1, 2], bytes: Uint8Array.of(1, 2) })
  })
})
