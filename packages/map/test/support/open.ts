import { seededRandom, type Metrics } from '@starling/ports'
import { systemHash } from '@starling/ports/system'
import { createMap, type MapInit, type ReplicatedMap, type SyncView } from '@starling/map'
import {
  createReplica,
  type FoundLog,
  type LogBatch,
  type LogPort,
  type RecoveredRow,
  type Replica
} from '@starling/replica'
import { FakeTime, settle } from './fake-time.ts'

export { settle }

/** A log in memory whose appends end when the test says so, or at once. */
export class HeldLog implements LogPort {
  readonly rows = new Map<string, RecoveredRow>()
  readonly recovered: LogPort['recovered']
  readonly #held: { batch: LogBatch; resolve: () => void; reject: (error: Error) => void }[] = []
  hold = false
  batches = 0

  constructor(rows: Iterable<readonly [string, RecoveredRow]> = []) {
    this.rows = new Map(rows)
    this.recovered = { rows: [...this.rows.values()], clockMark: 0n, quarantined: [] }
  }

  append(batch: LogBatch): Promise<void> {
    this.batches++
    return new Promise((resolve, reject) => {
      this.#held.push({ batch, resolve, reject })
      if (!this.hold) this.release()
    })
  }

  /** Everything that is held becomes durable. */
  release(): void {
    this.hold = false
    for (const { batch, resolve } of this.#held.splice(0)) {
      this.#write(batch)
      resolve()
    }
  }

  /** Everything that is held fails, and is on disk all the same. */
  failAfterWriting(): void {
    for (const { batch } of this.#held) this.#write(batch)
    this.hold = false
    this.fail()
  }

  /** Opens what failed again, as it is. */
  async recover(
    restore: (found: FoundLog) => Iterable<LogBatch> | void
  ): Promise<{ readonly found: FoundLog; readonly rowsRestored: number; readonly proven: boolean }> {
    const found = { rows: [...this.rows.values()], clockMark: 0n, quarantined: [] }
    let rowsRestored = 0
    for (const batch of restore(found) ?? []) {
      this.#write(batch)
      rowsRestored += batch.rows.length
    }
    return await Promise.resolve({ found, rowsRestored, proven: true })
  }

  #write({ rows }: LogBatch): void {
    for (const { kind, key, value, hash } of rows) {
      const at = `${kind}:${Buffer.from(key).toString('hex')}`
      if (value === undefined || hash === undefined) this.rows.delete(at)
      else this.rows.set(at, { kind, key, value, hash })
    }
  }

  /** Everything that is held fails. */
  fail(): void {
    for (const { reject } of this.#held.splice(0)) reject(new Error('EIO'))
  }

  async close(): Promise<void> {
    await Promise.resolve()
  }
}

export interface TestNode<V> {
  readonly map: ReplicatedMap<V>
  readonly replica: Replica
  readonly log: HeldLog
  /** Messages sent so far. */
  readonly sent: Uint8Array[]
  /** Hands a message of another node to this one. */
  deliver(message: Uint8Array): void
  readonly clock: FakeTime
}

export async function openMap<V>(
  options: {
    name?: string
    log?: HeldLog
    init?: MapInit<V>
    startMs?: number
    sync?: SyncView
    alone?: boolean
    metrics?: Metrics
  } = {}
): Promise<TestNode<V>> {
  const log = options.log ?? new HeldLog()
  const name = options.name ?? 'a'
  const sent: Uint8Array[] = []
  const clock = new FakeTime(options.startMs)
  const listeners: ((payload: Uint8Array, from: string) => void)[] = []
  let replica: Replica | undefined
  const map = await createMap<V>(
    {
      clock,
      timers: clock,
      hash: systemHash,
      ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
      ...(options.alone === undefined ? {} : { alone: options.alone }),
      open: async (owner, { quota }) => {
        replica = await createReplica(
          {
            log,
            broadcast: {
              broadcast: payload => void sent.push(payload),
              onMessage(listener) {
                listeners.push(listener)
                return () => void listeners.splice(listeners.indexOf(listener), 1)
              }
            },
            clock,
            timers: clock,
            random: seededRandom(name),
            hash: systemHash
          },
          { name, owner, quota }
        )
        return { replica, ...(options.sync === undefined ? {} : { sync: options.sync }) }
      }
    },
    options.init
  )
  if (replica === undefined) throw new Error('the map did not open its replica')
  const deliver = (message: Uint8Array): void => {
    for (const listener of listeners) listener(message, 'peer')
  }
  return { map, replica, log, sent, deliver, clock }
}

type Talker = Pick<TestNode<unknown>, 'sent' | 'deliver'>

/** Brings every message that one node sent to the other, and back. */
export function gossip(a: Talker, b: Talker): void {
  for (const message of a.sent.splice(0)) b.deliver(message)
  for (const message of b.sent.splice(0)) a.deliver(message)
}
