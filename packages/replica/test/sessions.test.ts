import { describe, expect, test } from 'vitest'
import { ReplicaPoisonedError, type SyncExchange } from '../src/index.ts'
import { conversation, syncRound } from './support/exchange.ts'
import { MemoryLog } from './support/memory-log.ts'
import { openNode, put, read, remove, settle, valuesOf, watchFate } from './support/world.ts'

const signal = new AbortController().signal

function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('it resolved')
    },
    (error: Error) => error
  )
}

describe('sessions of replicas', () => {
  test('REP-I3: equal replicas exchange a few dozen bytes, write nothing and report nothing', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    await a.replica.commit([put('x', '1'), put('y', '2')])
    await syncRound(a, b)
    await settle()
    const before = [a.log.batches.length, b.log.batches.length, a.changes.length, b.changes.length]
    const { outcomes, bytes } = await syncRound(a, b)
    expect(
      outcomes.map(({ complete, entriesSent, entriesReceived }) => [complete, entriesSent, entriesReceived])
    ).toEqual([
      [true, 0, 0],
      [true, 0, 0]
    ])
    expect(bytes).toBeLessThan(160)
    await settle()
    expect([a.log.batches.length, b.log.batches.length, a.changes.length, b.changes.length]).toEqual(before)
  })

  test('different replicas end equal, live values, conflicts and removals included', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    await a.replica.commit([put('both', 'a'), put('only a', '1'), put('gone', 'x')])
    await syncRound(a, b)
    await a.replica.commit([remove('gone'), put('both', 'a2')])
    await b.replica.commit([put('both', 'b2'), put('only b', '2')])
    const { outcomes } = await syncRound(a, b)
    expect(outcomes.map(outcome => outcome.complete)).toEqual([true, true])
    expect([...a.replica.allEntries()].sort()).toEqual([...b.replica.allEntries()].sort())
    expect(valuesOf(b.replica.entry('both'))).toEqual(['a2', 'b2'])
    expect(read(b, 'gone')).toBeUndefined()
    expect(a.replica.root()).toEqual(b.replica.root())
  })

  test('REP-D4: a node whose last key was deleted tells the others', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    await a.replica.commit([put('k', '1')])
    await syncRound(a, b)
    await a.replica.commit([remove('k')])
    expect(a.replica.size).toBe(0)
    await syncRound(a, b)
    expect([read(a, 'k'), read(b, 'k'), b.replica.size]).toEqual([undefined, undefined, 0])
  })

  test('says whether something came that a broadcast should have brought before', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    await a.replica.commit([put('k', '1')])
    // In flight a moment ago: the broadcast may still bring it to everybody.
    const fresh = await syncRound(a, b)
    expect(fresh.outcomes.map(outcome => outcome.news)).toEqual([false, false])
    await a.replica.commit([put('k', '2')])
    b.clock.ms += 1_000
    const late = await syncRound(a, b)
    expect(late.outcomes.map(outcome => outcome.news)).toEqual([false, true])
    const equal = await syncRound(a, b)
    expect(equal.outcomes.map(outcome => outcome.news)).toEqual([false, false])
  })

  test('a node that joins late gets everything, in frames of a bounded size', async () => {
    const a = await openNode({ name: 'a' })
    for (let i = 0; i < 50; i++) {
      await a.replica.commit(Array.from({ length: 40 }, (_, j) => put(`k${i}-${j}`, 'v'.repeat(100))))
    }
    const late = await openNode({ name: 'late' })
    const talk = conversation(1 << 20, 2)
    const sizes: number[] = []
    const left: SyncExchange = {
      messageBytesMax: talk.left.messageBytesMax,
      send(message) {
        sizes.push(message.length)
        return talk.left.send(message)
      },
      [Symbol.asyncIterator]: () => talk.left[Symbol.asyncIterator]()
    }
    const [sent, received] = await Promise.all([
      a.replica.protocol.reconcile(left, { peer: 'late', initiator: true, signal }),
      late.replica.protocol.reconcile(talk.right, { peer: 'a', initiator: false, signal })
    ])
    expect([sent.entriesSent, received.entriesReceived, late.replica.size]).toEqual([2000, 2000, 2000])
    expect(Math.max(...sizes)).toBeLessThanOrEqual(64 * 1024)
    expect(sizes.length).toBeLessThan(10)
    await settle(200)
    expect(late.log.disk.size).toBe(2000)
  })

  test('an entry longer than a message travels in parts, dots before evidence', async () => {
    const a = await openNode({ name: 'a' })
    for (let i = 0; i < 12; i++) {
      const writer = await openNode({ name: `w${i}` })
      await writer.replica.commit([put('k', `${i % 10}`.repeat(3000))])
      for (const message of writer.broadcast.sent) a.broadcast.deliver(message)
    }
    const b = await openNode({ name: 'b' })
    const { outcomes } = await syncRound(a, b, 9000)
    expect(outcomes.map(outcome => outcome.complete)).toEqual([true, true])
    expect(outcomes[0].entriesSent).toBe(1)
    expect(b.replica.entry('k')).toEqual(a.replica.entry('k'))
    await settle()
  })

  test('an item longer than any message makes the round incomplete, and the rest gets through', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    await a.replica.commit([put('long', 'v'.repeat(20_000)), put('short', 'v')])
    const { outcomes } = await syncRound(a, b, 9000)
    expect([outcomes[0].complete, read(b, 'short'), read(b, 'long')]).toEqual([false, 'v', undefined])
  })

  test('what is sent is the applied entry, not what is still in flight', async () => {
    const log = new MemoryLog('manual')
    const a = await openNode({ name: 'a', log })
    const b = await openNode({ name: 'b' })
    const first = a.replica.commit([put('k', 'durable')])
    await settle()
    log.succeed()
    await first
    const second = a.replica.commit([put('k', 'in flight')])
    await settle()
    await syncRound(a, b)
    expect(read(b, 'k')).toBe('durable')
    log.succeed()
    await second
    await syncRound(a, b)
    expect(read(b, 'k')).toBe('in flight')
  })
})

describe('two replicas of 100,000 keys', { timeout: 120_000 }, () => {
  test('REP-A3, REP-A4: equal, a round takes a few dozen bytes and writes nothing; of ten that differ it takes a few kilobytes', async () => {
    const a = await openNode({ name: 'a' })
    for (let i = 0; i < 100_000; i += 4000) {
      await a.replica.commit(Array.from({ length: 4000 }, (_, j) => put(`key ${i + j}`, 'value')))
    }
    const b = await openNode({ name: 'b', log: a.log.reopen(), clock: a.clock })
    const before = [a.log.batches.length, b.log.batches.length]
    const equal = await syncRound(a, b)
    expect(equal.bytes).toBeLessThan(160)
    expect([a.log.batches.length, b.log.batches.length]).toEqual(before)
    for (let i = 0; i < 5; i++) {
      a.clock.ms += 1
      await a.replica.commit([put(`key ${i * 17_000}`, 'by a')])
      await b.replica.commit([remove(`key ${i * 13_000 + 7}`)])
    }
    const { bytes, outcomes } = await syncRound(a, b)
    expect(bytes).toBeLessThan(16 * 1024)
    expect(outcomes.map(({ complete }) => complete)).toEqual([true, true])
    expect(b.replica.root()).toEqual(a.replica.root())
  })
})

describe('backpressure and ends', () => {
  test('a receiver whose disk stalls stops reading, and the sender holds no more than the window', async () => {
    const a = await openNode({ name: 'a' })
    for (let i = 0; i < 40; i++) await a.replica.commit([put(`k${i}`, 'v'.repeat(5000))])
    const log = new MemoryLog('manual')
    const b = await openNode({
      name: 'b',
      log,
      init: { limits: { backlogBytesMax: 10_000, groupBytesMax: 10_000 } }
    })
    const talk = conversation(9_000, 2)
    const rounds = Promise.all([
      a.replica.protocol.reconcile(talk.left, { peer: 'b', initiator: true, signal }),
      b.replica.protocol.reconcile(talk.right, { peer: 'a', initiator: false, signal })
    ])
    const fate = watchFate(rounds)
    await settle(500)
    expect(fate.state()).toBe('pending')
    expect(talk.leftToRight.highWater).toBeLessThanOrEqual(2)
    expect(b.replica.stats().waitingBytes).toBeLessThan(40_000)
    expect(b.replica.size).toBeLessThan(10)
    for (let i = 0; i < 200 && fate.state() === 'pending'; i++) {
      if (log.pending.length > 0) log.succeed()
      await settle(20)
    }
    const outcomes = await rounds
    expect(outcomes.map(outcome => outcome.complete)).toEqual([true, true])
    expect(b.replica.size).toBe(40)
    while (log.pending.length > 0) {
      log.succeed()
      await settle()
    }
  })

  test('its signal ends a round at once, and an aborted one does not begin', async () => {
    const a = await openNode({ name: 'a' })
    const talk = conversation()
    const controller = new AbortController()
    const round = a.replica.protocol.reconcile(talk.left, {
      peer: 'b',
      initiator: true,
      signal: controller.signal
    })
    const ended = rejection(round)
    await settle()
    controller.abort(new Error('swap'))
    expect((await ended).message).toBe('swap')
    talk.end()
    const untouched = conversation()
    const late = a.replica.protocol.reconcile(untouched.left, {
      peer: 'b',
      initiator: true,
      signal: controller.signal
    })
    expect((await rejection(late)).message).toBe('swap')
    expect(untouched.leftToRight.messages).toBe(0)
  })

  test('a poisoned or closed replica takes part in no round', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log })
    const failing = watchFate(node.replica.commit([put('k', 'v')]))
    await settle()
    log.fail(false)
    await settle()
    expect(failing.state()).toBe('rejected')
    const context = { peer: 'b', initiator: true, signal }
    const error = await rejection(node.replica.protocol.reconcile(conversation().left, context))
    expect(error).toBeInstanceOf(ReplicaPoisonedError)
    await node.replica.close()
    const closed = await rejection(node.replica.protocol.reconcile(conversation().left, context))
    expect(closed.name).toBe('ReplicaClosedError')
  })
})
