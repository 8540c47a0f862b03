import { ByteReader, ByteWriter, decodeValue, encodeValue } from '@starling/codec'
import { HybridLogicalClock } from '@starling/hlc'
import {
  encodeEntry,
  encodeSnapshot,
  ingest,
  loadSnapshot,
  ObservedRemoveMap,
  putEntry,
  replicaIdOf,
  winner,
  type ReplicaId
} from '@starling/ormap'
import { systemHash, systemRandom } from '@starling/ports/system'
import { FingerprintTree } from '@starling/reconcile'
import type { Batch, Row } from '../workload.ts'
import { keyIn, valueIn, type MapContender, type MapReplica } from './map-contender.ts'

/** Ours: the observed-remove map with its clock, its validation of what comes from elsewhere and its fingerprint. */
export const starlingMap: MapContender = {
  create: () => new StarlingReplica(),
  load: snapshot => new StarlingReplica(snapshot)
}

class StarlingReplica implements MapReplica {
  readonly #map = new ObservedRemoveMap(systemHash)
  readonly #clock = new HybridLogicalClock()
  readonly #id: ReplicaId = replicaIdOf(systemRandom.bytes(8))

  #tree: FingerprintTree | undefined

  constructor(snapshot?: Uint8Array) {
    if (snapshot === undefined) return
    const wallMs = Date.now()
    const reader = new ByteReader(snapshot)
    while (reader.remaining > 0) {
      const piece = reader.bytes(snapshot.length)
      const { rejected, greatestStamp } = loadSnapshot(this.#map, piece, { wallMs })
      if (rejected.length > 0) throw new Error(`refused: ${rejected[0]?.reason}`)
      this.#clock.receive(greatestStamp, wallMs)
    }
  }

  get size(): number {
    return this.#map.size
  }

  get(key: string): Row | undefined {
    const entry = this.#map.get(key)
    const dot = entry === undefined ? undefined : winner(entry)
    if (dot === undefined) return undefined
    const value: unknown = decodeValue(dot.value)
    return value as Row
  }

  putAll(batch: Batch): void {
    for (let i = 0; i < batch.keys.length; i++) {
      const key = keyIn(batch, i)
      const stamp = this.#clock.now(Date.now())
      this.#map.join(key, putEntry(this.#map.get(key), this.#id, stamp, encodeValue(valueIn(batch, i))))
    }
  }

  putAllWithDelta(batch: Batch): Uint8Array[] {
    const deltas: Uint8Array[] = []
    for (let i = 0; i < batch.keys.length; i++) {
      const key = keyIn(batch, i)
      const stamp = this.#clock.now(Date.now())
      const entry = putEntry(this.#map.get(key), this.#id, stamp, encodeValue(valueIn(batch, i)))
      const delta = encodeEntry(key, entry)
      this.#map.join(key, entry, undefined, delta)
      deltas.push(delta)
    }
    return deltas
  }

  /** Each delta is checked, joined, seen by the clock, and part of the fingerprint before the next. */
  mergeAll(deltas: readonly Uint8Array[]): void {
    for (const delta of deltas) {
      const wallMs = Date.now()
      const { changed, rejected, greatestStamp } = ingest(this.#map, [delta], { wallMs })
      if (rejected.length > 0) throw new Error(`refused: ${rejected[0]?.reason}`)
      this.#clock.receive(greatestStamp, wallMs)
      for (const { key, received, wire } of changed) this.#map.join(key, received, undefined, wire)
      this.settle()
    }
  }

  fill(batches: Iterable<Batch>): void {
    for (const batch of batches) this.putAll(batch)
  }

  /** Brings the fingerprint up to date. */
  settle(): void {
    if (this.#map.root.count !== this.#map.size) throw new Error('the fingerprint lags behind')
  }

  /** The tree that finds out which entries two replicas do not share. */
  readyToSync(): void {
    this.#tree = new FingerprintTree()
    let ref = 0
    for (const [key, entry] of this.#map.entries()) {
      const hash = this.#map.itemHash(key)
      const stamp = winner(entry)?.stamp
      if (hash === undefined || stamp === undefined) throw new Error('a live entry has a hash and a stamp')
      this.#tree.insert(stamp, hash, ref++)
    }
    if (this.#tree.count !== this.size) throw new Error('the tree lacks entries')
  }

  snapshot(): Uint8Array {
    const writer = new ByteWriter()
    for (const piece of encodeSnapshot(this.#map)) writer.bytes(piece)
    return writer.finish()
  }

  free(): void {}
}
