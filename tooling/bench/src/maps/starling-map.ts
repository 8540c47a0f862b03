import { ByteReader, ByteWriter, decodeValue, encodeValue } from '@starling/codec'
import { HybridLogicalClock } from '@starling/hlc'
import {
  encodeEntry,
  ingest,
  ObservedRemoveMap,
  putEntry,
  replicaIdOf,
  winner,
  type ReplicaId
} from '@starling/ormap'
import { systemHash, systemRandom } from '@starling/ports/system'
import type { Batch, Row } from '../workload.ts'
import { keyIn, valueIn, type MapContender, type MapReplica } from './map-contender.ts'

/** Entries that one call takes in while a snapshot is loaded. */
const LOADED_AT_ONCE = 1000

/** Ours: the observed-remove map with its clock, its validation of what comes from elsewhere and its fingerprint. */
export const starlingMap: MapContender = {
  create: () => new StarlingReplica(),
  load(snapshot) {
    const replica = new StarlingReplica()
    const reader = new ByteReader(snapshot)
    let entries: Uint8Array[] = []
    while (reader.remaining > 0) {
      entries.push(reader.bytes(snapshot.length))
      if (entries.length < LOADED_AT_ONCE && reader.remaining > 0) continue
      replica.take(entries)
      entries = []
    }
    return replica
  }
}

class StarlingReplica implements MapReplica {
  readonly #map = new ObservedRemoveMap(systemHash)
  readonly #clock = new HybridLogicalClock()
  readonly #id: ReplicaId = replicaIdOf(systemRandom.bytes(8))

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
      this.#map.join(
        key,
        putEntry(this.#map.get(key), this.#id, stamp, encodeValue({ ...valueIn(batch, i) }))
      )
    }
  }

  putAllWithDelta(batch: Batch): Uint8Array[] {
    const deltas: Uint8Array[] = []
    for (let i = 0; i < batch.keys.length; i++) {
      const key = keyIn(batch, i)
      const stamp = this.#clock.now(Date.now())
      const entry = putEntry(this.#map.get(key), this.#id, stamp, encodeValue({ ...valueIn(batch, i) }))
      deltas.push(encodeEntry(key, entry))
      this.#map.join(key, entry)
    }
    return deltas
  }

  mergeAll(deltas: readonly Uint8Array[]): void {
    for (const delta of deltas) this.take([delta])
  }

  /** Takes in entries as from a peer: checked, joined, seen by the clock, and part of the fingerprint when it returns. */
  take(entries: readonly Uint8Array[]): void {
    const wallMs = Date.now()
    const { changed, rejected, greatestStamp } = ingest(this.#map, entries, { wallMs })
    if (rejected.length > 0) throw new Error(`refused: ${rejected[0]?.reason}`)
    this.#clock.receive(greatestStamp, wallMs)
    for (const { key, received } of changed) this.#map.join(key, received)
    if (this.#map.root.count !== this.#map.size) throw new Error('the fingerprint lags behind')
  }

  fill(batches: Iterable<Batch>): void {
    for (const batch of batches) this.putAll(batch)
  }

  settle(): void {
    if (this.#map.root.count !== this.#map.size) throw new Error('the fingerprint lags behind')
  }

  snapshot(): Uint8Array {
    const writer = new ByteWriter(1 << 20)
    for (const [key, entry] of this.#map.allEntries()) writer.bytes(encodeEntry(key, entry))
    return writer.finish()
  }

  free(): void {}
}
