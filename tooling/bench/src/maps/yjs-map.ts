import type { Batch, Row } from '../workload.ts'
import { keyIn, valueIn, type MapContender, type MapReplica } from './map-contender.ts'

export async function createYjsMap(): Promise<MapContender> {
  const { applyUpdate, Doc, encodeStateAsUpdate } = await import('yjs')

  class YjsReplica implements MapReplica {
    readonly #doc = new Doc()
    readonly #map = this.#doc.getMap('map')
    #listening = false
    #update: Uint8Array | undefined

    constructor(snapshot?: Uint8Array) {
      if (snapshot !== undefined) applyUpdate(this.#doc, snapshot)
    }

    get size(): number {
      return this.#map.size
    }

    get(key: string): Row | undefined {
      return this.#map.get(key) as Row | undefined
    }

    putAll(batch: Batch): void {
      for (let i = 0; i < batch.keys.length; i++) this.#map.set(keyIn(batch, i), valueIn(batch, i))
    }

    putAllWithDelta(batch: Batch): Uint8Array[] {
      // Without a listener the library does not encode updates.
      if (!this.#listening) this.#doc.on('update', update => (this.#update = update))
      this.#listening = true
      const deltas: Uint8Array[] = []
      for (let i = 0; i < batch.keys.length; i++) {
        this.#map.set(keyIn(batch, i), valueIn(batch, i))
        deltas.push(this.#update as Uint8Array)
      }
      return deltas
    }

    mergeAll(deltas: readonly Uint8Array[]): void {
      for (const delta of deltas) applyUpdate(this.#doc, delta)
    }

    fill(batches: Iterable<Batch>): void {
      this.#doc.transact(() => {
        for (const batch of batches) this.putAll(batch)
      })
    }

    settle(): void {}

    snapshot(): Uint8Array {
      return encodeStateAsUpdate(this.#doc)
    }

    free(): void {
      this.#doc.destroy()
    }
  }

  return { create: () => new YjsReplica(), load: snapshot => new YjsReplica(snapshot) }
}
