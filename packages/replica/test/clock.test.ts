import { describe, expect, test } from 'vitest'
import { syncRound } from './support/exchange.ts'
import { MemoryLog } from './support/memory-log.ts'
import { openNode, put, read, remove, settle, TestClock, valuesOf, watchFate } from './support/world.ts'

const YEAR_MS = 365 * 86_400_000

describe('a clock that ran ahead', () => {
  test('refuses writes, says so once, and takes them again when the wall agrees', async () => {
    const node = await openNode()
    node.clock.ms += YEAR_MS
    await node.replica.commit([put('k', 'from the future')])
    node.clock.ms -= YEAR_MS
    for (let i = 0; i < 2; i++) {
      await expect(node.replica.commit([put('k', 'v')])).rejects.toMatchObject({ name: 'ClockAheadError' })
    }
    expect(node.replica.status().clockAheadMs).toBe(YEAR_MS)
    expect(node.events.filter(event => event.type === 'clockAhead')).toEqual([
      { type: 'clockAhead', aheadMs: YEAR_MS }
    ])
    node.clock.ms += YEAR_MS
    await node.replica.commit([put('k', 'v')])
    expect([read(node, 'k'), node.replica.status().clockAheadMs]).toEqual(['v', 0])
  })

  test('is repaired: own items of the future are written again, and peers accept them and the next write', async () => {
    const clock = new TestClock()
    const node = await openNode({ clock, init: { forgetting: 'byKnown' } })
    const peer = await openNode({ name: 'peer', init: { forgetting: 'byKnown' } })
    await node.replica.commit([put('old', 'kept'), put('overwritten', 'before'), put('removed', 'before')])
    await syncRound(node, peer)
    clock.ms += YEAR_MS
    await node.replica.commit([put('overwritten', 'after'), remove('removed'), put('new', 'value')])
    clock.ms -= YEAR_MS
    const refused = await syncRound(node, peer)
    expect(refused.outcomes[1].complete).toBe(false)
    const before = node.replica.stats().replica
    await node.replica.repairClock()
    expect(node.replica.status().clockAheadMs).toBe(0)
    await node.replica.commit([put('next', 'write')])
    expect(node.replica.stats().replica).not.toBe(before)
    expect(node.replica.stats().clock >> 16n).toBe(BigInt(clock.ms + 1))
    await syncRound(node, peer)
    for (const { replica } of [node, peer]) {
      expect(
        ['old', 'overwritten', 'removed', 'new', 'next'].map(key => valuesOf(replica.entry(key)))
      ).toEqual([['kept'], ['after'], [], ['value'], ['write']])
    }
    expect(peer.replica.root()).toEqual(node.replica.root())
    // The log's mark stays in the future. The next opening knows better.
    const again = await openNode({ log: node.log.reopen(), clock, seed: 'again' })
    expect(again.replica.status().clockAheadMs).toBe(0)
    expect([...again.replica.entries()]).toEqual([...node.replica.entries()])
    await again.replica.commit([put('k', 'v')])
  })

  test('is repaired with values beside each other: none is given up', async () => {
    const clock = new TestClock(1_700_000_000_000 + YEAR_MS)
    const a = await openNode({ name: 'a', clock })
    const b = await openNode({ name: 'b', clock })
    await a.replica.commit([put('k', 'a')])
    await b.replica.commit([put('k', 'b')])
    await syncRound(a, b)
    const shown = read(a, 'k')
    clock.ms -= YEAR_MS
    await a.replica.repairClock()
    expect([valuesOf(a.replica.entry('k')), read(a, 'k')]).toEqual([['a', 'b'], shown])
  })

  test('a repair whose disk fails leaves the clock ahead, and can be repeated', async () => {
    const clock = new TestClock(1_700_000_000_000 + YEAR_MS)
    const node = await openNode({ clock, log: new MemoryLog('manual') })
    const written = node.replica.commit([put('k', 'v')])
    await settle()
    node.log.succeed()
    await written
    clock.ms -= YEAR_MS
    const failing = node.replica.repairClock()
    await settle()
    node.log.fail(false)
    await expect(failing).rejects.toMatchObject({ name: 'IndeterminateWriteError' })
    await node.replica.reopen()
    expect(node.replica.status().clockAheadMs).toBeGreaterThan(0)
    await expect(node.replica.commit([put('k', 'w')])).rejects.toMatchObject({ name: 'ClockAheadError' })
    const repairing = node.replica.repairClock()
    for (let i = 0; i < 4; i++) {
      await settle()
      if (node.log.pending.length > 0) node.log.succeed()
    }
    await repairing
    expect([node.replica.status().clockAheadMs, valuesOf(node.replica.entry('k'))]).toEqual([0, ['v']])
  })

  test('a repair whose disk fails after all was written doubles nothing when it is repeated', async () => {
    const clock = new TestClock(1_700_000_000_000 + YEAR_MS)
    const node = await openNode({ clock, log: new MemoryLog('manual') })
    const written = node.replica.commit([put('k', 'v')])
    await settle()
    node.log.succeed()
    await written
    clock.ms -= YEAR_MS
    const failing = node.replica.repairClock()
    await settle()
    node.log.fail(true)
    await expect(failing).rejects.toMatchObject({ name: 'IndeterminateWriteError' })
    await node.replica.reopen()
    expect(valuesOf(node.replica.entry('k'))).toEqual(['v'])
    const repairing = node.replica.repairClock()
    for (let i = 0; i < 4; i++) {
      await settle()
      if (node.log.pending.length > 0) node.log.succeed()
    }
    await repairing
    expect([node.replica.status().clockAheadMs, valuesOf(node.replica.entry('k'))]).toEqual([0, ['v']])
  })

  test('two repairs asked for together are one, and the clock stays right over the next opening', async () => {
    const clock = new TestClock(1_700_000_000_000 + YEAR_MS)
    const log = new MemoryLog()
    const node = await openNode({ clock, log })
    await node.replica.commit([put('k', 'v')])
    clock.ms -= YEAR_MS
    await Promise.all([node.replica.repairClock(), node.replica.repairClock()])
    expect([node.replica.status().clockAheadMs, valuesOf(node.replica.entry('k'))]).toEqual([0, ['v']])
    await node.replica.close()
    const again = await openNode({ clock, log: log.reopen(), seed: 'again' })
    expect([again.replica.status().clockAheadMs, valuesOf(again.replica.entry('k'))]).toEqual([0, ['v']])
    await again.replica.commit([put('k', 'w')])
  })

  test('a write that waited for one repair waits for the next as well', async () => {
    const clock = new TestClock(1_700_000_000_000 + YEAR_MS)
    const node = await openNode({ clock, log: new MemoryLog('manual') })
    const written = node.replica.commit([put('k', 'v')])
    await settle()
    node.log.succeed()
    await written
    clock.ms -= YEAR_MS
    let second: Promise<void> | undefined
    const first = node.replica.repairClock()
    const during = watchFate(node.replica.commit([put('k', 'w')]))
    void first.then(() => (second = node.replica.repairClock()))
    for (let i = 0; i < 8; i++) {
      await settle()
      if (node.log.pending.length > 0) node.log.succeed()
    }
    await second
    expect([during.state(), valuesOf(node.replica.entry('k'))]).toEqual(['resolved', ['w']])
  })

  test.each([true, false])(
    'a repair and another write that fail in one batch are both on disk, or neither: %s',
    async tookEffect => {
      const clock = new TestClock(1_700_000_000_000 + YEAR_MS)
      const node = await openNode({ clock, log: new MemoryLog('manual'), init: { forgetting: 'byKnown' } })
      const written = node.replica.commit([put('k', 'v')])
      await settle()
      node.log.succeed()
      await written
      clock.ms -= YEAR_MS
      const repair = watchFate(node.replica.repairClock())
      // As a received entry on top of what the repair writes: it is in the same batch.
      const other = await openNode({ name: 'other' })
      await other.replica.commit([put('k', 'beside'), put('l', 'new')])
      node.broadcast.deliver(other.broadcast.sent[0] as Uint8Array)
      await settle()
      node.log.fail(tookEffect)
      await settle()
      expect(repair.error()).toMatchObject({ name: 'IndeterminateWriteError' })
      await node.replica.reopen()
      const again = node.replica.repairClock()
      for (let i = 0; i < 4; i++) {
        await settle()
        if (node.log.pending.length > 0) node.log.succeed()
      }
      await again
      expect([valuesOf(node.replica.entry('k')), read(node, 'l')]).toEqual([['beside', 'v'], 'new'])
      const opened = await openNode({ log: node.log.reopen(), clock, seed: 'again' })
      expect([...opened.replica.entries()]).toEqual([...node.replica.entries()])
      expect(opened.replica.status().clockAheadMs).toBe(0)
    }
  )

  test('a write during a repair waits for it', async () => {
    const clock = new TestClock(1_700_000_000_000 + YEAR_MS)
    const node = await openNode({ clock, log: new MemoryLog('manual') })
    const written = node.replica.commit([put('k', 'v')])
    await settle()
    node.log.succeed()
    await written
    clock.ms -= YEAR_MS
    const repairing = node.replica.repairClock()
    const during = node.replica.commit([put('k', 'w')])
    for (let i = 0; i < 6; i++) {
      await settle()
      if (node.log.pending.length > 0) node.log.succeed()
    }
    await repairing
    await during
    expect(valuesOf(node.replica.entry('k'))).toEqual(['w'])
  })

  test('repairing twice, or a clock that is right, changes nothing but the id', async () => {
    const node = await openNode()
    await node.replica.commit([put('k', 'v')])
    const root = node.replica.root()
    await node.replica.repairClock()
    await node.replica.repairClock()
    expect([node.replica.root(), node.changes.length]).toEqual([root, 1])
    await node.replica.commit([put('k', 'w')])
    expect(valuesOf(node.replica.entry('k'))).toEqual(['w'])
  })
})

describe('the mark of the clock', () => {
  test('is reserved ahead where a write is not synced, and only then', async () => {
    for (const durability of ['sync', 'async', undefined] as const) {
      const clock = new TestClock()
      const log = Object.assign(new MemoryLog(), durability === undefined ? {} : { durability })
      const node = await openNode({ clock, log })
      for (let i = 0; i < 20; i++) await node.replica.commit([put('k', `${i}`)])
      const aheadMs = Number(log.mark >> 16n) - clock.ms
      expect(aheadMs).toBe(durability === 'async' ? 10_000 : 0)
    }
  })

  test('does not add up over restarts in a loop', async () => {
    const clock = new TestClock()
    let log = Object.assign(new MemoryLog(), { durability: 'async' as const })
    for (let i = 0; i < 100; i++) {
      const node = await openNode({ clock, log, seed: i })
      await node.replica.commit([put('k', `${i}`)])
      log = Object.assign(log.reopen(), { durability: 'async' as const })
      clock.ms += 10
    }
    expect(Number(log.mark >> 16n) - clock.ms).toBeLessThan(11_000)
  })
})
