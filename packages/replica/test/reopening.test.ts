import { describe, expect, test } from 'vitest'
import { IndeterminateWriteError, ReplicaPoisonedError } from '../src/index.ts'
import { REOPEN_MS, REOPEN_MS_MAX } from '../src/config.ts'
import { syncRound } from './support/exchange.ts'
import { MemoryLog } from './support/memory-log.ts'
import { openNode, put, read, remove, settle, watchFate, type Node } from './support/world.ts'

/** A node whose log fails while `k` is being written, with `before` on disk. */
async function failing(tookEffect: boolean): Promise<{ node: Node; error: IndeterminateWriteError }> {
  const log = new MemoryLog('manual')
  const node = await openNode({ log, init: { forgetting: 'byKnown' } })
  const before = node.replica.commit([put('before', '1')])
  await settle()
  log.succeed()
  await before
  const fate = watchFate(node.replica.commit([put('k', 'in flight')]))
  await settle()
  log.fail(tookEffect)
  await settle()
  return { node, error: fate.error() as IndeterminateWriteError }
}

describe('after its log failed a replica', () => {
  test.each([true, false])('says of what was in flight whether it took effect: %s', async tookEffect => {
    const { node, error } = await failing(tookEffect)
    expect(error).toBeInstanceOf(IndeterminateWriteError)
    expect([node.replica.status().state, read(node, 'before'), read(node, 'k')]).toEqual([
      'poisoned',
      '1',
      undefined
    ])
    await node.replica.reopen()
    expect(await error.tookEffect).toBe(tookEffect)
    expect(read(node, 'k')).toBe(tookEffect ? 'in flight' : undefined)
    expect(node.replica.status().state).toBe('open')
    expect(node.changes.map(change => change.key)).toEqual(tookEffect ? ['before', 'k'] : ['before'])
    const after = node.replica.commit([put('after', '2')])
    await settle()
    node.log.succeed()
    await after
    const again = await openNode({ log: node.log.reopen(), seed: 'again' })
    expect([...again.replica.entries()]).toEqual([...node.replica.entries()])
  })

  test('says of a removal that found nothing left to remove what it says of the one before it', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log })
    const before = node.replica.commit([put('k', '1')])
    await settle()
    log.succeed()
    await before
    const fates = [1, 2].map(() => watchFate(node.replica.commit([remove('k')])))
    await settle()
    log.fail(false)
    await settle()
    await node.replica.reopen()
    const errors = fates.map(fate => fate.error() as IndeterminateWriteError)
    expect(await Promise.all(errors.map(error => error.tookEffect))).toEqual([false, false])
    expect(read(node, 'k')).toBe('1')
  })

  test('writes every applied row that the disk lacks before it answers anybody', async () => {
    const { node } = await failing(false)
    const { log } = node
    // As after a lost tail: what was acknowledged before is gone as well, and something is there that must not be.
    const rows = [...log.disk]
    log.disk.clear()
    for (const [at, row] of rows) log.disk.set(`${at}00`, { ...row, key: Uint8Array.of(...row.key, 0) })
    await node.replica.reopen()
    expect(log.batches.length).toBe(2)
    const again = await openNode({ log: log.reopen(), seed: 'again' })
    expect([...again.replica.entries()]).toEqual([...node.replica.entries()])
    expect(node.events.at(-1)).toMatchObject({ type: 'reopened', proven: true })
    expect((node.events.at(-1) as { rowsRestored: number }).rowsRestored).toBeGreaterThan(1)
  })

  test('restores received entries that were shown and not written yet', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log })
    const other = await openNode({ name: 'b' })
    await other.replica.commit([put('received', 'v')])
    void node.replica.commit([put('k', '1')]).catch(() => undefined)
    await settle()
    for (const message of other.broadcast.sent) node.broadcast.deliver(message)
    log.fail(false)
    await settle()
    expect(read(node, 'received')).toBe('v')
    await node.replica.reopen()
    const again = await openNode({ log: log.reopen(), seed: 'again' })
    expect([read(again, 'received'), read(again, 'k')]).toEqual(['v', undefined])
  })

  test('takes a new id, and keeps what it knew', async () => {
    const { node } = await failing(true)
    const { replica: before, knownIds } = node.replica.stats()
    await node.replica.reopen()
    expect(knownIds).toBe(1)
    const write = node.replica.commit([put('k', 'again')])
    await settle()
    node.log.succeed()
    await write
    expect(node.replica.stats().replica).not.toBe(before)
    expect(node.replica.stats().knownIds).toBe(2)
  })

  test('forgets what it knew when the log cannot be proven', async () => {
    const { node, error } = await failing(false)
    node.log.proven = false
    await node.replica.reopen()
    expect(await error.tookEffect).toBeUndefined()
    expect(node.replica.stats()).toMatchObject({ knownIds: 0, replica: undefined })
    expect(node.events.at(-1)).toMatchObject({ type: 'reopened', proven: false })
    await settle()
    node.log.succeed()
    await settle()
    // Another opening knows nothing either: one row says so.
    const again = await openNode({ log: node.log.reopen(), init: { forgetting: 'byKnown' }, seed: 'again' })
    expect(again.replica.stats().knownIds).toBe(0)
  })

  test('tries by itself, after pauses that double, until the log works', async () => {
    const { node } = await failing(false)
    node.log.recoveryFaults.push(...Array.from({ length: 8 }, () => new Error('no space')))
    const failures = (): number => node.events.filter(event => event.type === 'reopenFailed').length
    await node.timers.advance(REOPEN_MS - 1)
    expect(failures()).toBe(0)
    await node.timers.advance(1)
    expect(failures()).toBe(1)
    await node.timers.advance(2 * REOPEN_MS)
    expect(failures()).toBe(2)
    await node.timers.advance(4 * REOPEN_MS + 8 * REOPEN_MS)
    expect(failures()).toBe(4)
    await node.timers.advance(5 * REOPEN_MS_MAX)
    expect([failures(), node.log.recoveries, node.replica.status().state]).toEqual([8, 1, 'open'])
  })

  test('does not try again what no waiting cures, unless it is told to', async () => {
    const { node } = await failing(false)
    node.log.recoveryFaults.push(Object.assign(new Error('corrupt'), { retryable: false }))
    await expect(node.replica.reopen()).rejects.toThrow('corrupt')
    await node.timers.advance(10 * REOPEN_MS_MAX)
    expect([node.log.recoveries, node.replica.status().state]).toEqual([0, 'poisoned'])
    await Promise.all([node.replica.reopen(), node.replica.reopen()])
    expect(node.log.recoveries).toBe(1)
    await node.replica.reopen()
    expect(node.log.recoveries).toBe(1)
  })

  test('that is closed meanwhile leaves the write indeterminate', async () => {
    const { node, error } = await failing(true)
    await node.replica.close()
    expect(await error.tookEffect).toBeUndefined()
    await expect(node.replica.reopen()).rejects.toMatchObject({ name: 'ReplicaClosedError' })
    expect(node.timers.size).toBe(0)
  })

  test('tells at once whoever waits for an answer that there is none, where the log cannot be recovered', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log: Object.assign(log, { recover: undefined }) as never })
    const fate = watchFate(node.replica.commit([put('k', '1')]))
    await settle()
    log.fail(true)
    await settle()
    expect(await (fate.error() as IndeterminateWriteError).tookEffect).toBeUndefined()
    const { node: given, error } = await failing(true)
    given.log.recoveryFaults.push(Object.assign(new Error('somebody else owns it'), { retryable: false }))
    await expect(given.replica.reopen()).rejects.toThrow('somebody else')
    expect(await error.tookEffect).toBeUndefined()
    // The state is put right all the same once it works.
    await given.replica.reopen()
    expect(read(given, 'k')).toBe('in flight')
  })

  test('stays as it is when its log cannot be recovered', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log: Object.assign(log, { recover: undefined }) })
    void node.replica.commit([put('k', '1')]).catch(() => undefined)
    await settle()
    log.fail(false)
    await settle()
    await node.timers.advance(10 * REOPEN_MS_MAX)
    await expect(node.replica.reopen()).rejects.toThrow(ReplicaPoisonedError)
    await expect(node.replica.commit([remove('k')])).rejects.toThrow(ReplicaPoisonedError)
  })

  test('meets its peers again, and both end equal', async () => {
    const { node } = await failing(true)
    const peer = await openNode({ name: 'peer' })
    await peer.replica.commit([put('theirs', 'v')])
    await expect(syncRound(node, peer)).rejects.toThrow(ReplicaPoisonedError)
    await node.replica.reopen()
    const round = syncRound(node, peer)
    for (let i = 0; i < 20; i++) {
      await settle()
      if (node.log.pending.length > 0) node.log.succeed()
    }
    await round
    expect(node.replica.root()).toEqual(peer.replica.root())
    expect([read(node, 'theirs'), read(peer, 'k')]).toEqual(['v', 'in flight'])
  })
})
