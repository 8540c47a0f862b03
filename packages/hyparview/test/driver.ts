import { seededRandom } from '@starling/ports'
import {
  HyParView,
  type Config,
  type Input,
  type Message,
  type NeighborMessage,
  type Output,
  type PeerInfo,
  type PeerKey
} from '../src/index.ts'

/** A machine with its history: what it sent, whom it says is up, and its virtual clock. */
export class Driver {
  readonly machine: HyParView
  readonly up = new Set<PeerKey>()
  readonly events: string[] = []
  nowMs = 0
  readonly #timers: { atMs: number; input: Input }[] = []

  constructor(config: Partial<Config> = {}, seed = 1, self = 'self') {
    this.machine = new HyParView(config, { self, random: seededRandom(seed), data: Uint8Array.of(1) })
  }

  /** Applies one input; checks on the way that up and down alternate for each peer. */
  apply(input: Input): Output[] {
    const outputs = this.machine.handle(input, this.nowMs)
    for (const output of outputs) {
      if (output.type === 'neighborUp') {
        if (this.up.has(output.peer)) throw new Error(`${output.peer} is up twice`)
        this.up.add(output.peer)
        this.events.push(`+${output.peer}`)
      } else if (output.type === 'neighborDown') {
        if (!this.up.delete(output.peer)) throw new Error(`${output.peer} is down without having been up`)
        this.events.push(`-${output.peer} ${output.reason}`)
      } else if (output.type === 'schedule') {
        this.#timers.push({
          atMs: this.nowMs + output.delayMs,
          input: { type: 'timer', timer: output.timer }
        })
      }
    }
    return outputs
  }

  join(...contacts: string[]): Output[] {
    return this.apply({ type: 'join', contacts: contacts.map(info) })
  }

  /** A message from a peer; returns what the machine sent in answer. */
  receive(from: PeerKey, message: Message): { to: PeerKey; message: Message }[] {
    return sends(this.apply({ type: 'message', from, message }))
  }

  /** Lets virtual time pass; returns everything sent meanwhile. */
  advance(ms: number): { to: PeerKey; message: Message; atMs: number }[] {
    const endMs = this.nowMs + ms
    const sent: { to: PeerKey; message: Message; atMs: number }[] = []
    for (;;) {
      this.#timers.sort((a, b) => a.atMs - b.atMs)
      const next = this.#timers[0]
      if (next === undefined || next.atMs > endMs) break
      this.#timers.shift()
      this.nowMs = Math.max(this.nowMs, next.atMs)
      for (const send of sends(this.apply(next.input))) sent.push({ ...send, atMs: this.nowMs })
    }
    this.nowMs = endMs
    return sent
  }

  /** Lets time pass until the machine sends a message of this type, and returns that message. */
  advanceUntil<T extends Message['type']>(type: T): Extract<Message, { type: T }> {
    for (let i = 0; i < 10_000; i++) {
      for (const { message } of this.advance(50)) {
        if (message.type === type) return message as Extract<Message, { type: T }>
      }
    }
    throw new Error(`no ${type} was sent`)
  }

  /** Makes peers neighbours by letting each ask. */
  link(...peers: PeerKey[]): this {
    if (!this.machine.joined) this.join()
    for (const peer of peers) this.receive(peer, neighbor({ requestId: idOf(peer) }))
    // Past the time in which the walks of a join may still bring neighbours.
    this.advance(1_000)
    return this
  }
}

export function info(id: string): PeerInfo {
  return { id, data: new Uint8Array(0) }
}

/** The request id that {@link Driver.link} uses for a peer. */
export function idOf(peer: PeerKey): number {
  return 1000 + peer.charCodeAt(0)
}

export function neighbor(fields: Partial<NeighborMessage> = {}): NeighborMessage {
  return {
    type: 'neighbor',
    requestId: 1,
    priority: 'low',
    data: new Uint8Array(0),
    active: [],
    split: undefined,
    replaces: undefined,
    swap: undefined,
    ...fields
  }
}

export function accepted(requestId: number, samples: readonly PeerInfo[] = []): Message {
  return { type: 'neighborReply', requestId, accepted: true, data: new Uint8Array(0), samples }
}

export function refused(requestId: number, samples: readonly PeerInfo[] = []): Message {
  return { type: 'neighborReply', requestId, accepted: false, data: new Uint8Array(0), samples }
}

export function sends(outputs: readonly Output[]): { to: PeerKey; message: Message }[] {
  return outputs.flatMap(output =>
    output.type === 'send' ? [{ to: output.to, message: output.message }] : []
  )
}

export function rejects(outputs: readonly Output[]): string[] {
  return outputs.flatMap(output => (output.type === 'reject' ? [`${output.peer} ${output.reason}`] : []))
}
