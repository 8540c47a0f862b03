import { decodeValue } from '@starling/codec'
import { seededRandom, type SeededRandom } from '@starling/ports'
import { liveDots, type OnStale, type ReplicaId } from '../src/index.ts'
import { copyDisk, emptyDisk, KEYS, TestReplica, type Disk, type Message } from './forget-replica.ts'
import { numbersOf, Oracle } from './forget-oracle.ts'
import { TestSession } from './forget-session.ts'
import { must } from './must.ts'

/** What may happen in a world. */
export interface WorldOptions {
  readonly replicas?: number
  readonly steps?: number
  /** Disks are lost, and stores are restored from older copies and cloned. */
  readonly losses?: boolean
  /** Rows are found damaged. */
  readonly rowLoss?: boolean
  /** The first replica refuses large values for ever, or late ones for a while. */
  readonly refuse?: 'quota' | 'drift'
  readonly evidenceMs?: number
  readonly onStale?: OnStale
}

/** What a run found, `undefined` when it was as it should be. */
export type Finding = { readonly type: 'loss' | 'resurrection' | 'uncollectable'; readonly detail: string }

const LARGE = '-large'.repeat(10)

/**
 * Replicas that write, crash, part, meet, lose and copy their disks, in a random order. A causal oracle watches: it knows of
 * each operation which others it had seen, and of each replica which operations have had their effect there.
 */
export class World {
  readonly #random: SeededRandom
  readonly #options: WorldOptions
  readonly #oracle = new Oracle()
  readonly #messages: Message[] = []
  readonly #copies: Disk[] = []
  readonly replicas: TestReplica[] = []
  #sessions: TestSession[] = []
  #ids = 0
  #nowMs = 1_000_000
  #parted = false
  readonly trace: string[] = []
  /** What its sessions got to. */
  readonly reached: Set<string> = new Set()

  constructor(seed: number | string, options: WorldOptions) {
    this.#random = seededRandom(seed)
    this.#options = options
    for (let i = 0; i < (options.replicas ?? 3); i++) this.#add(emptyDisk())
  }

  /** Runs all steps, heals, and says what is wrong. */
  run(): Finding | undefined {
    for (let i = 0; i < (this.#options.steps ?? 60); i++) {
      this.#nowMs += 5
      if (this.#random.float() < 0.05) this.#parted = !this.#parted
      this.#step()
      const lost = this.#lost()
      if (lost !== undefined) return lost
    }
    return this.#heal() ?? this.#compare() ?? this.#leftovers()
  }

  #step(): void {
    const { losses = false, rowLoss = false } = this.#options
    const replica = must(this.#pick(this.replicas))
    const p = this.#random.float()
    if (p < 0.2) this.#write(replica)
    else if (p < 0.27) this.#land(replica)
    else if (p < 0.43) this.#deliver(replica)
    else if (p < 0.48) this.#meet(replica)
    else if (p < 0.81) this.#talk()
    else if (p < 0.83) this.#cutOne()
    else if (p < 0.92) this.#sweep(replica)
    else if (p < 0.94) this.#replace(replica, 'reopens', () => replica.reopen(this.#nowMs))
    else if (p < 0.955) this.#flush(replica)
    else if (p < 0.965) this.#lose(replica, losses)
    else if (p < 0.98) this.#copyOrRestore(replica, losses)
    else if (p < 0.99) this.#damage(replica, rowLoss)
    else if (this.replicas.length < 5) this.#add(emptyDisk())
  }

  #write(replica: TestReplica): void {
    const key = must(this.#pick(KEYS))
    const put = this.#random.float() < 0.6
    const number = this.#oracle.next
    if (number === undefined || (!put && !replica.has(key))) return
    const large = this.#options.refuse === 'quota' && number % 4 === 0 && replica.init.place !== 0
    this.#oracle.add({ put, seen: replica.seen(key) })
    replica.write(key, number, put, `${number}${large ? LARGE : ''}`, this.#nowMs)
    this.#say(replica, `${put ? 'put' : 'remove'} ${key} (${number})`)
    if (this.#random.float() < 0.7) while (replica.flying.length > 0) this.#land(replica)
  }

  #land(replica: TestReplica): void {
    const message = replica.land(this.#nowMs)
    if (message === undefined) return
    this.#messages.push(message)
    this.#touch(replica, message.key)
    this.#say(replica, `lands ${message.key}`)
  }

  #deliver(replica: TestReplica): void {
    const message = this.#pick(this.#messages)
    if (message === undefined) return
    if (replica.receive(message, this.#nowMs)) this.#touch(replica, message.key)
    this.#say(replica, `gets ${message.key} with ${numbersOf(message.carries)}`)
  }

  #meet(replica: TestReplica): void {
    const other = this.#pick(this.replicas.filter(peer => peer !== replica && !this.#areApart(replica, peer)))
    if (other === undefined || this.#sessions.some(one => one.has(replica) && one.has(other))) return
    this.#sessions.push(new TestSession(replica, other))
    this.#say(replica, `meets ${this.#name(other)}`)
  }

  #talk(): void {
    const session = this.#pick(this.#sessions)
    if (session === undefined) return
    const [a, b] = session.sides
    if (this.#areApart(a.replica, b.replica)) return
    // Now and then everything that is left goes through at once.
    const steps = this.#random.float() < 0.1 ? 40 : 1 + this.#random.below(4)
    for (let i = 0; i < steps; i++) {
      const done = session.step(this.#nowMs, (replica, key) => this.#touch(replica, key, session))
      this.#putAgain(session)
      // A session that compares again for ever gives up now and then, and must say so.
      if (!done && this.#random.float() > 0.02) continue
      this.#say(a.replica, `${done ? 'ends' : 'gives up'} with ${this.#name(b.replica)}`)
      this.#end(session, { wholeRange: session.isThrough, durable: this.#random.float() < 0.8 })
      return
    }
  }

  /** What an owner keeps is a new write, made on what is there now. */
  #putAgain(session: TestSession): void {
    for (const { replica, value } of session.kept.splice(0)) {
      const number = this.#oracle.next
      if (number === undefined) continue
      this.#oracle.add({ put: true, seen: replica.seen(value.key) })
      replica.write(value.key, number, true, `${number}`, this.#nowMs)
      this.#say(replica, `keeps ${value.key} (${number})`)
      while (replica.flying.length > 0) this.#land(replica)
    }
  }

  #cutOne(): void {
    const session = this.#pick(this.#sessions)
    if (session === undefined) return
    this.#say(session.sides[0].replica, `is cut from ${this.#name(session.sides[1].replica)}`)
    this.#end(session)
  }

  #end(session: TestSession, how = { wholeRange: false, durable: false }): void {
    session.end(how)
    for (const what of session.reached) this.reached.add(what)
    this.#sessions = this.#sessions.filter(other => other !== session)
  }

  #sweep(replica: TestReplica): void {
    if (!replica.sweep(this.#nowMs, this.#random.float() < 0.5 ? 1 : 100)) return
    this.#say(replica, 'collects')
  }

  #flush(replica: TestReplica): void {
    replica.flush()
    this.#say(replica, 'flushes')
  }

  /** The process dies with its sessions, and another one goes on in its place. */
  #replace(replica: TestReplica, what: string, start: () => TestReplica): void {
    for (const session of this.#sessions.filter(each => each.has(replica))) this.#end(session)
    const by = start()
    this.#say(replica, `${what}, is now ${this.#name(by)}`)
    this.replicas[this.replicas.indexOf(replica)] = by
  }

  #lose(replica: TestReplica, losses: boolean): void {
    if (!losses) return
    this.#replace(replica, 'loses its disk', () => this.#make(replica.init.place, emptyDisk()))
  }

  #copyOrRestore(replica: TestReplica, losses: boolean): void {
    if (!losses) return
    const copy = this.#random.float() < 0.5 ? this.#pick(this.#copies) : undefined
    if (copy === undefined) {
      this.#copies.push(copyDisk(replica.disk))
      this.#say(replica, 'is copied')
      return
    }
    this.#replace(replica, `is restored from ${copy.lastId}`, () =>
      this.#make(replica.init.place, copyDisk(copy))
    )
  }

  #damage(replica: TestReplica, rowLoss: boolean): void {
    const key = must(this.#pick(KEYS))
    if (!rowLoss || replica.map.get(key) === undefined) return
    this.#replace(replica, `loses row ${key}`, () => replica.loseRow(key, this.#nowMs))
  }

  #add(disk: Disk): void {
    const replica = this.#make(this.replicas.length, disk)
    this.replicas.push(replica)
    this.#say(replica, 'joins')
  }

  #make(place: number, disk: Disk): TestReplica {
    const { evidenceMs = 0, onStale = 'set-aside', refuse } = this.#options
    const refuses = place === 0 ? refuse : undefined
    return new TestReplica(
      {
        place,
        disk,
        evidenceMs,
        onStale,
        // Where one replica refuses what is far ahead, others have to be.
        skewMs: refuse === 'drift' ? (place === 0 ? 0 : (place % 2) * 150) : this.#random.below(40),
        ...(refuses === 'drift' ? { driftMsMax: 20 } : {}),
        ...(refuses === 'quota' ? { bytesMax: 150 } : {}),
        newId: () => this.#newId()
      },
      this.#nowMs
    )
  }

  /** Scattered, so that the order of ids is not the order in which they were drawn. */
  #newId(): ReplicaId {
    return ((++this.#ids * 7) % 16).toString(16) + this.#ids.toString(16).padStart(15, '0')
  }

  #touch(replica: TestReplica, key: string, except?: TestSession): void {
    for (const session of this.#sessions) if (session !== except && session.has(replica)) session.touch(key)
  }

  #areApart(a: TestReplica, b: TestReplica): boolean {
    return this.#parted && a.init.place % 2 !== b.init.place % 2
  }

  /** Everything lands, and everyone meets everyone until nothing is new. */
  #heal(): Finding | undefined {
    for (const session of this.#sessions) this.#end(session)
    for (const replica of this.replicas) while (replica.flying.length > 0) this.#land(replica)
    this.#parted = false
    for (let round = 0; round < 4; round++) {
      for (const a of this.replicas) {
        for (const b of this.replicas) {
          if (a === b) continue
          // Beyond the longest pause after a refusal.
          this.#nowMs += 4_000_000
          const session = new TestSession(a, b)
          while (!session.step(this.#nowMs, () => {})) this.#putAgain(session)
          this.#putAgain(session)
          this.#end(session, { wholeRange: true, durable: true })
        }
      }
    }
    return this.#lost()
  }

  /** A write that no operation known to a replica had seen, and that the replica does not show although it knows of it. */
  #lost(): Finding | undefined {
    for (const replica of this.replicas) {
      for (const key of KEYS) {
        const should = this.#oracle.survivors(replica.learned.get(key) ?? 0)
        const lost = should & ~this.#shown(replica, key)
        if (lost === 0) continue
        return { type: 'loss', detail: `${this.#name(replica)} lost ${numbersOf(lost)}of ${key}` }
      }
    }
    return undefined
  }

  /** After healing every replica shows what survives of all operations anyone knows of. */
  #compare(): Finding | undefined {
    for (const key of KEYS) {
      let all = 0
      for (const replica of this.replicas) all |= replica.learned.get(key) ?? 0
      const should = this.#oracle.survivors(all)
      for (const replica of this.replicas) {
        if (this.#options.refuse === 'quota' && replica.init.place === 0) continue
        const shown = this.#shown(replica, key)
        if (shown === should) continue
        const type = (shown & ~should) === 0 ? 'loss' : 'resurrection'
        return {
          type,
          detail: `${this.#name(replica)} shows ${numbersOf(shown)}of ${key}, should be ${numbersOf(should)}`
        }
      }
    }
    return undefined
  }

  /** After healing no evidence is left that cannot be collected. A lost store may take the knowledge of its writes with it. */
  #leftovers(): Finding | undefined {
    const { losses, rowLoss, refuse } = this.#options
    if (losses === true || rowLoss === true || refuse === 'quota') return undefined
    for (const replica of this.replicas) {
      replica.sweep(this.#nowMs + (this.#options.evidenceMs ?? 0), 1000)
      for (const [key, { items }] of replica.map.allEntries()) {
        if (items.some(item => item.value === undefined))
          return { type: 'uncollectable', detail: `${this.#name(replica)} keeps evidence of ${key}` }
      }
    }
    return undefined
  }

  #shown(replica: TestReplica, key: string): number {
    const entry = replica.map.get(key)
    if (entry === undefined) return 0
    let shown = 0
    for (const { value } of liveDots(entry)) shown |= 1 << Number.parseInt(decodeValue(value) as string, 10)
    return shown
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list.length === 0 ? undefined : list[this.#random.below(list.length)]
  }

  #name(replica: TestReplica): string {
    return `${replica.init.place}/${replica.own.replace(/^.0*/, '')}`
  }

  #say(replica: TestReplica, what: string): void {
    this.trace.push(`${this.#name(replica)} ${what}`)
  }
}
