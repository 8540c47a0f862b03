import { encodeValue } from '@starling/codec'
import { liveDots, type Entry } from '@starling/ormap'
import { describe, expect, test } from 'vitest'
import type { Change, Replica, ReplicaOwner } from '../src/index.ts'
import { syncRound } from './support/exchange.ts'
import { MemoryLog } from './support/memory-log.ts'
import { openNode, settle, type Node } from './support/world.ts'

// A second kind of owner, to keep the driver honest: a counter that every node adds to, with one key per node.

class Counter implements ReplicaOwner {
  total = 0
  seen = 0
  #replica: Replica | undefined
  readonly #name: string
  #mine = 0

  constructor(name: string) {
    this.#name = name
  }

  attach(replica: Replica): void {
    this.#replica = replica
    this.#mine = share(replica.entry(this.#name))
  }

  applied(changes: readonly Change[]): void {
    for (const { previous, entry } of changes) {
      this.total += share(entry) - share(previous)
      this.seen++
    }
  }

  async add(amount: number): Promise<void> {
    this.#mine += amount
    const value = encodeValue(this.#mine)
    await this.#replica?.commit([{ type: 'put', key: this.#name, value }])
  }
}

/** The count in an entry: the greatest, since a counter only grows. */
function share(entry: Entry | undefined): number {
  if (entry === undefined) return 0
  return Math.max(
    0,
    ...liveDots(entry).map(({ value }) => (value[0] === 0x18 ? (value[1] ?? 0) : (value[0] ?? 0)))
  )
}

async function openCounter(
  name: string,
  log?: MemoryLog,
  seed: string = name
): Promise<Node & { counter: Counter }> {
  const counter = new Counter(name)
  const node = await openNode({ name, seed, init: { owner: counter }, ...(log === undefined ? {} : { log }) })
  counter.attach(node.replica)
  return { ...node, counter }
}

describe('an owner that is no map', () => {
  test('adds up over nodes, restarts and repeated messages', async () => {
    const a = await openCounter('a')
    const b = await openCounter('b')
    await Promise.all([a.counter.add(1), a.counter.add(2), b.counter.add(10)])
    for (const message of a.broadcast.sent) for (let i = 0; i < 3; i++) b.broadcast.deliver(message)
    expect([a.counter.total, b.counter.total]).toEqual([3, 13])
    await syncRound(a, b)
    expect([a.counter.total, b.counter.total]).toEqual([13, 13])
    await a.replica.close()
    const again = await openCounter('a', a.log.reopen(), 'again')
    expect(again.counter.total).toBe(13)
    await again.counter.add(5)
    await syncRound(again, b)
    expect([again.counter.total, b.counter.total]).toEqual([18, 18])
  })

  test('is told every change once', async () => {
    const a = await openCounter('a')
    const b = await openCounter('b')
    await a.counter.add(1)
    await syncRound(a, b)
    for (const message of a.broadcast.sent) b.broadcast.deliver(message)
    await syncRound(a, b)
    await settle()
    expect([a.counter.seen, b.counter.seen]).toEqual([1, 1])
  })
})

describe('a crash between the append and the broadcast', () => {
  test('REP-A6: the write is there after the restart, and the next reconciliation delivers it', async () => {
    const log = new MemoryLog('manual')
    const a = await openCounter('a', log)
    const b = await openCounter('b')
    void a.counter.add(7)
    await settle()
    log.writeSilently()
    expect(a.broadcast.sent).toEqual([])
    const again = await openCounter('a', log.reopen(), 'again')
    expect(again.counter.total).toBe(7)
    await syncRound(again, b)
    expect(b.counter.total).toBe(7)
  })
})

/** Who is here, as each of them says: a value that ends unless it is renewed, and a message for those who want to know at once. */
class Presence implements ReplicaOwner {
  readonly heard: string[] = []
  readonly #here = new Map<string, boolean>()
  #replica: Replica | undefined

  attach(replica: Replica): void {
    this.#replica = replica
  }

  applied(changes: readonly Change[]): void {
    for (const { key, entry, cause } of changes) {
      this.#here.set(key, cause !== 'expired' && liveDots(entry).length > 0)
    }
  }

  custom(payload: Uint8Array, from: string): void {
    if (payload.length === 0) throw new Error('an empty message')
    this.heard.push(`${from}: ${new TextDecoder().decode(payload)}`)
  }

  get here(): readonly string[] {
    return [...this.#here].flatMap(([name, isHere]) => (isHere ? [name] : [])).sort()
  }

  async renew(name: string, untilMs: number): Promise<void> {
    await this.#replica?.commit([{ type: 'put', key: name, value: encodeValue(true), expiresAtMs: untilMs }])
    this.#replica?.broadcastCustom(new TextEncoder().encode(`${name} is here`))
  }
}

describe('an owner with messages of its own', () => {
  async function open(name: string): Promise<Node & { presence: Presence }> {
    const presence = new Presence()
    const node = await openNode({ name, init: { owner: presence } })
    presence.attach(node.replica)
    return { ...node, presence }
  }

  test('prunes by lease: who does not renew is gone everywhere at the same time, whatever links there are', async () => {
    const a = await open('a')
    const b = await open('b')
    await a.presence.renew('a', a.clock.ms + 5000)
    await b.presence.renew('b', b.clock.ms + 60_000)
    for (const message of a.broadcast.sent) b.broadcast.deliver(message, 'a')
    for (const message of b.broadcast.sent) a.broadcast.deliver(message, 'b')
    expect([a.presence.here, b.presence.here]).toEqual([
      ['a', 'b'],
      ['a', 'b']
    ])
    expect([a.presence.heard, b.presence.heard]).toEqual([['b: b is here'], ['a: a is here']])
    await a.timers.advance(5000)
    await b.timers.advance(5000)
    expect([a.presence.here, b.presence.here]).toEqual([['b'], ['b']])
  })

  test('is not disturbed by messages it cannot use, and a replica without one ignores them', async () => {
    const a = await open('a')
    const b = await open('b')
    const plain = await openNode({ name: 'plain' })
    a.replica.broadcastCustom(new Uint8Array(0))
    const [message] = a.broadcast.sent as [Uint8Array]
    b.broadcast.deliver(message, 'a')
    plain.broadcast.deliver(message, 'a')
    expect(b.events.at(-1)?.type).toBe('ownerFailed')
    expect(plain.events.map(event => event.type)).toEqual(['recovered'])
    expect(() => a.replica.broadcastCustom(new Uint8Array(128 * 1024))).toThrow(RangeError)
    await a.replica.close()
    expect(() => a.replica.broadcastCustom(Uint8Array.of(1))).toThrow('closed')
  })
})
