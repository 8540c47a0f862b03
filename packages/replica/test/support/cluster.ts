import { decodeUtf8 } from '@starling/codec'
import { decodeEntry, decodeRows, joinEntries, type Entry } from '@starling/ormap'
import { readBroadcast } from '../../src/frames.ts'
import { syncRound } from './exchange.ts'
import { MemoryLog } from './memory-log.ts'
import { openNode, put, remove, settle, TestClock, valuesOf, watchFate, type Node } from './world.ts'

/** An operation and what it could have seen: the whole of what the oracle needs. */
interface Op {
  readonly key: string
  readonly value: string | undefined
  readonly seen: ReadonlySet<string>
  readonly stamp: bigint
  tookEffect: boolean
}

interface InFlight {
  readonly op: Op
  readonly fate: ReturnType<typeof watchFate>
}

interface Member {
  node: Node
  inFlight: InFlight[]
  opened: number
}

/** One step of a run: who, what, and a number to choose with. */
export interface Step {
  readonly type: 'set' | 'remove' | 'deliver' | 'drop' | 'append' | 'sync' | 'crash' | 'tick'
  readonly who: number
  readonly pick: number
}

const WALL_MS = 1_700_000_000_000

/**
 * A few replicas with skewed clocks, a bus that loses, repeats and reorders, disks that end their writes when they like, and
 * processes that die; beside them an oracle that knows only which operation could have seen which.
 */
export class Cluster {
  readonly members: Member[] = []
  readonly keys: readonly string[]
  readonly ops: Op[] = []
  readonly violations: string[] = []
  readonly #bus: { readonly to: number; readonly message: Uint8Array }[] = []
  #values = 0

  static async open(size: number, keys: readonly string[], skewsMs: readonly number[]): Promise<Cluster> {
    const cluster = new Cluster(keys)
    for (let i = 0; i < size; i++) {
      const clock = new TestClock(WALL_MS + (skewsMs[i] ?? 0))
      await cluster.#openMember(i, new MemoryLog('manual'), clock)
    }
    return cluster
  }

  constructor(keys: readonly string[]) {
    this.keys = keys
  }

  async step({ type, who, pick }: Step): Promise<void> {
    const index = who % this.members.length
    const member = this.#member(index)
    const key = this.keys[pick % this.keys.length] ?? ''
    if (type === 'set' || type === 'remove') this.#issue(member, key, type)
    else if (type === 'deliver' || type === 'drop') this.#deliver(pick, type === 'deliver')
    else if (type === 'append') await this.#endAppend(member)
    else if (type === 'crash') await this.#crash(index, pick % 2 === 0)
    else if (type === 'tick') member.node.clock.ms += pick
    else await this.#sync(member, this.#member((index + 1) % this.members.length))
    if (pick % 3 !== 0) await settle()
    this.#collect()
  }

  /** Ends every write, brings everyone together, and returns what is wrong. */
  async finish(): Promise<string[]> {
    for (const member of this.members) await this.#drain(member)
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < this.members.length; i++) {
        await this.#sync(this.#member(i), this.#member((i + 1) % this.members.length))
      }
    }
    for (const member of this.members) await this.#drain(member)
    for (const key of this.keys) {
      const expected = this.#expected(key)
      for (const { node } of this.members) {
        const shown = valuesOf(node.replica.entry(key))
        if (shown.join() !== expected.join()) {
          this.violations.push(
            `${node.name} shows ${key} = [${shown.join()}], the oracle says [${expected.join()}]`
          )
        }
      }
    }
    await this.#checkQuiet()
    return this.violations
  }

  #issue(member: Member, key: string, type: 'set' | 'remove'): void {
    const { node } = member
    const mine = member.inFlight.flatMap(({ op }) => (op.key === key ? (op.value ?? []) : []))
    const seen = new Set([...valuesOf(node.replica.entry(key)), ...mine])
    const value = type === 'set' ? `v${this.#values++}` : undefined
    const fate = watchFate(node.replica.commit([value === undefined ? remove(key) : put(key, value)]))
    // A commit is staged during the call, so this is its stamp.
    const op: Op = { key, value, seen, stamp: node.replica.stats().clock, tookEffect: false }
    this.ops.push(op)
    member.inFlight.push({ op, fate })
  }

  #deliver(pick: number, keep: boolean): void {
    if (this.#bus.length === 0) return
    const at = pick % this.#bus.length
    const [sent] = keep && pick % 5 === 0 ? this.#bus.slice(at, at + 1) : this.#bus.splice(at, 1)
    if (sent !== undefined && keep) this.#member(sent.to).node.broadcast.deliver(sent.message, 'bus')
  }

  async #endAppend(member: Member): Promise<void> {
    if (member.node.log.pending.length > 0) member.node.log.succeed()
    await settle()
  }

  async #sync(a: Member, b: Member): Promise<void> {
    const round = watchFate(syncRound(a.node, b.node))
    // A session ends when what it brought is on disk.
    for (let i = 0; i < 1000 && round.state() === 'pending'; i++) {
      await settle()
      for (const { node } of [a, b]) if (node.log.pending.length > 0) node.log.succeed()
    }
    // A write that the last of these made durable hears of it before anything else happens.
    await settle()
    if (round.state() !== 'resolved')
      this.violations.push(`a session ended ${round.state()}: ${String(round.error())}`)
  }

  /** The process dies; its pending append reached the disk or not, and what waited did not. */
  async #crash(index: number, written: boolean): Promise<void> {
    const member = this.#member(index)
    const { log, clock } = member.node
    const pending = log.pending[0]
    if (pending !== undefined && written) {
      log.writeSilently()
      for (const { op, fate } of member.inFlight) {
        // The batch was formed with this mark, so it holds exactly the writes up to it.
        if (fate.state() === 'pending') op.tookEffect = op.stamp <= pending.batch.clockMark
      }
    }
    this.#settleFates(member)
    await this.#openMember(index, log.reopen('manual'), clock)
  }

  async #drain(member: Member): Promise<void> {
    for (let i = 0; i < 1000; i++) {
      await settle()
      if (member.node.log.pending.length === 0) break
      member.node.log.succeed()
    }
    this.#collect()
    if (member.inFlight.length > 0) this.violations.push(`${member.node.name} left a write unanswered`)
  }

  #collect(): void {
    for (const member of this.members) this.#settleFates(member)
  }

  #settleFates(member: Member): void {
    for (const { op, fate } of member.inFlight) {
      if (fate.state() === 'resolved') op.tookEffect = true
      if (fate.state() === 'rejected') this.violations.push(`${member.node.name}: ${String(fate.error())}`)
    }
    member.inFlight = member.inFlight.filter(({ fate }) => fate.state() === 'pending')
  }

  #expected(key: string): string[] {
    const effective = this.ops.filter(op => op.key === key && op.tookEffect)
    return effective
      .flatMap(op => op.value ?? [])
      .filter(value => !effective.some(op => op.seen.has(value)))
      .sort()
  }

  /** Equal replicas exchange nothing more, and what is on disk is what was shown. */
  async #checkQuiet(): Promise<void> {
    for (const [i, a] of this.members.entries()) {
      const b = this.#member((i + 1) % this.members.length)
      const { outcomes } = await syncRound(a.node, b.node)
      if (outcomes.some(outcome => !outcome.complete || outcome.entriesSent > 0)) {
        this.violations.push(`${a.node.name} and ${b.node.name} still differ`)
      }
      const again = await openNode({ log: a.node.log.reopen(), clock: a.node.clock, seed: 'again' })
      for (const key of this.keys) {
        const shown = valuesOf(a.node.replica.entry(key)).join()
        const found = valuesOf(again.replica.entry(key)).join()
        if (shown !== found)
          this.violations.push(`${a.node.name} reopens ${key} as [${found}], not [${shown}]`)
      }
    }
  }

  #member(index: number): Member {
    const member = this.members[index]
    if (member === undefined) throw new RangeError(`no member ${index}`)
    return member
  }

  async #openMember(index: number, log: MemoryLog, clock: TestClock): Promise<void> {
    const opened = (this.members[index]?.opened ?? 0) + 1
    const node = await openNode({ name: `n${index}`, log, clock, seed: `${index}/${opened}` })
    this.members[index] = { node, inFlight: [], opened }
    node.broadcast.onSend = message => {
      this.#checkDurable(node, message)
      for (let to = 0; to < this.members.length; to++) if (to !== index) this.#bus.push({ to, message })
    }
  }

  /** REP-I1, REP-I4: what is sent is on disk by then, item for item. */
  #checkDurable(node: Node, message: Uint8Array): void {
    for (const bytes of readBroadcast(message, 1 << 20) ?? []) {
      const { key, entry } = decodeEntry(bytes)
      const stored = entryOnDisk(node.log, key)
      if (stored === undefined || joinEntries(stored, entry) !== stored) {
        this.violations.push(`${node.name} sent ${key} before it was on disk`)
      }
    }
  }
}

/** The entry of a key as the disk has it. */
function entryOnDisk(log: MemoryLog, key: string): Entry | undefined {
  const rows = [...log.disk.values()].filter(row => decodeUtf8(row.key) === key)
  if (rows.length === 0) return undefined
  const of = (kind: string) => rows.find(row => row.kind === kind)?.value
  return decodeRows(of('live'), of('evidence'))
}
