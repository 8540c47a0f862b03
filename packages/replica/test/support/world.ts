import { decodeValue, encodeValue } from '@starling/codec'
import { liveDots, winner, type Entry } from '@starling/ormap'
import { seededRandom, type Clock, type Observers, type TimerHandle, type Timers } from '@starling/ports'
import { systemHash } from '@starling/ports/system'
import {
  createReplica,
  type BroadcastPort,
  type Change,
  type Replica,
  type ReplicaEvent,
  type ReplicaInit
} from '../../src/index.ts'
import { MemoryLog } from './memory-log.ts'

/** A wall clock that tests move. */
export class TestClock implements Clock {
  ms: number
  constructor(ms = 1_700_000_000_000) {
    this.ms = ms
  }
  wallMs(): number {
    return this.ms
  }
  monotonicMs(): number {
    return this.ms
  }
}

/** Timers that run when a test moves the clock. */
export class TestTimers implements Timers {
  readonly #clock: TestClock
  #tasks: { readonly atMs: number; readonly task: () => void }[] = []

  constructor(clock: TestClock) {
    this.#clock = clock
  }

  /** Tasks that wait. */
  get size(): number {
    return this.#tasks.length
  }

  schedule(delayMs: number, task: () => void): TimerHandle {
    const one = { atMs: this.#clock.monotonicMs() + delayMs, task }
    this.#tasks.push(one)
    return { cancel: () => void (this.#tasks = this.#tasks.filter(other => other !== one)) }
  }

  /** Lets time pass: runs what is due, each at its time, and what promises do in between. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#clock.monotonicMs() + ms
    for (;;) {
      await settle()
      const [next] = this.#tasks.toSorted((a, b) => a.atMs - b.atMs)
      if (next === undefined || next.atMs > untilMs) break
      this.#tasks = this.#tasks.filter(other => other !== next)
      this.#clock.ms += Math.max(0, next.atMs - this.#clock.monotonicMs())
      next.task()
    }
    this.#clock.ms += Math.max(0, untilMs - this.#clock.monotonicMs())
    await settle()
  }
}

/** A broadcast port that records what was sent and lets tests deliver. */
export class TestBroadcast implements BroadcastPort {
  readonly sent: Uint8Array[] = []
  #listeners: ((payload: Uint8Array, from: string) => void)[] = []
  onSend: ((payload: Uint8Array) => void) | undefined

  broadcast(payload: Uint8Array): void {
    this.sent.push(payload)
    this.onSend?.(payload)
  }

  onMessage(listener: (payload: Uint8Array, from: string) => void): () => void {
    this.#listeners.push(listener)
    return () => (this.#listeners = this.#listeners.filter(other => other !== listener))
  }

  deliver(payload: Uint8Array, from = 'peer'): void {
    for (const listener of this.#listeners) listener(payload, from)
  }
}

/** One replica and everything around it. */
export interface Node {
  readonly name: string
  readonly replica: Replica
  readonly log: MemoryLog
  readonly broadcast: TestBroadcast
  readonly clock: TestClock
  readonly timers: TestTimers
  readonly changes: Change[]
  readonly events: ReplicaEvent[]
}

export interface NodeOptions {
  readonly name?: string
  readonly log?: MemoryLog
  readonly clock?: TestClock
  readonly timers?: TestTimers
  readonly seed?: number | string
  readonly init?: Partial<ReplicaInit>
  readonly observers?: Observers
}

export async function openNode(options: NodeOptions = {}): Promise<Node> {
  const name = options.name ?? 'a'
  const log = options.log ?? new MemoryLog()
  const clock = options.clock ?? new TestClock()
  const timers = options.timers ?? new TestTimers(clock)
  const broadcast = new TestBroadcast()
  const changes: Change[] = []
  const events: ReplicaEvent[] = []
  const replica = await createReplica(
    {
      ...options.observers,
      log,
      broadcast,
      clock,
      timers,
      random: seededRandom(options.seed ?? name),
      hash: systemHash
    },
    {
      name,
      owner: { applied: list => void changes.push(...list) },
      onEvent: event => void events.push(event),
      // So that batches hold the keys' rows and nothing else, where a test is not about what is known.
      forgetting: 'byAge',
      // So that a received row is on its way to the log at once, where a test is not about how long it waits.
      lingerMs: 0,
      ...options.init
    }
  )
  return { name, replica, log, broadcast, clock, timers, changes, events }
}

/** The first of a list that must have one. */
export function first<T>(list: Iterable<T>): T {
  for (const item of list) return item
  throw new Error('the list is empty')
}

export const bytes = (value: string): Uint8Array => encodeValue(value)
export const put = (key: string, value: string) => ({ type: 'put', key, value: bytes(value) }) as const
export const remove = (key: string) => ({ type: 'remove', key }) as const

/** The value that wins, as text. */
export function read(node: Node, key: string): string | undefined {
  const entry = node.replica.entry(key)
  const dot = entry === undefined ? undefined : winner(entry)
  return dot === undefined ? undefined : (decodeValue(dot.value) as string)
}

/** All live values of an entry, sorted. */
export function valuesOf(entry: Entry | undefined): string[] {
  if (entry === undefined) return []
  return liveDots(entry)
    .map(dot => decodeValue(dot.value) as string)
    .sort()
}

/** Lets every promise reaction that is due run. */
export async function settle(turns = 30): Promise<void> {
  for (let i = 0; i < turns; i++) await Promise.resolve()
}

/** A promise's fate without waiting for it. */
export function watchFate(promise: Promise<unknown>): {
  readonly error: () => unknown
  readonly state: () => string
} {
  let state = 'pending'
  let error: unknown
  promise.then(
    () => (state = 'resolved'),
    reason => {
      state = 'rejected'
      error = reason
    }
  )
  return { state: () => state, error: () => error }
}
