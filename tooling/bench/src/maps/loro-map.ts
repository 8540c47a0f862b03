import type { Batch, Row } from '../workload.ts'
import { keyIn, valueIn, type MapContender, type MapReplica } from './map-contender.ts'

export async function createLoroMap(): Promise<MapContender> {
  const { LoroDoc } = await import('loro-crdt')

  class LoroReplica implements MapReplica {
    readonly #doc = new LoroDoc()
    readonly #map = this.#doc.getMap('map')
    #listening = false
    #update: Uint8Array | undefined

    constructor(snapshot?: Uint8Array) {
      if (snapshot !== undefined) this.#doc.import(snapshot)
    }

    get size(): number {
      return this.#map.size
    }

    get(key: string): Row | undefined {
      return this.#map.get(key) as Row | undefined
    }

    putAll(batch: Batch): void {
      for (let i = 0; i < batch.keys.length; i++) {
        this.#map.set(keyIn(batch, i), valueIn(batch, i))
        this.#doc.commit()
      }
    }

    putAllWithDelta(batch: Batch): Uint8Array[] {
      if (!this.#listening) this.#doc.subscribeLocalUpdates(update => (this.#update = update))
      this.#listening = true
      const deltas: Uint8Array[] = []
      for (let i = 0; i < batch.keys.length; i++) {
        this.#map.set(keyIn(batch, i), valueIn(batch, i))
        this.#doc.commit()
        deltas.push(this.#update as Uint8Array)
      }
      return deltas
    }

    mergeAll(deltas: readonly Uint8Array[]): void {
      for (const delta of deltas) this.#doc.import(delta)
    }

    fill(batches: Iterable<Batch>): void {
      for (const batch of batches) {
        for (let i = 0; i < batch.keys.length; i++) this.#map.set(keyIn(batch, i), valueIn(batch, i))
      }
      this.#doc.commit()
    }

    /** A loaded snapshot is decoded when it is first read. */
    settle(): void {
      for (const key of this.#map.keys()) this.#map.get(key)
    }

    snapshot(): Uint8Array {
      return this.#doc.export({ mode: 'snapshot' })
    }

    free(): void {
      this.#doc.free()
    }
  }

  return { create: () => new LoroReplica(), load: snapshot => new LoroReplica(snapshot) }
}
