import { expect, test } from 'vitest'
import type { StandardSchema } from '@starling/map'
import { openMap } from './support/open.ts'

// Goal: a call that says something else than the caller means does nothing, least of all remove or hide what is there.

test('a batch with an operation of an unknown type is refused whole', async () => {
  const node = await openMap<number>()
  await node.map.set('k', 1)
  const operations = [
    { type: 'set', key: 'other', value: 1 },
    { type: 'put', key: 'k', value: 2 } as never
  ] as const
  await expect(node.map.batch(operations)).rejects.toThrow("'set' or 'delete'")
  expect([...node.map]).toEqual([['k', 1]])
  expect(node.log.batches).toBe(1)
})

test('a watch from something unknown is refused', async () => {
  const { map } = await openMap<number>()
  expect(() => map.watch({ from: 'Snapshot' as never })).toThrow(TypeError)
  expect(map.stats().watchers).toBe(0)
})

test('a schema that does not accept what it makes of a value refuses it, instead of hiding it once it is written', async () => {
  const schema: StandardSchema<number> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: value =>
        typeof value === 'string' ? { value: Number(value) } : { issues: [{ message: 'it must be text' }] }
    }
  }
  const node = await openMap<number>({ init: { schema } })
  await expect(node.map.set('k', '5' as never)).rejects.toMatchObject({ name: 'SchemaError', key: 'k' })
  expect([node.log.batches, node.map.size, node.map.invalid()]).toEqual([0, 0, []])
})
