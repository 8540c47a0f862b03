import { ByteReader, ByteWriter, DecodeError, equalBytes } from '@starling/codec'
import type { Stamp } from '@starling/hlc'
import {
  Known,
  REPLICA_ID_BYTES,
  replicaIdBytes,
  replicaIdOf,
  type KnownRow,
  type ReplicaId
} from '@starling/ormap'
import type { Random } from '@starling/ports'
import type { RecoveredRow } from './ports.ts'
import type { SideRows } from './side-rows.ts'

/** The key of the row about the others; a replica id is longer. */
const ABOUT_KEY = Uint8Array.of(0)

const GENERATION_BYTES = 8

/** A clock that was set back: marks up to `mark` say nothing any more, and stamps go on above `clock`. */
export interface RepairedClock {
  readonly mark: Stamp
  readonly clock: Stamp
}

const NEVER_REPAIRED: RepairedClock = { mark: 0n, clock: 0n }

interface About {
  readonly generation: Uint8Array
  readonly repaired: RepairedClock
}

/**
 * What is known of other writers, in the store: one row for each replica id, and one that names the generation which counts.
 * Forgetting everything takes a new generation, so that it is one row and never happens by halves.
 */
export class KnownRows {
  readonly #rows: SideRows
  readonly #random: Random
  #about: About | undefined
  /** Rows that are there, also of generations that do not count. */
  readonly #ids: Set<ReplicaId>
  /** What was loaded. */
  readonly known: Known
  /** Rows that could not be read. */
  readonly bad: number

  /** @param recovered the rows of the kind `known`, which `rows` has loaded already. */
  constructor(rows: SideRows, recovered: readonly RecoveredRow[], random: Random) {
    this.#rows = rows
    this.#random = random
    const { about, stamps, ids, bad } = readRows(recovered)
    this.#about = about
    this.#ids = ids
    this.known = new Known(stamps)
    this.bad = bad
  }

  get repaired(): RepairedClock {
    return this.#about?.repaired ?? NEVER_REPAIRED
  }

  /** What is known of these ids rose. */
  note(rows: Iterable<KnownRow>): void {
    for (const [replica, stamp] of rows) {
      const about = this.#about ?? this.#renew(NEVER_REPAIRED)
      const value = new ByteWriter(GENERATION_BYTES + 8).raw(about.generation).u64(stamp).finish()
      this.#rows.put('known', replicaIdBytes(replica), value)
      this.#ids.add(replica)
    }
  }

  forget(replicas: Iterable<ReplicaId>): void {
    for (const replica of replicas) {
      this.#rows.delete('known', replicaIdBytes(replica))
      this.#ids.delete(replica)
    }
  }

  /** Nothing is known any more. */
  clear(repaired: RepairedClock = this.repaired): void {
    if (this.#about !== undefined || this.#ids.size > 0 || repaired !== NEVER_REPAIRED) this.#renew(repaired)
    this.forget([...this.#ids])
  }

  #renew(repaired: RepairedClock): About {
    const about = { generation: this.#random.bytes(GENERATION_BYTES), repaired }
    this.#about = about
    const writer = new ByteWriter(GENERATION_BYTES + 16).raw(about.generation)
    this.#rows.put('known', ABOUT_KEY, writer.u64(repaired.mark).u64(repaired.clock).finish())
    return about
  }
}

function readRows(recovered: readonly RecoveredRow[]): {
  readonly about: About | undefined
  readonly stamps: readonly KnownRow[]
  readonly ids: Set<ReplicaId>
  readonly bad: number
} {
  let about: About | undefined
  let bad = 0
  const found: { readonly replica: ReplicaId; readonly generation: Uint8Array; readonly stamp: Stamp }[] = []
  for (const { key, value } of recovered) {
    try {
      const reader = new ByteReader(value)
      const generation = new Uint8Array(reader.raw(GENERATION_BYTES))
      const first = reader.u64()
      if (key.length === REPLICA_ID_BYTES) found.push({ replica: replicaIdOf(key), generation, stamp: first })
      else if (equalBytes(key, ABOUT_KEY))
        about = { generation, repaired: { mark: first, clock: reader.u64() } }
      else bad++
      reader.end()
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      bad++
    }
  }
  const stamps = found
    .filter(({ generation }) => about !== undefined && equalBytes(generation, about.generation))
    .map(({ replica, stamp }): KnownRow => [replica, stamp])
  return { about, stamps, ids: new Set(found.map(({ replica }) => replica)), bad }
}
