import { expect, test } from 'vitest'
import { syncRound } from './support/exchange.ts'
import { openNode, put, read, remove } from './support/world.ts'

test('what is known of a removal goes out also when the entry that asks for it is refused', async () => {
  const a = await openNode({ name: 'a' })
  const full = await openNode({ name: 'full', init: { quota: { bytesMax: 150 } } })
  await a.replica.commit([put('k', 'old')])
  await syncRound(a, full)
  await full.replica.commit([remove('k')])
  // Beside the old value there is one now for which there is no room.
  const other = await openNode({ name: 'other' })
  await other.replica.commit([put('k', 'v'.repeat(200))])
  a.broadcast.deliver(other.broadcast.sent[0] as Uint8Array)
  const { outcomes } = await syncRound(a, full)
  expect(outcomes[1].complete).toBe(false)
  expect(read(a, 'k')).toBe('v'.repeat(200))
  expect(a.replica.entry('k')?.items.filter(({ value }) => value !== undefined)).toHaveLength(1)
  expect(full.replica.size).toBe(0)
})
