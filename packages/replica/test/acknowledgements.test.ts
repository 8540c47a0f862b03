import { describe, expect, test } from 'vitest'
import { ReplicationTimeoutError, type PeerPort } from '../src/index.ts'
import { ACKNOWLEDGE_MS, PUSHES_MAX } from '../src/config.ts'
import { MemoryLog } from './support/memory-log.ts'
import { openNode, put, read, remove, settle, watchFate, type Node } from './support/world.ts'

/** Peers that answer for their replicas, as sessions would carry it. */
function portTo(self: Node, others: readonly Node[]): PeerPort {
  return {
    peers: () => others.map(({ name }) => name),
    async push(peer, payload) {
      const other = others.find(({ name }) => name === peer)
      if (other?.replica.protocol.answer === undefined) throw new Error('gone')
      return await other.replica.protocol.answer(payload, self.name)
    }
  }
}

describe('a commit for several nodes', () => {
  test('resolves once it is on so many disks, and not before', async () => {
    const a = await openNode({ name: 'a' })
    const log = new MemoryLog('manual')
    const b = await openNode({ name: 'b', log })
    a.replica.setPeers(portTo(a, [b]))
    const fate = watchFate(a.replica.commit([put('k', 'v'), put('l', 'w')], { replicas: 2 }))
    await settle(100)
    expect([fate.state(), read(a, 'k'), read(b, 'k'), log.disk.size]).toEqual(['pending', 'v', 'v', 0])
    log.succeed()
    await settle()
    expect([fate.state(), log.disk.size]).toEqual(['resolved', 2])
    expect(a.timers.size).toBe(1)
  })

  test('that nobody acknowledges in time says who did, and the write stays', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    a.replica.setPeers(portTo(a, [b]))
    const fate = watchFate(a.replica.commit([put('k', 'v')], { replicas: 3 }))
    await a.timers.advance(ACKNOWLEDGE_MS - 1)
    expect(fate.state()).toBe('pending')
    await a.timers.advance(1)
    const error = fate.error() as ReplicationTimeoutError
    expect(error).toBeInstanceOf(ReplicationTimeoutError)
    expect(error).toMatchObject({ wanted: 3, acknowledgedBy: ['b'] })
    expect(error.results[0]).toMatchObject({ key: 'k', changed: true })
    expect([read(a, 'k'), read(b, 'k')]).toEqual(['v', 'v'])
  })

  test('is answered when the replica closes, and waits for nothing then', async () => {
    const a = await openNode({ name: 'a' })
    const options = { replicas: 2, timeoutMs: 2 ** 31 - 1 }
    const fate = watchFate(a.replica.commit([put('k', 'v')], options))
    await settle()
    expect(fate.state()).toBe('pending')
    await a.replica.close()
    expect(fate.error()).toMatchObject({
      name: 'ReplicationTimeoutError',
      acknowledgedBy: [],
      cause: { name: 'ReplicaClosedError' }
    })
    expect(a.timers.size).toBe(0)
  })

  test('begins only with a time to wait that a timer can keep', async () => {
    const a = await openNode({ name: 'a' })
    for (const timeoutMs of [-1, Number.NaN, Infinity, 2 ** 31]) {
      await expect(a.replica.commit([put('k', 'v')], { replicas: 2, timeoutMs })).rejects.toThrow(RangeError)
    }
    expect(read(a, 'k')).toBeUndefined()
  })

  test('is told of its writes as soon as they are durable here', async () => {
    const a = await openNode({ name: 'a', log: new MemoryLog('manual') })
    const told: (string | undefined)[] = []
    const onDurable = (): void => void told.push(read(a, 'k'))
    const fate = watchFate(a.replica.commit([put('k', 'v')], { replicas: 2, onDurable }))
    await settle()
    expect(told).toEqual([])
    a.log.succeed()
    await settle()
    expect([told, fate.state()]).toEqual([['v'], 'pending'])
    await a.replica.close()
  })

  test('asks in messages that a channel takes, however long the commit is', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    const port = portTo(a, [b])
    const lengths: number[] = []
    a.replica.setPeers({
      peers: () => port.peers(),
      push(peer, payload, options) {
        lengths.push(payload.length)
        return port.push(peer, payload, options)
      }
    })
    const many = Array.from({ length: 4000 }, (_, i) => put(`key ${i}`, 'v'.repeat(400)))
    await a.replica.commit(many, { replicas: 2 })
    expect(b.replica.size).toBe(4000)
    // A window of 1 MiB, less what a message and a push cost beside their payload.
    expect(Math.max(...lengths)).toBeLessThan(1024 * 1024 - 1024)
  })

  test('counts a peer once, however often it is listed', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    a.replica.setPeers(portTo(a, [b, b]))
    const fate = watchFate(a.replica.commit([put('k', 'v')], { replicas: 3 }))
    await settle()
    await a.replica.close()
    expect(fate.error()).toMatchObject({ acknowledgedBy: ['b'] })
  })

  test('without peers times out, and one that changes nothing needs none', async () => {
    const a = await openNode({ name: 'a' })
    const fate = watchFate(a.replica.commit([put('k', 'v')], { replicas: 2, timeoutMs: 10 }))
    await a.timers.advance(10)
    expect(fate.error()).toMatchObject({ name: 'ReplicationTimeoutError', acknowledgedBy: [] })
    expect(await a.replica.commit([remove('absent')], { replicas: 2 })).toMatchObject([{ changed: false }])
  })

  test('is not acknowledged by a peer that refuses it, fails or answers nonsense', async () => {
    const a = await openNode({ name: 'a' })
    const full = await openNode({ name: 'full', init: { quota: { bytesMax: 10 } } })
    const poisonedLog = new MemoryLog('manual')
    const poisoned = await openNode({ name: 'poisoned', log: poisonedLog })
    const port = portTo(a, [full, poisoned])
    a.replica.setPeers({
      peers: () => [...port.peers(), 'nonsense', 'broken'],
      push: (peer, payload, options) => {
        if (peer === 'broken') throw new Error('broken')
        return peer === 'nonsense' ? Promise.resolve(Uint8Array.of(1, 1)) : port.push(peer, payload, options)
      }
    })
    const fate = watchFate(a.replica.commit([put('k', 'v'.repeat(50))], { replicas: 2 }))
    await settle()
    poisonedLog.fail(true)
    await a.timers.advance(ACKNOWLEDGE_MS)
    expect(fate.error()).toMatchObject({ name: 'ReplicationTimeoutError', acknowledgedBy: [] })
    await expect(full.replica.protocol.answer?.(Uint8Array.of(9, 9), 'a')).resolves.toEqual(Uint8Array.of(0))
  })

  test('asks a bounded number of peers at once', async () => {
    const a = await openNode({ name: 'a' })
    let asked = 0
    a.replica.setPeers({
      peers: () => Array.from({ length: 50 }, (_, i) => `p${i}`),
      push: () => {
        asked++
        return new Promise(() => {})
      }
    })
    const fate = watchFate(a.replica.commit([put('k', 'v')], { replicas: 2 }))
    await settle()
    expect(asked).toBe(PUSHES_MAX)
    await a.timers.advance(ACKNOWLEDGE_MS)
    expect(fate.state()).toBe('rejected')
  })

  test('reaches the one that answers, however many silent ones are asked before, and counts who answers late', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    const port = portTo(a, [b])
    const late = Promise.withResolvers<Uint8Array>()
    const silent = Array.from({ length: 3 * PUSHES_MAX }, (_, i) => `silent ${i}`)
    a.replica.setPeers({
      peers: () => [...silent, 'b'],
      push: (peer, payload, options) => {
        if (peer === 'silent 0') return late.promise
        return peer === 'b' ? port.push(peer, payload, options) : new Promise(() => {})
      }
    })
    const [two, three] = [2, 3].map(replicas =>
      watchFate(a.replica.commit([put('k', `${replicas}`)], { replicas }))
    )
    await a.timers.advance(ACKNOWLEDGE_MS - 1)
    expect([two?.state(), three?.state()]).toEqual(['resolved', 'pending'])
    late.resolve(Uint8Array.of(1))
    await settle()
    expect(three?.state()).toBe('resolved')
  })

  test('ends its waiting when it is aborted: before anything happened cleanly, later with the write in place', async () => {
    const a = await openNode({ name: 'a' })
    const early = AbortSignal.abort(new Error('too late'))
    await expect(a.replica.commit([put('k', 'v')], { signal: early })).rejects.toThrow('too late')
    expect(a.log.batches).toEqual([])
    const controller = new AbortController()
    const fate = watchFate(a.replica.commit([put('k', 'v')], { replicas: 2, signal: controller.signal }))
    await settle()
    controller.abort(new Error('enough'))
    await settle()
    expect(fate.error()).toMatchObject({ name: 'ReplicationTimeoutError', cause: { message: 'enough' } })
    expect([read(a, 'k'), a.timers.size]).toEqual(['v', 1])
    // Aborted while it is being written, a commit for this node alone ends as its writing does.
    const log = new MemoryLog('manual')
    const b = await openNode({ name: 'b', log })
    const writing = new AbortController()
    const written = watchFate(b.replica.commit([put('k', 'v')], { signal: writing.signal }))
    await settle()
    writing.abort(new Error('never mind'))
    await settle()
    expect(written.state()).toBe('pending')
    log.succeed()
    await settle()
    expect(written.state()).toBe('resolved')
  })

  test.each([0, 1.5, -1, Number.NaN])('for %s nodes is refused', async replicas => {
    const a = await openNode({ name: 'a' })
    await expect(a.replica.commit([put('k', 'v')], { replicas })).rejects.toThrow(RangeError)
    expect(a.log.batches).toEqual([])
  })
})
