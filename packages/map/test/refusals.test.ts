import { describe, expect, test } from 'vitest'
import { SchemaError, ValueTooLargeError, type StandardSchema } from '@starling/map'
import { gossip, openMap } from './support/open.ts'

interface Flag {
  on: boolean
  tags?: string[]
}

describe('bad input', () => {
  test.each([
    ['a number', 7, TypeError],
    ['null', null, TypeError],
    ['a String object', new String('k'), TypeError],
    ['a lone surrogate', 'a\udc00', TypeError],
    ['an empty key', '', RangeError],
    ['a key of 1,025 bytes', 'ü'.repeat(512) + 'a', RangeError]
  ])('as a key, %s is refused before anything happens', async (_name, key, error) => {
    const node = await openMap<number>()
    const bad = key as string
    await expect(node.map.set(bad, 1)).rejects.toThrow(error)
    await expect(node.map.delete(bad)).rejects.toThrow(error)
    await expect(node.map.batch([{ type: 'delete', key: bad }])).rejects.toThrow(error)
    expect([node.log.batches, node.sent.length, node.map.size]).toEqual([0, 0, 0])
  })

  test('a key of 1,024 bytes is a key, and a read with something else than a string is a mistake', async () => {
    const { map } = await openMap<number>()
    await map.set('ü'.repeat(512), 1)
    expect(map.get('ü'.repeat(512))).toBe(1)
    expect(() => map.get(7 as never)).toThrow(TypeError)
    expect(() => map.has(undefined as never)).toThrow(TypeError)
    expect(() => map.conflicts({} as never)).toThrow(TypeError)
    expect(map.get('')).toBeUndefined()
  })

  test('values that cannot be encoded or are too long are refused before anything happens', async () => {
    const node = await openMap<unknown>()
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    for (const value of [undefined, () => 1, new Date(), NaN, cycle, { a: undefined }, '\ud800']) {
      await expect(node.map.set('k', value)).rejects.toMatchObject({ name: 'UnencodableValueError' })
    }
    await expect(node.map.set('k', 'v'.repeat(65_536))).rejects.toBeInstanceOf(ValueTooLargeError)
    expect([node.log.batches, node.sent.length, node.map.size]).toEqual([0, 0, 0])
    await node.map.set('k', 'v'.repeat(65_000))
    expect(node.map.size).toBe(1)
  })

  test('a full map refuses what would add, and takes what would not', async () => {
    const { map } = await openMap<string>({ init: { limits: { entriesMax: 2, bytesMax: 100 } } })
    await map.set('a', 'v')
    await map.set('b', 'v')
    await expect(map.set('c', 'v')).rejects.toMatchObject({
      name: 'QuotaExceededError',
      part: 'entries',
      max: 2
    })
    await map.set('a', 'v'.repeat(40))
    await expect(map.set('b', 'v'.repeat(30))).rejects.toMatchObject({ part: 'bytes', max: 100 })
    await map.delete('a')
    await map.set('b', 'v'.repeat(30))
    expect([...map.keys()]).toEqual(['b'])
  })

  test('entries of peers over the quota are refused, and the map says so', async () => {
    const a = await openMap<string>({ name: 'a' })
    const b = await openMap<string>({ name: 'b', init: { limits: { entriesMax: 1 } } })
    await a.map.set('x', '1')
    await a.map.set('y', '2')
    gossip(a, b)
    expect([b.map.size, b.map.stats().overQuota, a.map.stats().overQuota]).toEqual([1, true, false])
    expect(b.map.health()).toMatchObject({
      ok: false,
      states: ['unconverged', 'over-quota'],
      refused: { quota: 1 }
    })
    expect(a.map.health()).toMatchObject({ ok: true, states: [] })
  })

  test('a limit that is none is refused', async () => {
    await expect(openMap({ init: { limits: { entriesMax: -1 } } })).rejects.toThrow(RangeError)
    await expect(openMap({ init: { schema: 7 as never } })).rejects.toThrow(TypeError)
    await expect(openMap({ init: { schema: null as never } })).rejects.toThrow(TypeError)
  })

  test('an aborted signal stops a call before it begins', async () => {
    const node = await openMap<number>()
    const signal = AbortSignal.abort(new Error('stop'))
    await expect(node.map.set('k', 1, { signal })).rejects.toThrow('stop')
    await expect(node.map.delete('k', { signal })).rejects.toThrow('stop')
    expect(() => node.map.watch({ signal })).toThrow('stop')
    expect(node.log.batches).toBe(0)
  })
})

describe('a schema', () => {
  const isNumber = (value: unknown): boolean => typeof value === 'number'

  test('refuses local values, and one that throws or does not say exactly true refuses too', async () => {
    const strict = await openMap<number>({ init: { schema: isNumber } })
    await expect(strict.map.set('k', 'no' as never)).rejects.toBeInstanceOf(SchemaError)
    const broken = await openMap<number>({
      init: {
        schema: () => {
          throw new Error('broken')
        }
      }
    })
    await expect(broken.map.set('k', 1)).rejects.toBeInstanceOf(SchemaError)
    const vague = await openMap<number>({ init: { schema: () => 1 as never } })
    await expect(vague.map.set('k', 1)).rejects.toBeInstanceOf(SchemaError)
  })

  test('hides values of peers it refuses, and forwards them all the same', async () => {
    const a = await openMap<unknown>({ name: 'a' })
    const b = await openMap<number>({ name: 'b', init: { schema: isNumber } })
    await a.map.set('good', 1)
    await a.map.set('bad', 'text')
    gossip(a, b)
    expect([...b.map]).toEqual([['good', 1]])
    expect([b.map.size, b.map.has('bad'), b.map.get('bad'), [...b.map.keys()]]).toEqual([
      1,
      false,
      undefined,
      ['good']
    ])
    expect([b.map.invalid(), b.map.stats().invalid, b.map.conflicts('bad')]).toEqual([['bad'], 1, []])
    expect(b.replica.root()).toEqual(a.replica.root())
    await a.map.set('bad', 2)
    gossip(a, b)
    expect([b.map.get('bad'), b.map.invalid()]).toEqual([2, []])
  })

  test('of the Standard Schema kind gives the value to store, and its issues', async () => {
    const schema: StandardSchema<Flag> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate(value) {
          const { on } = value as { on?: unknown }
          if (typeof on !== 'boolean')
            return { issues: [{ message: 'on must be true or false', path: ['on'] }] }
          return { value: { on, tags: [] } }
        }
      }
    }
    const { map } = await openMap<Flag>({ init: { schema } })
    await map.set('k', { on: true })
    expect(map.get('k')).toEqual({ on: true, tags: [] })
    await expect(map.set('k', {} as never)).rejects.toMatchObject({
      name: 'SchemaError',
      key: 'k',
      issues: [{ message: 'on must be true or false', path: ['on'] }]
    })
  })

  test('that breaks in any way refuses the value, of a peer too, and what came with it is shown', async () => {
    const broken = (answer: () => unknown): StandardSchema<number> => ({
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: value => (value === 13 ? answer() : { value }) as never
      }
    })
    const schemas = [
      broken(() => undefined),
      broken(() => {
        throw new Error('broken')
      }),
      broken(() => ({
        get issues() {
          throw new Error('broken')
        }
      })),
      broken(() => ({ issues: 7 }))
    ]
    const peer = await openMap<number>({ name: 'peer' })
    await peer.map.batch([
      { type: 'set', key: 'bad', value: 13 },
      { type: 'set', key: 'good', value: 1 }
    ])
    const [message] = peer.sent
    for (const schema of schemas) {
      const { map, deliver } = await openMap<number>({ init: { schema } })
      await expect(map.set('k', 13)).rejects.toMatchObject({ name: 'SchemaError', key: 'k' })
      deliver(message as Uint8Array)
      expect([[...map], map.invalid()]).toEqual([[['good', 1]], ['bad']])
    }
  })

  test('that is a function and answers later is a mistake', async () => {
    const { map } = await openMap<number>({
      init: { schema: (() => Promise.reject(new Error('later'))) as never }
    })
    await expect(map.set('k', 1)).rejects.toThrow('synchronously')
  })

  test('that answers later is a mistake', async () => {
    const schema: StandardSchema<number> = {
      '~standard': { version: 1, vendor: 'test', validate: () => Promise.reject(new Error('later')) }
    }
    const { map } = await openMap<number>({ init: { schema } })
    await expect(map.set('k', 1)).rejects.toThrow(TypeError)
  })
})
