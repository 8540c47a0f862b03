import { decodeEntry, joinEntries, liveDots, type Entry } from '@starling/ormap'
import { expect, test } from 'vitest'
import { readBroadcast } from '../src/frames.ts'
import { MemoryLog } from './support/memory-log.ts'
import { openNode, put, remove, settle, valuesOf } from './support/world.ts'

test('REP-I5: broadcasts leave in the order in which the owner was told, and leave nothing out', async () => {
  const log = new MemoryLog('manual')
  const node = await openNode({ log })
  const told: number[] = []
  node.broadcast.onSend = () => told.push(node.changes.length)
  const writes = []
  for (let i = 0; i < 24; i++) {
    const key = `k${i % 5}`
    writes.push(node.replica.commit([i % 7 === 6 ? remove(key) : put(key, `v${i}`)]))
    if (i % 4 === 3) await settle()
    if (i % 8 === 7 && log.pending.length > 0) log.succeed()
  }
  for (await settle(); log.pending.length > 0; await settle()) log.succeed()
  await Promise.all(writes)

  const state = new Map<string, Entry>()
  let newest = 0n
  const messages = node.broadcast.sent.map(message =>
    (readBroadcast(message, 1 << 20) ?? []).map(bytes => decodeEntry(bytes))
  )
  expect(messages.length).toBeGreaterThan(3)
  for (const entries of messages) {
    const stamps = entries.flatMap(({ entry }) => liveDots(entry).map(dot => dot.stamp))
    for (const stamp of stamps) expect(stamp).toBeGreaterThan(newest)
    for (const stamp of stamps) if (stamp > newest) newest = stamp
    for (const { key, entry } of entries) state.set(key, joinEntries(state.get(key), entry))
  }
  // Each message follows at once on the changes it carries.
  expect(told).toEqual([...new Set(told)])
  expect(told.at(-1)).toBe(node.changes.length)
  for (const [key, entry] of node.replica.allEntries())
    expect(valuesOf(state.get(key))).toEqual(valuesOf(entry))
})
