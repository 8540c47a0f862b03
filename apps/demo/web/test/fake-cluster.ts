import { EventEmitter } from 'node:events'
import type {
  BroadcastSeen,
  ClusterMember,
  ClusterState,
  Entry,
  Json,
  LogLine,
  MemberAction,
  ProcessState,
  Pulse
} from '../../src/api/types.ts'

interface FakeMember {
  readonly index: number
  readonly id: string
  readonly name: string
  state: ProcessState
  part: number
  entries: Holdings
  counters: { sent: number; received: number; writes: number; delivered: number }
  broadcasts: BroadcastSeen[]
  url?: string
  /** What it said last stays known when it is gone, as in a real cluster's server. */
  lastPulse?: Pulse
}

const MAP = 'flags'

/** Entries whose fingerprint costs nothing, however many there are. */
class Holdings extends Map<string, Entry> {
  #sum = 0

  constructor(from: Iterable<readonly [string, Entry]> = []) {
    super()
    for (const [key, entry] of from) this.set(key, entry)
  }

  override set(key: string, entry: Entry): this {
    this.delete(key)
    this.#sum += writeOf(entry)
    return super.set(key, entry)
  }

  override delete(key: string): boolean {
    const held = this.get(key)
    if (held !== undefined) this.#sum -= writeOf(held)
    return super.delete(key)
  }

  fingerprint(): string {
    return (this.#sum * 8_191 + this.size).toString(16).padStart(32, '0')
  }
}

/**
 * A cluster that is only pretended, on a clock of its own: `advance` moves it one second. Every member holds its own entries, a write
 * reaches all running members of its side at once, and healing gives everybody the newest of everything.
 */
export class FakeCluster {
  readonly members: FakeMember[] = []
  /** Emits `cluster` (ClusterState), `pulse` (Pulse), `event` (id, LogLine) and `change` (index, key). */
  readonly events: EventEmitter = new EventEmitter().setMaxListeners(0)
  nowMs: number = Date.UTC(2026, 0, 1, 12)
  /** Lines that are told again to whoever comes, as `[id, line]`. */
  readonly lines: (readonly [string, LogLine])[] = []
  #written = 0
  #said = 0
  #convergedSinceMs: number | undefined

  constructor(nodes: number) {
    for (let i = 0; i < nodes; i++) this.add('running')
    this.#convergedSinceMs = this.nowMs
  }

  add(state: ProcessState = 'starting'): FakeMember {
    const index = this.members.length
    const member: FakeMember = {
      index,
      id: `12D3KooWFake${String(index).padStart(4, '0')}`,
      name: `node-${index}`,
      state,
      part: 0,
      entries: new Holdings(),
      counters: { sent: 0, received: 0, writes: 0, delivered: 0 },
      broadcasts: []
    }
    this.members.push(member)
    this.say(member.name, 'member', 'joins the cluster')
    return member
  }

  write(index: number, key: string, value: Json): Entry {
    const origin = this.#member(index)
    const entry: Entry = { key, value, version: versionOf(++this.#written) }
    origin.counters.writes++
    const side = this.members.filter(({ state, part }) => state === 'running' && part === origin.part)
    const seen = { topic: MAP, id: `b${this.#written}`, bytes: 120, atMs: this.nowMs }
    const start = side.indexOf(origin)
    for (const [step, member] of [...side.slice(start), ...side.slice(0, start)].entries()) {
      member.entries.set(key, entry)
      member.counters.received += step === 0 ? 0 : 1
      member.counters.delivered++
      member.counters.sent++
      const from = side[(start + step - 1 + side.length) % side.length]?.id
      if (member.broadcasts.length < 64)
        member.broadcasts.push({ ...seen, hops: step, ...(step === 0 || from === undefined ? {} : { from }) })
      this.events.emit('change', member.index, key)
    }
    return entry
  }

  /** Two values of one key, as two nodes write that do not hear each other. */
  writeBoth(key: string, one: Json, other: Json): void {
    for (const { index } of this.members) {
      const { version } = this.write(index, key, one)
      this.#member(index).entries.set(key, { key, value: one, version, conflicts: [one, other] })
    }
    this.#align()
  }

  remove(index: number, key: string): void {
    const origin = this.#member(index)
    for (const member of this.members)
      if (member.state === 'running' && member.part === origin.part) {
        member.entries.delete(key)
        this.events.emit('change', member.index, key)
      }
  }

  act(index: number, action: MemberAction): void {
    const member = this.#member(index)
    const states = {
      kill: 'killed',
      pause: 'paused',
      resume: 'running',
      restart: 'starting',
      stop: 'stopped'
    }
    member.state = states[action] as ProcessState
    if (action === 'resume') this.#align()
    this.say(member.name, action, `${action} asked for`)
    this.announce()
  }

  split(side: readonly number[]): void {
    for (const member of this.members) member.part = side.includes(member.index) ? 1 : 2
    this.say('cluster', 'split', `${side.length} nodes are cut off from the others`)
    this.announce()
  }

  heal(): void {
    for (const member of this.members) member.part = 0
    this.#align()
    this.say('cluster', 'heal', 'the split is healed')
    this.announce()
  }

  /** One second passes: who was starting runs, everybody pulses. */
  advance(): void {
    this.nowMs += 1_000
    for (const member of this.members)
      if (member.state === 'starting') {
        member.state = 'running'
        this.#align()
        this.say(member.name, 'running', 'runs and has caught up')
      }
    this.announce()
    for (const member of this.members) member.broadcasts = []
  }

  announce(): void {
    const state = this.state()
    this.events.emit('cluster', state)
    for (const { state: its, pulse } of state.members)
      if (its === 'running' && pulse !== undefined) this.events.emit('pulse', pulse)
  }

  say(node: string, type: string, text: string): void {
    const line: readonly [string, LogLine] = [`fake-${++this.#said}`, { atMs: this.nowMs, node, type, text }]
    this.lines.push(line)
    if (this.lines.length > 256) this.lines.shift()
    this.events.emit('event', ...line)
  }

  state(): ClusterState {
    const running = this.members.filter(({ state }) => state === 'running')
    const converged = new Set(running.map(fingerprint)).size <= 1
    this.#convergedSinceMs = converged ? (this.#convergedSinceMs ?? this.nowMs) : undefined
    return {
      name: 'demo',
      atMs: this.nowMs,
      members: this.members.map(member => this.#public(member)),
      converged,
      ...(this.#convergedSinceMs === undefined ? {} : { convergedSinceMs: this.#convergedSinceMs }),
      acknowledged: this.#written,
      lostAcknowledged: 0
    }
  }

  pulse(index: number): Pulse {
    const member = this.#member(index)
    const side = this.members.filter(({ state, part }) => state === 'running' && part === member.part)
    const place = side.indexOf(member)
    // A ring of eager links with lazy chords.
    const links = new Map<string, boolean>()
    for (const [step, eager] of [
      [2, false],
      [-2, false],
      [1, true],
      [-1, true]
    ] as const) {
      const peer = side[(place + step + side.length * 2) % side.length]
      if (peer !== undefined && peer !== member) links.set(peer.id, eager)
    }
    const others = side.filter(other => fingerprint(other) !== fingerprint(member))
    const { sent, received, writes, delivered } = member.counters
    return {
      id: member.id,
      name: member.name,
      atMs: this.nowMs,
      swarms: [{ topic: MAP, links: [...links].map(([peer, eager]) => ({ peer, eager })), passive: 3 }],
      maps: [
        {
          name: MAP,
          size: member.entries.size,
          fingerprint: fingerprint(member),
          health: [],
          conflicts: [...member.entries.values()].filter(({ conflicts }) => conflicts !== undefined).length,
          lagging: others.map(({ id }) => ({ peer: id, sinceMs: this.nowMs - 4_000 }))
        }
      ],
      counters: {
        messagesSent: sent,
        messagesReceived: received,
        bytesSent: sent * 180,
        bytesReceived: received * 180,
        writes,
        delivered,
        redundant: 0
      },
      broadcasts: [...member.broadcasts],
      broadcastsLeftOff: 0
    }
  }

  #public(member: FakeMember): ClusterMember {
    const { index, id, name, state, part, url } = member
    if (state === 'running') member.lastPulse = this.pulse(index)
    const pulse = member.lastPulse
    return {
      index,
      id,
      name,
      state,
      part,
      ...(url === undefined ? {} : { url }),
      ...(pulse === undefined ? {} : { pulse })
    }
  }

  #align(): void {
    const all = new Holdings()
    for (const { entries } of this.members)
      for (const entry of entries.values())
        if ((all.get(entry.key)?.version ?? '').slice(8) <= entry.version.slice(8)) all.set(entry.key, entry)
    for (const member of this.members)
      if (member.state === 'running' && member.part === 0) member.entries = new Holdings(all)
  }

  #member(index: number): FakeMember {
    const member = this.members[index]
    if (member === undefined) throw new RangeError(`There is no member ${index}.`)
    return member
  }
}

function fingerprint({ entries }: FakeMember): string {
  return entries.fingerprint()
}

/** Looks like a hash, and what follows the first eight digits tells which of two is newer. */
function versionOf(write: number): string {
  const hash = Math.imul(write, 0x9e3779b1) >>> 0
  return hash.toString(16).padStart(8, '0') + write.toString(16).padStart(24, '0')
}

function writeOf({ version }: Entry): number {
  return Number.parseInt(version.slice(8), 16)
}
