import { seededRandom } from '@starling/ports'
import { systemHash } from '@starling/ports/system'
import { createMap, type MapInit, type ReplicatedMap } from '@starling/map'
import {
  createReplica,
  type LogBatch,
  type LogPort,
  type RecoveredRow,
  type Replica
} from '@starling/replica'

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
      for (const { kind, key, value, hash } of batch.rows) {
        const at = `${kind}:${Buffer.from(key).toString('hex')}`
        if (value === undefined || hash === undefined) this.rows.delete(at)
        else this.rows.set(at, { kind, key, value, hash })
      }
      resolve()
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
  readonly clock: { ms: number }
}

export async function openMap<V>(
  options: { name?: string; log?: HeldLog; init?: MapInit<V>; startMs?: number } = {}
): Promise<TestNode<V>> {
  const log = options.log ?? new HeldLog()
  const name = options.name ?? 'a'
  const sent: Uint8Array[] = []
  const clock = { ms: options.startMs ?? 1_700_000_000_000 }
  const listeners: ((payload: Uint8Array, from: string) => void)[] = []
  let replica: Replica | undefined
  const map = await createMap<V>(
    {
      open: async owner =>
        (replica = await createReplica(
          {
            log,
            broadcast: {
              broadcast: payload => void sent.push(payload),
              onMessage(listener) {
                listeners.push(listener)
                return () => void listeners.splice(listeners.indexOf(listener), 1)
              }
            },
            clock: { wallMs: () => clock.ms, monotonicMs: () => clock.ms },
            timers: { schedule: () => ({ cancel() {} }) },
            random: seededRandom(name),
            hash: systemHash
          },
          { name, owner }
        ))
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

/** Lets every promise reaction that is due run. */
export async function settle(turns = 40): Promise<void> {
  for (let i = 0; i < turns; i++) await Promise.resolve()
}
