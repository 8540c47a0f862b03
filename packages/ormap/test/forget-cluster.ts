import { decodeValue } from '@starling/codec'
import { liveDots, type ReplicaId } from '../src/index.ts'
import { TestReplica, type Message, type ReplicaInit } from './forget-replica.ts'
import { TestSession } from './forget-session.ts'

const HOUR_MS = 3_600_000

/** A few replicas and one wall clock, for stories told step by step. */
export class Cluster {
  readonly #init: Partial<ReplicaInit>
  readonly #keys: readonly string[]
  #ids = 0
  #places = 0
  #start = 1_700_000_000_000
  nowMs: number = this.#start

  constructor(keys: readonly string[], init: Partial<ReplicaInit> = {}) {
    this.#keys = keys
    this.#init = init
  }

  /** Goes to an hour after the start. */
  at(hour: number): void {
    this.nowMs = this.#start + hour * HOUR_MS
  }

  join(init: Partial<ReplicaInit> = {}): TestReplica {
    const place = this.#places++
    return new TestReplica({ place, newId: () => this.#newId(), ...this.#init, ...init }, this.nowMs)
  }

  /** Writes at once and durably. */
  put(replica: TestReplica, key: string, text: string): Message | undefined {
    replica.write(key, 0, true, text, this.nowMs)
    return replica.land(this.nowMs)
  }

  remove(replica: TestReplica, key: string): Message | undefined {
    replica.write(key, 0, false, '', this.nowMs)
    return replica.land(this.nowMs)
  }

  /** A session from one end to the other. */
  meet(a: TestReplica, b: TestReplica): TestSession {
    const session = new TestSession(a, b, this.#keys)
    while (!session.step(this.nowMs, () => {}));
    session.end({ wholeRange: true, durable: true })
    return session
  }

  /** Everyone meets everyone, twice. */
  meetAll(replicas: readonly TestReplica[]): void {
    for (const a of [...replicas, ...replicas]) for (const b of replicas) if (a !== b) this.meet(a, b)
  }

  sweep(...replicas: readonly TestReplica[]): void {
    for (const replica of replicas) {
      replica.sweep(this.nowMs, 10_000)
      replica.flush()
    }
  }

  /** The live values of every key that has any. */
  shown(replica: TestReplica): Readonly<Record<string, readonly string[]>> {
    const shown: Record<string, readonly string[]> = {}
    for (const key of this.#keys) {
      const values = liveDots(replica.map.get(key) ?? { items: [] }).map(
        ({ value }) => decodeValue(value) as string
      )
      if (values.length > 0) shown[key] = values.toSorted()
    }
    return shown
  }

  /** How many items of evidence there are. */
  evidence(replica: TestReplica): number {
    let count = 0
    for (const [, { items }] of replica.map.allEntries())
      for (const { value } of items) if (value === undefined) count++
    return count
  }

  #newId(): ReplicaId {
    return ((++this.#ids * 7) % 16).toString(16) + this.#ids.toString(16).padStart(15, '0')
  }
}
