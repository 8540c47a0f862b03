import { encodeEntry, type Item } from '@starling/ormap'
import { expect, test } from 'vitest'
import { EntryPacker } from '../src/frames.ts'
import { openNode, put, read, settle } from './support/world.ts'

// Goal: no peer can make a row that the log refuses: a refused row would stop the replica for good.

test('evidence without end is refused before its row is longer than the log takes', async () => {
  const rowBytesMax = 40_000
  const node = await openNode({ init: { limits: { rowBytesMax } } })
  const evidence = (from: number): Uint8Array => {
    const items: Item[] = Array.from({ length: 1024 }, (_, i) => ({
      replica: (from + i).toString(16).padStart(16, '0'),
      stamp: 1n,
      value: undefined
    }))
    const packer = new EntryPacker('broadcast', 1 << 20)
    packer.add(encodeEntry('k', { items }))
    return packer.flush() as Uint8Array
  }
  for (let i = 0; i < 4; i++) node.broadcast.deliver(evidence(i * 1024), 'mallory')
  await settle()
  expect(node.replica.stats().rejected).toEqual({ rowTooLong: 2 })
  const lengths = node.log.batches.flatMap(({ rows }) => rows.map(({ value }) => value?.length ?? 0))
  expect(Math.max(...lengths)).toBeLessThan(rowBytesMax)
  await node.replica.commit([put('k', 'mine')])
  expect(read(node, 'k')).toBe('mine')
})

test('bytes that are no encoded value are refused: peers would, and so would the next opening', async () => {
  const node = await openNode()
  const value = Uint8Array.of(0xff)
  await expect(node.replica.commit([{ type: 'put', key: 'k', value }])).rejects.toThrow(TypeError)
  await expect(node.replica.commit([put('a', 'v'), { type: 'put', key: 'k', value }])).rejects.toThrow(
    TypeError
  )
  expect([node.replica.size, node.log.batches.length, node.broadcast.sent.length]).toEqual([0, 0, 0])
})

test.each(['keyBytesMax', 'valueBytesMax'])(
  '%s cannot be raised beyond what every peer refuses',
  async name => {
    await expect(openNode({ init: { limits: { [name]: 65_537 } } })).rejects.toThrow(name)
  }
)
