import type { Value } from '@starling/codec'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openMap, settle } from './support/open.ts'
import { runs } from './support/runs.ts'

const value: fc.Arbitrary<Value> = fc.letrec<{ any: Value; leaf: Value }>(tie => ({
  leaf: fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.string({ unit: 'binary' }).map(text => text.toWellFormed()),
    fc.uint8Array({ maxLength: 8 })
  ),
  any: fc.oneof(
    { maxDepth: 3 },
    tie('leaf'),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 3 }), tie('any'), { maxKeys: 3, noNullPrototype: true })
  )
})).any

test('what was exported and imported elsewhere is the same, whatever the values', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string({ minLength: 1 }), value, { maxKeys: 4, noNullPrototype: true }),
      async content => {
        const [a, b] = [await openMap<Value>({ name: 'a' }), await openMap<Value>({ name: 'b' })]
        for (const [key, v] of Object.entries(content)) await a.map.set(key, v)
        const lines = [...a.map.exportLines()]
        expect(lines.some(line => line.includes('\n'))).toBe(false)
        expect(await b.map.importLines(lines)).toEqual({ entries: a.map.size, expired: 0 })
        expect(new Map(b.map)).toEqual(new Map(a.map))
      }
    ),
    runs(300)
  )
})

test('a value that JSON can say is readable, and one that it cannot is its encoding', async () => {
  const { map } = await openMap<Value>()
  await map.set('plain', { on: true, tags: ['x', 1.5, null] })
  await map.set('big', 1n << 40n)
  await map.set('ends', 'soon', { ttlMs: 1000 })
  expect([...map.exportLines()]).toEqual([
    '{"key":"plain","value":{"on":true,"tags":["x",1.5,null]}}',
    expect.stringMatching(/^\{"key":"big","encoded":"[A-Za-z0-9+/=]+"\}$/) as string,
    '{"key":"ends","value":"soon","expiresAtMs":1700000001000}'
  ])
})

test('an import is new writes of this node, in batches, with their ends', async () => {
  const [a, b] = [
    await openMap<string>({ name: 'a' }),
    await openMap<string>({ name: 'b', startMs: 1_700_000_050_000 })
  ]
  await a.map.set('k', 'v')
  await a.map.set('over', 'v', { ttlMs: 1000 })
  await a.map.set('lives', 'v', { ttlMs: 100_000 })
  for (let i = 0; i < 600; i++) await a.map.set(`many ${i}`, 'v')
  const batches = b.log.batches
  expect(await b.map.importLines(a.map.exportLines())).toEqual({ entries: 602, expired: 1 })
  expect(b.log.batches - batches).toBe(3)
  expect(b.map.conflicts('k')[0]?.replica).not.toBe(a.map.conflicts('k')[0]?.replica)
  expect(b.map.getWithVersion('k')?.version).not.toBe(a.map.getWithVersion('k')?.version)
  b.clock.ms += 60_000
  expect([b.map.get('over'), b.map.get('lives')]).toEqual([undefined, undefined])
})

test('lines are read from an asynchronous source too, and empty ones are passed over', async () => {
  const { map } = await openMap<number>()
  async function* source(): AsyncGenerator<string> {
    yield '{"key":"a","value":1}'
    yield ''
    yield '  '
    yield '{"key":"b","value":2}'
  }
  expect(await map.importLines(source())).toEqual({ entries: 2, expired: 0 })
  expect(new Map(map)).toEqual(
    new Map([
      ['a', 1],
      ['b', 2]
    ])
  )
})

test('a line that is none is named, and nothing of its batch is written', async () => {
  const { map } = await openMap<number>({ init: { schema: v => typeof v === 'number' } })
  for (const bad of [
    'no json',
    '1',
    'null',
    '{"value":1}',
    '{"key":7,"value":1}',
    '{"key":"k"}',
    '{"key":"","value":1}',
    '{"key":"k","value":"no number"}',
    '{"key":"k","encoded":"AA=="} ',
    '{"key":"k","encoded":"////"}',
    '{"key":"k","encoded":1}',
    '{"key":"k","value":1,"expiresAtMs":-1}',
    '{"key":"k","value":1,"expiresAtMs":"soon"}',
    `{"key":"k","value":1${' '.repeat(1024 * 1024)}}`
  ].filter(line => line !== '{"key":"k","encoded":"AA=="} ')) {
    await expect(map.importLines(['{"key":"good","value":1}', bad])).rejects.toMatchObject({
      name: 'ImportError',
      line: 2
    })
  }
  expect(map.size).toBe(0)
})

test('an import that is aborted, or whose disk fails, says how far it came', async () => {
  const node = await openMap<number>()
  const lines = Array.from({ length: 600 }, (_, i) => JSON.stringify({ key: `k${i}`, value: i }))
  const aborter = new AbortController()
  function* aborting(): Generator<string> {
    for (const [i, line] of lines.entries()) {
      if (i === 300) aborter.abort(new Error('enough'))
      yield line
    }
  }
  await expect(node.map.importLines(aborting(), { signal: aborter.signal })).rejects.toThrow('enough')
  expect(node.map.size).toBe(256)
  node.log.hold = true
  const importing = node.map.importLines(lines)
  const { batches } = node.log
  while (node.log.batches === batches) await settle()
  node.log.fail()
  await expect(importing).rejects.toMatchObject({
    name: 'ImportError',
    line: 1,
    cause: { name: 'IndeterminateWriteError' }
  })
})

test('an import of long values is cut into commits that the replica takes', async () => {
  const [a, b] = [await openMap<string>({ name: 'a' }), await openMap<string>({ name: 'b' })]
  const long = 'x'.repeat(60_000)
  for (let i = 0; i < 100; i++) await a.map.set(`k${i}`, long)
  expect(await b.map.importLines(a.map.exportLines())).toEqual({ entries: 100, expired: 0 })
})
