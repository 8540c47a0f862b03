import { encodeValue } from '@starling/codec'
import { HybridLogicalClock, type Stamp } from '@starling/hlc'
import { systemHash } from '@starling/ports/system'
import {
  Collector,
  decodeEntry,
  encodeEntry,
  hasLiveDot,
  ingest,
  joinEntries,
  Known,
  ObservedRemoveMap,
  putEntry,
  Quota,
  Refusals,
  removeEntry,
  SetAside,
  type Entry,
  type Forgetting,
  type IngestResult,
  type OnStale,
  type ReplicaId
} from '../src/index.ts'
import { DRIVER_FAULTS } from './forget-faults.ts'

/** Keys of the worlds below. Few, so that everything happens to each. */
export const KEYS: readonly string[] = ['k', 'l']

/** Operations as bits: which of them have had their effect here, for each key. */
export type Learned = ReadonlyMap<string, number>

/** What survives a crash. Rows are encoded entries. */
export interface Disk {
  readonly rows: Map<string, Uint8Array>
  readonly known: Map<ReplicaId, Stamp>
  lastId: ReplicaId | undefined
  /** The clock mark of the last batch. */
  mark: Stamp
  learned: Learned
}

/** A write on its way to the disk. */
interface Flying {
  readonly key: string
  readonly stamp: Stamp
  readonly entry: Entry
  /** Its own bit, and those of what it had seen. */
  readonly carries: number
}

/** An entry on its way to anyone, and what it carries. */
export interface Message {
  readonly key: string
  readonly bytes: Uint8Array
  readonly carries: number
}

/** How a replica is made. */
export interface ReplicaInit {
  /** Which machine it is, through crashes and lost disks. */
  readonly place: number
  readonly disk?: Disk
  readonly skewMs?: number
  readonly evidenceMs?: number
  readonly driftMsMax?: number
  readonly bytesMax?: number
  readonly onStale?: OnStale
  readonly knownIsOff?: boolean
  newId(): ReplicaId
}

/** What a clock may have handed out ahead of its last write. */
const RESERVE: Stamp = 60n << 16n

export const emptyDisk = (): Disk => ({
  rows: new Map(),
  known: new Map(),
  lastId: undefined,
  mark: 0n,
  learned: new Map()
})

export const copyDisk = (disk: Disk): Disk => ({
  ...disk,
  rows: new Map(disk.rows),
  known: new Map(disk.known)
})

/** One replica as a driver would build it from the parts of this package, with a disk that a crash falls back to. */
export class TestReplica {
  readonly init: ReplicaInit
  readonly disk: Disk
  readonly map: ObservedRemoveMap = new ObservedRemoveMap(systemHash)
  readonly known: Known
  readonly forgetting: Forgetting
  readonly collector: Collector
  readonly aside: SetAside
  readonly quota: Quota
  readonly refusals: Refusals = new Refusals()
  readonly clock: HybridLogicalClock
  readonly learned: Map<string, number>
  readonly flying: Flying[] = []
  own: ReplicaId
  /** Keys whose rows are not on disk yet. */
  readonly dirty: Set<string> = new Set()

  constructor(init: ReplicaInit, nowMs: number) {
    const { disk = emptyDisk(), evidenceMs = 0, onStale = 'set-aside', bytesMax = Infinity } = init
    this.init = init
    this.disk = disk
    const ownApplied = disk.known.get(disk.lastId ?? '') ?? 0n
    if (DRIVER_FAULTS.sameIdInCopy) disk.known.delete(disk.lastId ?? '')
    this.known = new Known(disk.known)
    this.forgetting = init.knownIsOff === true ? { type: 'byAge' } : { type: 'byKnown', known: this.known }
    this.collector = new Collector({ forgetting: this.forgetting, evidenceMs })
    this.aside = new SetAside({ onStale })
    this.quota = new Quota({ entriesMax: Infinity, bytesMax })
    this.learned = new Map(disk.learned)
    this.clock = new HybridLogicalClock({ floor: disk.mark })
    for (const [key, bytes] of disk.rows) {
      const { entry } = decodeEntry(bytes)
      this.map.join(key, entry)
      this.collector.load(key, entry, nowMs)
      this.quota.note({ key, previous: undefined, entry })
    }
    this.own = (DRIVER_FAULTS.sameIdInCopy ? disk.lastId : undefined) ?? init.newId()
    this.known.begin(this.own)
    if (DRIVER_FAULTS.sameIdInCopy) this.known.applied(ownApplied)
    disk.lastId = this.own
  }

  wall(nowMs: number): number {
    return nowMs + (this.init.skewMs ?? 0)
  }

  /** What a writer could know of a key: what is visible and own writes on their way. */
  staged(key: string): Entry | undefined {
    let entry = this.map.get(key)
    for (const { key: other, entry: write } of this.flying) {
      if (other === key) entry = entry === undefined ? write : joinEntries(entry, write)
    }
    return entry
  }

  /** Whether something of the key is live, also by a write on its way. */
  has(key: string): boolean {
    const entry = this.staged(key)
    return entry !== undefined && hasLiveDot(entry)
  }

  /** The operations a write of the key sees. */
  seen(key: string): number {
    let bits = this.learned.get(key) ?? 0
    for (const { key: other, carries } of this.flying) if (other === key) bits |= carries
    return bits
  }

  /** Starts operation number `bit`; it has no effect before {@link TestReplica.land}. */
  write(key: string, bit: number, put: boolean, text: string, nowMs: number): void {
    const base = this.staged(key)
    const stamp = this.clock.now(this.wall(nowMs))
    const entry =
      put || base === undefined
        ? putEntry(base, this.own, stamp, encodeValue(text))
        : removeEntry(base, this.own, stamp)
    this.known.issued(stamp)
    this.flying.push({ key, stamp, entry, carries: this.seen(key) | (1 << bit) })
  }

  /** The oldest write on its way becomes durable, with every row that waits, and is applied. */
  land(nowMs: number): Message | undefined {
    const write = this.flying.shift()
    if (write === undefined) return undefined
    const { key, stamp, entry, carries } = write
    this.apply(key, entry, nowMs)
    this.learn(key, carries)
    this.flush()
    this.disk.known.set(this.own, DRIVER_FAULTS.reserveIsKnown ? stamp + RESERVE : stamp)
    this.known.applied(stamp)
    return { key, bytes: encodeEntry(key, entry), carries }
  }

  /** Changes the map and everything that watches it. */
  apply(key: string, entry: Entry, nowMs: number, wire?: Uint8Array): boolean {
    const change = this.map.join(key, entry, undefined, wire)
    if (change === undefined) return false
    this.collector.note(change, nowMs)
    this.quota.note(change)
    this.dirty.add(key)
    return true
  }

  learn(key: string, carries: number): void {
    this.learned.set(key, (this.learned.get(key) ?? 0) | carries)
  }

  /** Judges an entry from elsewhere; nothing is applied. */
  judge(bytes: Uint8Array, nowMs: number): IngestResult {
    const { driftMsMax = 60_000 } = this.init
    const result = ingest({ get: key => this.staged(key) }, [bytes], {
      wallMs: this.wall(nowMs),
      driftMsMax,
      forgetting: this.forgetting,
      quota: this.quota
    })
    this.clock.receive(result.greatestStamp, this.wall(nowMs))
    return result
  }

  /** A broadcast arrives. Says whether it changed anything. */
  receive({ key, bytes, carries }: Message, nowMs: number): boolean {
    const { changed, rejected } = this.judge(bytes, nowMs)
    let any = false
    for (const { received, wire } of changed) any = this.apply(key, received, nowMs, wire) || any
    if (rejected.length === 0) this.learn(key, carries)
    return any
  }

  sweep(nowMs: number, budget: number): boolean {
    const changes = this.collector.sweep(this.map, nowMs, budget)
    for (const change of changes) {
      this.quota.note(change)
      this.dirty.add(change.key)
    }
    return changes.length > 0
  }

  /** Writes every row that waits, in one batch. */
  flush(): void {
    for (const key of this.dirty) {
      const entry = this.map.get(key)
      if (entry === undefined) this.disk.rows.delete(key)
      else this.disk.rows.set(key, encodeEntry(key, entry))
    }
    this.dirty.clear()
    this.disk.mark = this.clock.last
    this.disk.learned = new Map(this.learned)
  }

  /** A row is found damaged: it is gone, and nothing is certain any more. */
  loseRow(key: string, nowMs: number): TestReplica {
    this.flush()
    this.disk.rows.delete(key)
    this.disk.learned = new Map([...this.disk.learned, [key, 0]])
    if (!DRIVER_FAULTS.keepsKnownOnDoubt) {
      this.known.clear()
      this.disk.known.clear()
      for (const [replica, stamp] of this.known.stamps()) this.disk.known.set(replica, stamp)
    }
    return this.reopen(nowMs)
  }

  /** The process dies and starts again: what was not on disk is gone. */
  reopen(nowMs: number): TestReplica {
    return new TestReplica({ ...this.init, disk: this.disk }, nowMs)
  }
}
