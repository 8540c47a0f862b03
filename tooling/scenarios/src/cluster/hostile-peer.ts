import { ByteWriter, encodeValue } from '@starling/codec'
import { stampOf } from '@starling/hlc'
import { encodeEntry, type Entry, type Item, type ReplicaId } from '@starling/ormap'
import { pick, type Ports, type SeededRandom } from '@starling/ports'
import { createReplica, type LogPort, type SyncProtocol } from '@starling/replica'
import type { ClusterProcess } from './cluster-process.ts'

/** What an admitted peer does that is no honest node. The first are broadcasts, the others what becomes of a round with it. */
export const HOSTILE_ACTS = [
  'garbage',
  'forgeries',
  'otherIds',
  'replays',
  'manyKeys',
  'saysNothing',
  'endsEarly',
  'sendsGarbage',
  'losesFrames',
  'repeatsFrames',
  'asksForAll'
] as const

export type HostileAct = (typeof HOSTILE_ACTS)[number]

/** Keys that only a hostile peer writes. */
export const HOSTILE_PREFIX = 'hostile '

const YEAR_MS = 365 * 86_400_000
const EVERY_MS = 700
const REPLAYED_MAX = 64
const ITEMS_BEYOND_LIMIT = 1_100

type Round = SyncProtocol['reconcile']

const NOTHING = { complete: true, entriesSent: 0, entriesReceived: 0, news: false }

/**
 * An admitted peer that breaks the rules of the broadcast and of reconciliation. It lies about nothing that only its word stands for
 * (whoever is admitted may write any key), so honest nodes keep every promise to each other.
 */
export class HostilePeer {
  readonly #random: SeededRandom
  readonly #ports: Ports
  readonly #process: () => ClusterProcess | undefined
  readonly #heard: Uint8Array[] = []
  #listensTo: ClusterProcess | undefined
  #act: HostileAct | undefined
  #broadcasts = true

  constructor(random: SeededRandom, ports: Ports, process: () => ClusterProcess | undefined) {
    this.#random = random
    this.#ports = ports
    this.#process = process
    this.#repeat()
  }

  /** From now on it does this. */
  turn(act: HostileAct): void {
    this.#act = act
  }

  /** Nothing new is written any more; its rounds go on as before. */
  calm(): void {
    this.#broadcasts = false
  }

  /** Its reconciliation in the place of an honest one. */
  readonly protocol = (honest: SyncProtocol): SyncProtocol => ({
    ...honest,
    reconcile: (exchange, context) => this.#round(honest)(exchange, context)
  })

  #round(honest: SyncProtocol): Round {
    switch (this.#act) {
      case 'saysNothing':
        return async (_exchange, { signal }) => {
          await new Promise<void>(resolve =>
            signal.addEventListener('abort', () => resolve(), { once: true })
          )
          throw signal.reason
        }
      case 'endsEarly':
        return async exchange => {
          for await (const _ of exchange) break
          return NOTHING
        }
      case 'sendsGarbage':
        return async exchange => {
          for (let i = 0; i < 3; i++) await exchange.send(this.#random.bytes(1 + this.#random.below(300)))
          for await (const _ of exchange) break
          return NOTHING
        }
      case 'losesFrames':
      case 'repeatsFrames': {
        const times = this.#act === 'losesFrames' ? 0 : 2
        return (exchange, context) => {
          const send = async (message: Uint8Array): Promise<void> => {
            for (let i = this.#random.below(3) === 0 ? times : 1; i > 0; i--) await exchange.send(message)
          }
          const { messageBytesMax } = exchange
          return honest.reconcile(
            { messageBytesMax, send, [Symbol.asyncIterator]: () => exchange[Symbol.asyncIterator]() },
            context
          )
        }
      }
      case 'asksForAll':
        return async (exchange, context) => {
          const empty = await this.#emptyReplica()
          try {
            return await empty.protocol.reconcile(exchange, context)
          } finally {
            await empty.close()
          }
        }
      default:
        return (exchange, context) => honest.reconcile(exchange, context)
    }
  }

  #emptyReplica(): ReturnType<typeof createReplica> {
    const log: LogPort = {
      recovered: { rows: [], clockMark: 0n, quarantined: [] },
      append: () => Promise.resolve(),
      close: () => Promise.resolve()
    }
    const broadcast = { broadcast: () => undefined, onMessage: () => () => undefined }
    return createReplica(
      { ...this.#ports, log, broadcast },
      { name: 'empty', owner: { applied: () => undefined } }
    )
  }

  #repeat(): void {
    this.#ports.timers.schedule(EVERY_MS, () => {
      const process = this.#process()
      if (process !== undefined) this.#broadcastSomething(process)
      if (this.#broadcasts) this.#repeat()
    })
  }

  #broadcastSomething(process: ClusterProcess): void {
    if (this.#listensTo !== process) {
      this.#listensTo = process
      process.topic.onMessage(payload => {
        if (this.#heard.length < REPLAYED_MAX) this.#heard.push(payload.slice())
      })
    }
    for (const message of this.#messages(process)) process.topic.broadcast(message)
  }

  #messages(process: ClusterProcess): readonly Uint8Array[] {
    const nowMs = this.#ports.clock.wallMs()
    switch (this.#act) {
      case 'garbage':
        return [
          this.#random.bytes(1 + this.#random.below(2_000)),
          Uint8Array.of(1),
          Uint8Array.of(1, 0),
          Uint8Array.of(2)
        ]
      case 'forgeries':
        return this.#forgeries(nowMs)
      case 'otherIds':
        return this.#underOtherIds(process, nowMs)
      case 'replays':
        return this.#heard.length === 0
          ? []
          : Array.from({ length: 8 }, () => pick(this.#random, this.#heard) as Uint8Array)
      case 'manyKeys':
        return [
          message(...Array.from({ length: 40 }, () => entry(`${this.#random.below(400)}`, this.#dot(nowMs))))
        ]
      default:
        return []
    }
  }

  /** A good entry among bad ones, and two values under one stamp. */
  #forgeries(nowMs: number): readonly Uint8Array[] {
    const many = Array.from({ length: ITEMS_BEYOND_LIMIT }, (_, i): Item => {
      return { replica: i.toString(16).padStart(16, '0'), stamp: 1n, value: undefined }
    })
    const clash = this.#dot(nowMs)
    return [
      message(
        entry('future', this.#dot(nowMs + YEAR_MS)),
        entry('good', this.#dot(nowMs)),
        entry('many', ...many),
        this.#random.bytes(40),
        entry('no value', { ...this.#dot(nowMs), value: Uint8Array.of(0xff, 0xff) })
      ),
      message(encodeEntry('k0', { items: [{ ...this.#dot(nowMs + YEAR_MS), value: undefined }] })),
      message(entry('clash', clash)),
      message(entry('clash', { ...clash, value: encodeValue('another') }))
    ]
  }

  /** Entries under the ids of honest replicas, which never wrote them. */
  #underOtherIds(process: ClusterProcess, nowMs: number): readonly Uint8Array[] {
    const ids = new Set<ReplicaId>()
    for (const [, { items }] of process.replica.allEntries())
      for (const { replica } of items) ids.add(replica)
    const id = pick(this.#random, [...ids])
    return id === undefined ? [] : [message(entry('other', { ...this.#dot(nowMs), replica: id }))]
  }

  #dot(wallMs: number): Item {
    const replica = Buffer.from(this.#random.bytes(8)).toString('hex')
    return { replica, stamp: stampOf(wallMs, 0), value: encodeValue(`v${this.#random.below(1_000)}`) }
  }
}

function entry(name: string, ...items: readonly Item[]): Uint8Array {
  const whole: Entry = { items: items.toSorted((a, b) => (a.replica < b.replica ? -1 : 1)) }
  return encodeEntry(`${HOSTILE_PREFIX}${name}`, whole)
}

/** A broadcast message of entries. */
function message(...entries: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(1024).u8(1)
  for (const one of entries) writer.bytes(one)
  return writer.finish()
}
