import { seededRandom } from '@starling/ports'
import { systemHash } from '@starling/ports/system'
import {
  messageId,
  Plumtree,
  plumtreeConfig,
  type GossipMessage,
  type Input,
  type Message,
  type Output,
  type PlumtreeConfig,
  type Timer
} from '../src/index.ts'

/** One machine driven by hand: keeps the clock, the outputs of the last step and the timers that run. */
export class Bench {
  readonly machine: Plumtree
  nowMs = 0
  outputs: Output[] = []
  readonly timers: { atMs: number; timer: Timer }[] = []

  constructor(config: Partial<PlumtreeConfig> = {}, neighbors: readonly string[] = []) {
    this.machine = new Plumtree(plumtreeConfig(config), { random: seededRandom(1), hash: systemHash })
    for (const peer of neighbors) this.input({ type: 'neighborUp', peer })
  }

  input(input: Input): Output[] {
    this.outputs = this.machine.handle(input, this.nowMs)
    for (const output of this.outputs) {
      if (output.type === 'schedule')
        this.timers.push({ atMs: this.nowMs + output.delayMs, timer: output.timer })
    }
    return this.outputs
  }

  receive(from: string, message: Message): Output[] {
    return this.input({ type: 'message', from, message })
  }

  announce(from: string, id: string, heldMs = 0): Output[] {
    return this.receive(from, { type: 'ihave', announcements: [{ id, heldMs }] })
  }

  graft(from: string, ids: readonly string[], eager = true): Output[] {
    return this.receive(from, { type: 'graft', ids, eager })
  }

  broadcast(payload: Uint8Array): Output[] {
    return this.input({ type: 'broadcast', payload })
  }

  /** Lets time pass and hands back every timer that falls due, in order. Returns all outputs of that time. */
  pass(durationMs: number): Output[] {
    const untilMs = this.nowMs + durationMs
    const all: Output[] = []
    for (;;) {
      this.timers.sort((a, b) => a.atMs - b.atMs)
      const next = this.timers[0]
      if (next === undefined || next.atMs > untilMs) break
      this.timers.shift()
      this.nowMs = next.atMs
      all.push(...this.input({ type: 'timer', timer: next.timer }))
    }
    this.nowMs = untilMs
    return all
  }
}

/** A genuine message of some other node. */
export function gossip(
  sequence: number,
  payload: Uint8Array = new Uint8Array([sequence]),
  round = 1,
  origin = '00112233445566ff'
): GossipMessage {
  return {
    type: 'gossip',
    id: messageId(systemHash, origin, sequence, payload),
    origin,
    sequence,
    round,
    payload
  }
}

/** "peer:type" of every message sent, in order. */
export function sends(outputs: readonly Output[]): string[] {
  return outputs.flatMap(output => (output.type === 'send' ? [`${output.to}:${output.message.type}`] : []))
}

/** Whether a payload was handed to the application. */
export function delivers(outputs: readonly Output[]): boolean {
  return outputs.some(output => output.type === 'deliver')
}
