import { createSimulation, type DiskFault, type DiskImage, type Simulation } from '@starling/sim'
import type { SeededRandom } from '@starling/ports'
import { StoreOpenError, type RecoveredLog } from '../../src/index.ts'
import { drawFault, drawKinds, faultsSeen, type Kind } from './fault-draws.ts'
import { History, Violation, type Change } from './history.ts'
import { Machine, simulated, type MachineInit, type OpenStore } from './machine.ts'

const ROUNDS = 5
const STEPS_MAX = 14
const LOGS = ['a', 'b']

/** What a run did, for the totals. */
export interface SwarmReport {
  readonly hash: string
  readonly openings: number
  /** Recoveries in place after a failed write. */
  readonly recoveries: number
  readonly appends: number
  /** Openings that reported damage, and that refused. */
  readonly damaged: number
  readonly refused: number
  readonly counters: Readonly<Record<string, number>>
}

/** One seed: a store that is written, cut off, damaged and opened again, checked at every opening. */
export async function swarm(seed: number | string, wrap?: MachineInit['wrap']): Promise<SwarmReport> {
  const simulation = createSimulation({ seed, traceLinesMax: 80 })
  const run = new Run(simulation, wrap)
  try {
    await simulated(simulation, () => run.play())
  } catch (error) {
    throw new Violation(
      `${String(error)}\n\n${JSON.stringify(run.report())}\n\nThe last operations:\n${simulation.trace.lines().join('\n')}\n\nRun this seed again:\n` +
        `  STARLING_SWARM_SEED=${seed} npm test -- packages/log/test/sim/swarm.test.ts`,
      { cause: error }
    )
  }
  return run.report()
}

class Run {
  readonly #simulation: Simulation
  readonly #random: SeededRandom
  readonly #machine: Machine
  readonly #history: History
  readonly #kinds: ReadonlySet<Kind>
  readonly #async: boolean
  #snapshot: DiskImage | undefined
  #stamp = 0n
  #value = 0
  /** Disk operations until the machine dies, and how it is told. */
  #fuse = Infinity
  #died: () => void = () => {}
  #lastEnd: 'close' | 'kill' | 'powerCut' = 'close'
  /** The newest mark may be missing, so only a second fault that it should have told of can go unnoticed. */
  #markBehind = false
  /** Read errors that an accepted opening had to live with. */
  #readErrors = 0
  readonly #totals = { openings: 0, recoveries: 0, appends: 0, damaged: 0, refused: 0 }

  constructor(simulation: Simulation, wrap: MachineInit['wrap']) {
    this.#simulation = simulation
    this.#random = simulation.random.fork('swarm')
    this.#kinds = drawKinds(this.#random)
    this.#async = this.#kinds.has('async')
    this.#history = new History(new Set(this.#async ? ['b'] : []))
    this.#machine = new Machine({
      seed: simulation.seed,
      timers: simulation.ports('disk').timers,
      observe: ({ text }) => {
        // Tickets are named after the host's clock, which is none of the seed's business.
        this.#note(text.replaceAll(/[0-9a-f]{16}-\d+/g, 'ID'))
        if (--this.#fuse <= 0) this.#die()
      },
      ...(wrap === undefined ? {} : { wrap })
    })
  }

  report(): SwarmReport {
    return {
      hash: this.#simulation.trace.hash,
      ...this.#totals,
      counters: { ...this.#machine.disk.counters }
    }
  }

  async play(): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      this.#damageAtRest()
      const end = new Promise<void>(resolve => (this.#died = resolve))
      const cut = this.#kinds.has('kill') || this.#kinds.has('powerCut')
      this.#fuse = cut && this.#chance(2) ? 1 + this.#random.below(300) : Infinity
      await Promise.race([this.#round(), end])
      this.#fuse = Infinity
    }
    this.#machine.disk.heal()
    const open = await this.#open()
    await open.store.close()
  }

  async #round(): Promise<void> {
    if (this.#chance(2)) this.#injectOne(['full', 'writeError', 'syncError', 'readError'])
    const open = await this.#open()
    await this.#work(open)
    if (open.store.poisoned !== undefined && this.#chance(2) && (await this.#recover(open))) {
      await this.#work(open)
    }
    if (this.#fuse < Infinity && this.#chance(2)) return this.#die()
    await open.store.close().catch((error: unknown) => this.#note(`closing failed: ${String(error)}`))
    if (open.store.poisoned !== undefined) this.#markBehind = true
    this.#lastEnd = 'close'
    this.#machine.disk.heal()
  }

  async #work(open: OpenStore): Promise<void> {
    const running: Promise<void>[] = []
    const steps = this.#random.below(STEPS_MAX)
    for (let step = 0; step < steps && open.store.poisoned === undefined; step++) {
      if (this.#chance(6)) {
        this.#injectOne(['full', 'writeError', 'syncError', 'misdirectedWrite', 'readOnly', 'latency'])
      }
      const done = this.#append(open)
      running.push(done)
      if (this.#chance(2)) await done
    }
    await Promise.all(running)
  }

  /** Recovers in place. False when it was refused, which only damage excuses: the disk is healthy by then. */
  async #recover(open: OpenStore): Promise<boolean> {
    this.#machine.disk.heal()
    this.#markBehind = true
    let found: ReadonlyMap<string, RecoveredLog>
    try {
      found = await open.recover()
    } catch (error) {
      this.#excuseMisdirected()
      if (!(error instanceof StoreOpenError) || !this.#history.excuses.damage) throw error
      return false
    }
    this.#totals.recoveries++
    this.#note(`recovered: ${[...found].map(described).join(', ')}`)
    this.#excuseMisdirected()
    this.#history.check(found, this.#history.promised.written)
    await this.#history.checkVerdicts(found)
    this.#history.accept(found)
    return true
  }

  /** Opens, checks what is found, and goes on from it. Only faults and damage excuse a refusal, and only a typed one. */
  async #open(): Promise<OpenStore> {
    for (let attempt = 0; ; attempt++) {
      const before = faultsSeen(this.#machine.disk.counters)
      try {
        const open = await this.#machine.open(LOGS, log => (log === 'b' && this.#async ? 'async' : 'sync'))
        this.#totals.openings++
        this.#excuseReads()
        this.#excuseMisdirected()
        const { recovered } = open
        const { synced, written } = this.#history.promised
        this.#history.check(recovered, this.#lastEnd === 'powerCut' ? synced : written)
        if ([...recovered.values()].some(one => one.damaged !== undefined)) this.#totals.damaged++
        this.#note(`opened: ${[...recovered].map(described).join(', ')}`)
        this.#history.accept(recovered)
        this.#lastEnd = 'close'
        this.#markBehind = false
        this.#readErrors = this.#machine.disk.counters.readErrors
        if (this.#chance(3)) this.#snapshot = this.#machine.disk.image()
        return open
      } catch (error) {
        if (!(error instanceof StoreOpenError)) throw error
        this.#totals.refused++
        this.#note(`refused: ${error.reason}`)
        this.#excuseReads()
        this.#excuseMisdirected()
        if (error.reason === 'corrupt' && this.#history.excuses.damage) this.#moveAside()
        else if (before === faultsSeen(this.#machine.disk.counters) || attempt > 8) throw error
        this.#machine.disk.heal()
      }
    }
  }

  #append(open: OpenStore): Promise<void> {
    this.#totals.appends++
    const log = LOGS[this.#random.below(LOGS.length)] as string
    const changes: Change[] = [{ kind: 'evidence', key: 'n', value: String(++this.#value) }]
    for (const key of ['p', 'q', 'r', 's']) {
      if (!this.#chance(3)) continue
      const length = this.#random.below(4) === 0 ? 700 : 10
      const value = this.#chance(4) ? undefined : `${++this.#value} `.padEnd(length, '.')
      changes.push({ kind: 'live', key, value })
    }
    this.#stamp += BigInt(this.#random.below(3))
    return open.append(this.#history, log, changes, this.#stamp)
  }

  #injectOne(kinds: readonly DiskFault['type'][]): void {
    const fault = drawFault(
      kinds.filter(kind => this.#kinds.has(kind as Kind)),
      this.#random
    )
    if (fault === undefined) return
    this.#machine.disk.inject(fault)
    this.#note(`injected ${fault.type}`)
  }

  /** What happens to a disk while nobody uses it. What only the newest mark could tell is excused where that may be lost. */
  #damageAtRest(): void {
    const { disk } = this.#machine
    const { excuses } = this.#history
    if (this.#kinds.has('bitFlip') && this.#chance(2)) {
      // The lock is left out: it says who lives, and a wrong answer to that is a refusal.
      const files = disk.files().filter(({ path, size }) => size > 0 && !path.includes('/lock'))
      const file = files[files.length === 0 ? 0 : this.#random.below(files.length)]
      if (file !== undefined && disk.flipBit(file.path)) {
        this.#note(`flipped a bit of ${file.path}`)
        excuses.damage = true
        if (this.#markBehind) excuses.loss = true
        if (file.path.endsWith('/mark')) this.#markBehind = true
        this.#history.unsync()
      }
    }
    if (this.#kinds.has('restore') && this.#snapshot !== undefined && this.#chance(6)) {
      this.#note('restored an older image')
      disk.restore(this.#snapshot)
      excuses.damage = excuses.older = true
    }
    if (this.#kinds.has('wipe') && this.#chance(10)) {
      this.#note('wiped')
      disk.wipe()
      this.#history.startOver()
    }
  }

  #die(): void {
    this.#fuse = Infinity
    this.#markBehind = true
    if (this.#history.excuses.damage) this.#history.excuses.loss = true
    const { disk } = this.#machine
    if (this.#kinds.has('powerCut') && (!this.#kinds.has('kill') || this.#chance(2))) {
      this.#note('power cut')
      this.#lastEnd = 'powerCut'
      disk.powerCut()
      // What was not synced may leave holes: that is reported, not hidden.
      if (this.#async) this.#history.excuses.damage = true
    } else {
      this.#note('killed')
      if (this.#lastEnd === 'close') this.#lastEnd = 'kill'
      this.#machine.start()
    }
    disk.heal()
    this.#died()
  }

  /**
   * A log that cannot be read counts as empty. The mark misses its tail, unless the mark itself is behind: a kill can come
   * between an acknowledgement and its mark, a power cut can take the mark.
   */
  #excuseReads(): void {
    if (this.#machine.disk.counters.readErrors === this.#readErrors) return
    this.#history.excuses.damage = true
    if (this.#markBehind) this.#history.excuses.loss = true
    this.#history.unsync()
  }

  /** It may have hit the newest rows and the mark alike. */
  #excuseMisdirected(): void {
    if (this.#machine.disk.counters.misdirectedWrites === 0) return
    this.#history.excuses.damage = this.#history.excuses.loss = true
  }

  #moveAside(): void {
    this.#machine.disk.wipe()
    this.#history.startOver()
  }

  #chance(oneIn: number): boolean {
    return this.#random.below(oneIn) === 0
  }

  #note(text: string): void {
    this.#simulation.trace.note(this.#simulation.nowMs, 0, text)
  }
}

function described([name, log]: readonly [string, RecoveredLog]): string {
  const damage = log.damaged?.damage.map(one => one.type) ?? []
  return `${name} has ${log.rows.length} rows ${damage.join(' ')}`.trimEnd()
}
