import { Buffer } from 'node:buffer'
import type { Batch, Row } from '../workload.ts'
import { keyIn, valueIn, type MapContender, type MapReplica } from './map-contender.ts'

/** A written value: the last writer wins, by wall time, then counter, then id. */
interface Cell {
  readonly v: Row
  readonly wall: number
  readonly counter: number
  readonly id: string
}

/** A cell with its key, as it travels: short, because the names of the fields would be most of it. */
type Sent = readonly [key: string, v: Row, wall: number, counter: number, id: string]

/**
 * The least that a replicated map can be: a plain Map, the last writer wins, deltas and snapshots are JSON. It loses writes that
 * another replica made at the same time, checks nothing, cannot remove, and has no fingerprint.
 */
export const floorMap: MapContender = {
  create: () => new FloorReplica(),
  load(snapshot) {
    const replica = new FloorReplica()
    const buffer = Buffer.from(snapshot.buffer, snapshot.byteOffset, snapshot.length)
    for (const [key, v, wall, counter, id] of JSON.parse(buffer.toString('utf8')) as Sent[]) {
      replica.apply(key, { v, wall, counter, id })
    }
    return replica
  }
}

let replicas = 0

export class FloorReplica implements MapReplica {
  readonly #cells = new Map<string, Cell>()
  readonly #id = (++replicas).toString(36)
  #wall = 0
  #counter = 0

  get size(): number {
    return this.#cells.size
  }

  get(key: string): Row | undefined {
    return this.#cells.get(key)?.v
  }

  /** Takes in one cell. */
  apply(key: string, cell: Cell): void {
    const mine = this.#cells.get(key)
    if (mine === undefined || isNewer(cell, mine)) this.#cells.set(key, cell)
  }

  putAll(batch: Batch): void {
    for (let i = 0; i < batch.keys.length; i++)
      this.#cells.set(keyIn(batch, i), this.#stamped(valueIn(batch, i)))
  }

  putAllWithDelta(batch: Batch): Uint8Array[] {
    const deltas: Uint8Array[] = []
    for (let i = 0; i < batch.keys.length; i++) {
      const key = keyIn(batch, i)
      const cell = this.#stamped(valueIn(batch, i))
      this.#cells.set(key, cell)
      deltas.push(Buffer.from(JSON.stringify(sent(key, cell))))
    }
    return deltas
  }

  mergeAll(deltas: readonly Uint8Array[]): void {
    for (const delta of deltas) {
      const buffer = Buffer.from(delta.buffer, delta.byteOffset, delta.length)
      const [key, v, wall, counter, id] = JSON.parse(buffer.toString('utf8')) as Sent
      this.apply(key, { v, wall, counter, id })
    }
  }

  fill(batches: Iterable<Batch>): void {
    for (const batch of batches) this.putAll(batch)
  }

  settle(): void {}

  snapshot(): Uint8Array {
    return Buffer.from(JSON.stringify(Array.from(this.#cells, ([key, cell]) => sent(key, cell))))
  }

  free(): void {}

  #stamped(v: Row): Cell {
    const now = Date.now()
    if (now > this.#wall) {
      this.#wall = now
      this.#counter = 0
    } else {
      this.#counter++
    }
    return { v, wall: this.#wall, counter: this.#counter, id: this.#id }
  }
}

function sent(key: string, { v, wall, counter, id }: Cell): Sent {
  return [key, v, wall, counter, id]
}

function isNewer(a: Cell, b: Cell): boolean {
  if (a.wall !== b.wall) return a.wall > b.wall
  if (a.counter !== b.counter) return a.counter > b.counter
  return a.id > b.id
}
