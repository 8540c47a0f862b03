import { createHash } from 'node:crypto'
import type { SyncExchange, SyncOutcome, SyncProtocol } from '../src/index.ts'

type Context = Parameters<SyncProtocol['reconcile']>[1]

/** A replica for the contract test: something that can be written to, compared, and synced. */
export interface TestReplica {
  readonly protocol: SyncProtocol
  write(label: string): void
  state(): unknown
}

/** A grow-only set: equal fingerprints end the round, else each side sends all it has in frames of a bounded size. */
export class WholeSet implements TestReplica, SyncProtocol {
  readonly items: Set<string> = new Set()
  readonly protocol: SyncProtocol = this
  readonly #frameItems: number

  constructor(frameItems = 16) {
    this.#frameItems = frameItems
  }

  write(label: string): void {
    this.items.add(label)
  }

  state(): unknown {
    return [...this.items].sort()
  }

  async reconcile(exchange: SyncExchange): Promise<SyncOutcome> {
    const mine = this.#fingerprint()
    const sending = [...this.items]
    await exchange.send(new Uint8Array(Buffer.from(mine)))
    const messages = exchange[Symbol.asyncIterator]()
    const first = await messages.next()
    if (first.done === true) throw new Error('no fingerprint came')
    if (Buffer.from(first.value).toString() === mine) {
      return { complete: true, entriesSent: 0, entriesReceived: 0 }
    }
    const [entriesSent, entriesReceived] = await Promise.all([
      this.#sendAll(exchange, sending),
      this.#receiveAll(messages)
    ])
    return { complete: true, entriesSent, entriesReceived }
  }

  async #sendAll(exchange: SyncExchange, items: readonly string[]): Promise<number> {
    for (let i = 0; i < items.length; i += this.#frameItems) {
      await exchange.send(new Uint8Array(Buffer.from(JSON.stringify(items.slice(i, i + this.#frameItems)))))
    }
    await exchange.send(new Uint8Array(Buffer.from('null')))
    return items.length
  }

  async #receiveAll(messages: AsyncIterator<Uint8Array>): Promise<number> {
    for (let received = 0; ;) {
      const message = await messages.next()
      if (message.done === true) throw new Error('the items ended early')
      const items = JSON.parse(Buffer.from(message.value).toString()) as string[] | null
      if (items === null) return received
      received += items.length
      for (const item of items) this.items.add(item)
    }
  }

  #fingerprint(): string {
    return createHash('sha256').update(JSON.stringify(this.state())).digest('hex')
  }
}

/** A counter per writer, joined by the greater count: the initiator asks, the other answers, one message each way. */
export class Counters implements TestReplica, SyncProtocol {
  readonly counts: Map<string, number> = new Map()
  readonly protocol: SyncProtocol = this

  write(label: string): void {
    this.counts.set(label, (this.counts.get(label) ?? 0) + 1)
  }

  state(): unknown {
    return [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  async reconcile(exchange: SyncExchange, context: Context): Promise<SyncOutcome> {
    let entriesReceived = 0
    if (context.initiator) await exchange.send(this.#encode())
    for await (const message of exchange) {
      for (const [label, count] of JSON.parse(Buffer.from(message).toString()) as [string, number][]) {
        entriesReceived++
        this.counts.set(label, Math.max(this.counts.get(label) ?? 0, count))
      }
      break
    }
    if (!context.initiator) await exchange.send(this.#encode())
    return { complete: true, entriesSent: this.counts.size, entriesReceived }
  }

  #encode(): Uint8Array {
    return new Uint8Array(Buffer.from(JSON.stringify([...this.counts])))
  }
}
