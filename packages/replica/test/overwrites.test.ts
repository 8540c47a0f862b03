import { expect, test } from 'vitest'
import { syncRound } from './support/exchange.ts'
import { openNode, put, TestClock, TestTimers, type Node } from './support/world.ts'

/** Raised for the long form: 1,000,000. */
const OVERWRITES = Number(process.env['STARLING_OVERWRITES'] ?? 20_000)
const KEYS = 100
const TOGETHER = 50

/** Everything whose growth would be a leak: what is in memory, and what is on disk. */
function footprint({ replica, log }: Node): Record<string, number> {
  const { liveKeys, entries, bytes, evidence, knownIds, waitingBytes } = replica.stats()
  const disk = [...log.disk.values()].reduce((sum, { key, value }) => sum + key.length + value.length, 0)
  return { liveKeys, entries, bytes, evidence, knownIds, waitingBytes, disk, rows: log.disk.size }
}

test(
  `after ${OVERWRITES} overwrites of ${KEYS} keys by two nodes, state and disk are what they were after the first`,
  async () => {
    const clock = new TestClock()
    const timers = new TestTimers(clock)
    const init = { forgetting: 'byKnown' } as const
    const a = await openNode({ name: 'a', clock, timers, init })
    const b = await openNode({ name: 'b', clock, timers, init })
    const write = async (from: number, count: number): Promise<void> => {
      for (let n = from; n < from + count; n += TOGETHER) {
        const [here, there] = (n / TOGETHER) % 2 === 0 ? [a, b] : [b, a]
        const operations = Array.from({ length: TOGETHER }, (_, i) =>
          put(`k${(n + i) % KEYS}`, String((n + i) % 1000).padStart(20, 'v'))
        )
        await here.replica.commit(operations)
        for (const message of here.broadcast.sent.splice(0)) there.broadcast.deliver(message)
        here.changes.length = here.log.batches.length = 0
        there.changes.length = there.log.batches.length = 0
        clock.ms += 1
      }
      await syncRound(a, b)
    }
    await write(0, 4 * KEYS)
    const first = [a, b].map(footprint)
    await write(4 * KEYS, OVERWRITES)
    expect([a, b].map(footprint)).toEqual(first)
    expect(a.replica.root()).toEqual(b.replica.root())
  },
  60_000 + OVERWRITES / 4
)
