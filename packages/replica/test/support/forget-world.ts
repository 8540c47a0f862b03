import { QuotaExceededError } from '@starling/ormap'
import { seededRandom, type SeededRandom } from '@starling/ports'
import { ReplicaPoisonedError, type ReplicaInit } from '../../src/index.ts'
import { conversation } from './exchange.ts'
import { MemoryLog } from './memory-log.ts'
import {
  openNode,
  put,
  remove,
  settle,
  TestClock,
  TestTimers,
  valuesOf,
  watchFate,
  type Node
} from './world.ts'

/** What may happen in a world. */
export interface ForgetOptions {
  readonly steps?: number
  readonly replicas?: number
  /** Disks are lost, and stores are restored from older copies and run twice. */
  readonly losses?: boolean
  /** Rows are found damaged. */
  readonly rowLoss?: boolean
  /** Logs fail, and are recovered. */
  readonly failures?: boolean
  /** The first replica has no room for large values. */
  readonly refuses?: boolean
  readonly init?: Partial<ReplicaInit>
}

/** An operation and what it could have seen. */
interface Op {
  readonly key: string
  readonly value: string | undefined
  readonly seen: ReadonlySet<string>
  readonly stamp: bigint
  tookEffect: boolean
}

interface Place {
  readonly index: number
  node: Node
  inFlight: { readonly op: Op; readonly fate: ReturnType<typeof watchFate> }[]
  /** Values shown of each key, to see that none goes without a reason. */
  shown: Map<string, ReadonlySet<string>>
  readonly skewMs: number
}

interface Talk {
  readonly places: readonly [Place, Place]
  readonly fate: ReturnType<typeof watchFate>
  cut(): void
}

const KEYS = ['k', 'l']
const LARGE = '-large'.repeat(20)
const START_MS = 1_700_000_000_000

/**
 * Replicas as they are, on disks, clocks and a bus that a seed drives: they write, meet, part, crash, fail, collect, lose and copy
 * their disks. An oracle knows which operation could have seen which, and nothing else. Evidence is collected as soon as it may.
 */
export class ForgetWorld {
  readonly #random: SeededRandom
  readonly #options: ForgetOptions
  readonly #ops: Op[] = []
  readonly #bus: Uint8Array[] = []
  readonly #copies: MemoryLog[] = []
  readonly places: Place[] = []
  #talks: Talk[] = []
  #opened = 0
  #nowMs = START_MS
  readonly trace: string[] = []
  readonly findings: string[] = []
  /** What happened at all, so that a suite can see that its worlds get that far. */
  readonly reached: Set<string> = new Set()

  constructor(seed: number | string, options: ForgetOptions = {}) {
    this.#random = seededRandom(seed)
    this.#options = options
  }

  /** Runs all steps, heals, and says what is wrong. */
  async run(): Promise<readonly string[]> {
    for (let i = 0; i < (this.#options.replicas ?? 3); i++) await this.#open(i, new MemoryLog('manual'))
    for (let i = 0; i < (this.#options.steps ?? 80) && this.findings.length === 0; i++) {
      this.#pass(20)
      await this.#step()
      if (this.#random.float() < 0.7) await settle(this.#random.below(40))
      this.#look()
    }
    if (this.findings.length === 0) await this.#heal()
    for (const { node } of this.places) {
      await this.#drain()
      await node.replica.close()
    }
    return this.findings
  }

  async #step(): Promise<void> {
    const { losses = false, rowLoss = false, failures = false } = this.#options
    const place = this.#pick(this.places)
    const p = this.#random.float()
    if (p < 0.22) this.#write(place)
    else if (p < 0.4) this.#append(place)
    else if (p < 0.5) this.#deliver(place)
    else if (p < 0.6) this.#meet(place)
    else if (p < 0.75) await settle(200)
    else if (p < 0.78) this.#cutOne()
    else if (p < 0.9) await this.#collect(place)
    else if (p < 0.92) await this.#replace(place, 'reopens', log => log.reopen('manual'))
    else if (p < 0.93 && failures) await this.#fail(place)
    else if (p < 0.945 && losses) await this.#replace(place, 'loses its disk', () => new MemoryLog('manual'))
    else if (p < 0.99 && losses) await this.#copyOrRestore(place)
    else if (rowLoss && p < 0.99) await this.#damage(place)
  }

  #write(place: Place): void {
    const { node } = place
    const key = this.#pick(KEYS)
    const mine = place.inFlight.flatMap(({ op }) => (op.key === key ? (op.value ?? []) : []))
    const seen = new Set([...valuesOf(node.replica.entry(key)), ...mine])
    const isPut = this.#random.float() < 0.6
    const isLarge = this.#options.refuses === true && place.index > 0 && this.#ops.length % 4 === 0
    const value = isPut ? `v${this.#ops.length}${isLarge ? LARGE : ''}` : undefined
    const fate = watchFate(node.replica.commit([value === undefined ? remove(key) : put(key, value)]))
    const op = { key, value, seen, stamp: node.replica.stats().clock, tookEffect: false }
    this.#ops.push(op)
    place.inFlight.push({ op, fate })
    this.#say(place, `${isPut ? 'puts' : 'removes'} ${key} (${op.value ?? ''}) over ${[...seen].join()}`)
  }

  #append(place: Place): void {
    const { log } = place.node
    if (log.pending.length > 0) log.succeed()
    this.#say(place, 'appends')
  }

  #deliver(place: Place): void {
    if (this.#bus.length === 0) return
    place.node.broadcast.deliver(this.#pick(this.#bus))
    this.#say(place, 'gets a message')
  }

  #meet(place: Place): void {
    const other = this.#pick(this.places)
    if (other === place || this.#talks.some(({ places }) => places.includes(place) && places.includes(other)))
      return
    this.#say(place, `meets ${other.node.name}`)
    this.#talk(place, other)
  }

  #talk(a: Place, b: Place): Talk {
    const talk = conversation(undefined, 1 + this.#random.below(3))
    const controller = new AbortController()
    const { signal } = controller
    const sides = Promise.all([
      a.node.replica.protocol.reconcile(talk.left, { peer: b.node.name, initiator: true, signal }),
      b.node.replica.protocol.reconcile(talk.right, { peer: a.node.name, initiator: false, signal })
    ])
    const one: Talk = {
      places: [a, b],
      fate: watchFate(sides),
      cut: () => {
        controller.abort(new Error('cut'))
        talk.end()
      }
    }
    const ended = (how: string): void => {
      // One side's failure is the end of the conversation for both.
      one.cut()
      this.#talks = this.#talks.filter(other => other !== one)
      this.reached.add(how)
    }
    sides.then(
      outcomes => ended(outcomes.every(outcome => outcome.complete) ? 'complete' : 'incomplete'),
      (error: Error) => ended(error.name === 'Error' ? error.message : error.name)
    )
    this.#talks.push(one)
    return one
  }

  #cutOne(): void {
    const [talk] = this.#talks
    if (talk === undefined) return
    this.#say(talk.places[0], `is cut from ${talk.places[1].node.name}`)
    talk.cut()
  }

  /** Time passes everywhere, and one replica looks what it may collect. */
  async #collect(place: Place): Promise<void> {
    this.#pass(10_000)
    await place.node.timers.advance(0)
    this.#say(place, 'collects')
  }

  async #fail(place: Place): Promise<void> {
    const { log, replica } = place.node
    if (log.pending.length === 0) return
    const written = this.#random.float() < 0.5
    this.#say(place, `fails, ${written ? 'written' : 'lost'}`)
    log.fail(written)
    await settle()
    for (const { op, fate } of place.inFlight) {
      if (fate.state() === 'resolved') op.tookEffect = true
      const error = fate.error() as { tookEffect?: Promise<boolean | undefined> } | undefined
      void error?.tookEffect?.then(took => (op.tookEffect ||= took === true))
    }
    place.inFlight = []
    if (this.#random.float() < 0.3) await this.#step()
    await replica.reopen().catch((error: Error) => this.findings.push(`reopen: ${error.message}`))
    await settle()
    this.reached.add('reopened')
  }

  async #copyOrRestore(place: Place): Promise<void> {
    const copy = this.#random.float() < 0.5 ? this.#copies.at(-1) : undefined
    if (copy === undefined) {
      this.#copies.push(place.node.log.reopen('manual'))
      this.#say(place, 'is copied')
      return
    }
    await this.#replace(place, 'is restored', () => copy.reopen('manual'))
  }

  async #damage(place: Place): Promise<void> {
    await this.#replace(place, 'loses a row', log => {
      const reopened = log.reopen('manual')
      const rows = [...reopened.disk].filter(([, row]) => row.kind === 'live' || row.kind === 'evidence')
      if (rows.length === 0) return reopened
      const [at, row] = this.#pick(rows)
      reopened.disk.delete(at)
      reopened.recovered = { ...reopened.recovered, rows: [...reopened.disk.values()] }
      return reopened.damaged([...reopened.recovered.quarantined, row])
    })
  }

  /** The process dies with its sessions, and another one goes on in its place. */
  async #replace(place: Place, what: string, next: (log: MemoryLog) => MemoryLog): Promise<void> {
    const { log } = place.node
    this.#say(place, what)
    for (const talk of this.#talks.filter(({ places }) => places.includes(place))) talk.cut()
    if (log.pending.length > 0 && this.#random.float() < 0.5) log.writeSilently()
    // Whether it was answered or not: a batch is formed with a mark that covers the writes in it, and no later ones.
    for (const { op, fate } of place.inFlight) {
      if (fate.state() === 'pending') op.tookEffect = op.stamp <= log.mark
    }
    this.#settleFates(place)
    await this.#open(place.index, next(log))
    this.reached.add(what)
  }

  async #open(index: number, log: MemoryLog): Promise<void> {
    const skewMs = this.places[index]?.skewMs ?? this.#random.below(40)
    const clock = new TestClock(this.#nowMs + skewMs)
    const quota = this.#options.refuses === true && index === 0 ? { quota: { bytesMax: 150 } } : {}
    const node = await openNode({
      name: `n${index}`,
      log,
      clock,
      timers: new TestTimers(clock),
      seed: `${index}/${++this.#opened}`,
      init: { forgetting: 'byKnown', evidenceMs: 0, ...quota, ...this.#options.init }
    })
    node.broadcast.onSend = message => void this.#bus.push(message)
    const place: Place = { index, node, inFlight: [], shown: new Map(), skewMs }
    this.places[index] = place
  }

  /** Nothing shown may go unless an operation that took effect had seen it. */
  #look(): void {
    for (const place of this.places) this.#settleFates(place)
    for (const place of this.places) {
      for (const key of KEYS) {
        const shown = new Set(valuesOf(place.node.replica.entry(key)))
        for (const value of place.shown.get(key) ?? []) {
          if (shown.has(value) || this.#isDead(value)) continue
          this.findings.push(`loss: ${place.node.name} shows ${value} of ${key} no more`)
        }
        place.shown.set(key, shown)
      }
    }
  }

  /** A write that was not answered yet may have taken effect already. */
  #isDead(value: string): boolean {
    const inFlight = new Set(this.places.flatMap(place => place.inFlight.map(({ op }) => op)))
    return this.#ops.some(op => (op.tookEffect || inFlight.has(op)) && op.seen.has(value))
  }

  /** Everyone meets everyone until nothing is new; then all evidence must go. */
  async #heal(): Promise<void> {
    for (const talk of this.#talks) talk.cut()
    await this.#drain()
    for (let round = 0; round < 4; round++) {
      for (const a of this.places) {
        for (const b of this.places) if (a !== b) await this.#meetWhole(a, b)
      }
    }
    this.#look()
    this.#compare()
    if (this.findings.length === 0) await this.#collectAll()
  }

  async #meetWhole(a: Place, b: Place): Promise<void> {
    // Beyond the longest pause after a refusal.
    this.#pass(this.#options.refuses === true ? 4_000_000 : 10)
    const { fate } = this.#talk(a, b)
    for (let i = 0; i < 1000 && fate.state() === 'pending'; i++) await this.#drain()
    if (fate.state() !== 'resolved')
      this.findings.push(`a session ended ${fate.state()}: ${String(fate.error())}`)
  }

  #compare(): void {
    const { losses, rowLoss, refuses } = this.#options
    // What a replica without room knows to be dead it cannot say of a key whose entry it has to refuse.
    const mayComeBack = losses === true || rowLoss === true || refuses === true
    for (const key of KEYS) {
      const [, second] = this.places
      const first = valuesOf(second?.node.replica.entry(key))
      for (const { node, index } of this.places) {
        if (refuses === true && index === 0) continue
        const shown = valuesOf(node.replica.entry(key))
        if (shown.join() !== first.join())
          this.findings.push(`${node.name} differs in ${key}: ${shown.join()}`)
        const expected = this.#survivors(key)
        const lost = expected.filter(value => !shown.includes(value))
        const back = shown.filter(value => !expected.includes(value))
        if (lost.length > 0 && losses !== true && rowLoss !== true)
          this.findings.push(`loss: ${node.name} lacks ${lost.join()}`)
        if (back.length > 0 && !mayComeBack)
          this.findings.push(`resurrection: ${node.name} shows ${back.join()}`)
      }
    }
  }

  #survivors(key: string): string[] {
    const effective = this.#ops.filter(op => op.key === key && op.tookEffect)
    return effective
      .flatMap(op => op.value ?? [])
      .filter(value => !effective.some(op => op.seen.has(value)))
      .sort()
  }

  async #collectAll(): Promise<void> {
    const { losses, rowLoss, refuses } = this.#options
    if (losses === true || rowLoss === true || refuses === true || this.#options.init?.forgetting === 'byAge')
      return
    this.#pass(20_000)
    for (const { node } of this.places) {
      await node.timers.advance(0)
      await this.#drain()
      const { evidence } = node.replica.stats()
      if (evidence > 0) this.findings.push(`uncollectable: ${node.name} keeps ${evidence} items of evidence`)
      const rows = [...node.log.disk.values()].filter(row => row.kind === 'evidence').length
      if (rows > 0) this.findings.push(`uncollectable: ${node.name} keeps ${rows} rows of evidence`)
    }
  }

  /** Every append that waits ends. */
  async #drain(): Promise<void> {
    for (let i = 0; i < 1000; i++) {
      await settle()
      const waiting = this.places.filter(({ node }) => node.log.pending.length > 0)
      if (waiting.length === 0) return
      for (const { node } of waiting) node.log.succeed()
    }
  }

  #settleFates(place: Place): void {
    for (const { op, fate } of place.inFlight) {
      if (fate.state() === 'resolved') op.tookEffect = true
      if (fate.state() === 'rejected' && !isExpected(fate.error()))
        this.findings.push(`${place.node.name}: ${String(fate.error())}`)
    }
    place.inFlight = place.inFlight.filter(({ fate }) => fate.state() === 'pending')
  }

  #pass(ms: number): void {
    this.#nowMs += ms
    for (const { node } of this.places) node.clock.ms += ms
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)] as T
  }

  #say(place: Place, what: string): void {
    this.trace.push(`${place.node.name} ${what}`)
  }
}

/** Nothing happened, as was to be expected. */
function isExpected(error: unknown): boolean {
  return error instanceof ReplicaPoisonedError || error instanceof QuotaExceededError
}
