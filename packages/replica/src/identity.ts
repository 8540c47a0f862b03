import { HybridLogicalClock, type Stamp } from '@starling/hlc'
import { REPLICA_ID_BYTES, replicaIdOf, type Known, type ReplicaId } from '@starling/ormap'
import type { Clock, Random } from '@starling/ports'
import type { KnownRows, RepairedClock } from './known-rows.ts'

/** What an identity is made with. */
export interface IdentityInit {
  readonly clock: Clock
  readonly random: Random
  readonly knownRows: KnownRows
  readonly driftMsMax: number
  /** Not below any stamp that was ever issued or stored here. */
  readonly floor: Stamp
  /** Stamps may leave the process without a synced write, so the clock's floor is stored ahead of them. */
  readonly reserves: boolean
}

/**
 * Who this replica is, and its clock. An id belongs to one opening, and to one stretch of it in which nothing gave reason to
 * doubt that this process alone writes under it and that its store is whole.
 */
export class Identity {
  readonly #init: IdentityInit
  #clock: HybridLogicalClock
  #reserved: Stamp = 0n
  #id: ReplicaId | undefined
  #offsetMs: number

  constructor(init: IdentityInit) {
    this.#init = init
    this.#clock = this.#makeClock(init.floor)
    this.#offsetMs = this.#readOffset()
  }

  get clock(): HybridLogicalClock {
    return this.#clock
  }

  get known(): Known {
    return this.#init.knownRows.known
  }

  /** The id that own writes carry; `undefined` before the first. */
  get current(): ReplicaId | undefined {
    return this.#id
  }

  /** What a batch says about the clock: no later opening issues a stamp below it. */
  get mark(): Stamp {
    const { last } = this.#clock
    return last > this.#reserved ? last : this.#reserved
  }

  /** The id for a write, drawn when it is first asked for. */
  writer(): ReplicaId {
    if (this.#id === undefined) {
      this.#id = replicaIdOf(this.#init.random.bytes(REPLICA_ID_BYTES))
      this.#init.knownRows.note(this.known.begin(this.#id))
    }
    return this.#id
  }

  /** The next write has another id. What is known stays, of the former id too. */
  renew(): void {
    this.#id = undefined
  }

  /** Something may be missing here, or somebody else may write under this id: nothing is known any more, and the id is done with. */
  doubt(repaired?: RepairedClock): void {
    this.known.clear()
    this.#init.knownRows.clear(repaired)
    this.#id = undefined
  }

  /**
   * Whether wall and monotonic time have parted by more than the drift bound since this was last asked: the machine slept, or this
   * process is a copy that was resumed.
   */
  hasParted(): boolean {
    const offsetMs = this.#readOffset()
    const partedMs = Math.abs(offsetMs - this.#offsetMs)
    this.#offsetMs = offsetMs
    return partedMs > this.#init.driftMsMax
  }

  /** Starts the clock again, from a stamp that may lie below all before. */
  restartClock(floor: Stamp): void {
    this.#reserved = 0n
    this.#clock = this.#makeClock(floor)
  }

  #readOffset(): number {
    const { clock } = this.#init
    return clock.wallMs() - clock.monotonicMs()
  }

  #makeClock(floor: Stamp): HybridLogicalClock {
    const { driftMsMax, reserves } = this.#init
    return new HybridLogicalClock({
      floor,
      driftMsMax,
      ...(reserves ? { onReserve: (reserved: Stamp) => void (this.#reserved = reserved) } : {})
    })
  }
}
