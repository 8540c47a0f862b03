import { Buffer } from 'node:buffer'
import type { Batch, Row } from '../workload.ts'
import { keyIn, valueIn, type MapContender, type MapReplica } from './map-contender.ts'

/** Values are JSON text, because the store takes only plain ones; its changes are plain data, so they travel as JSON. */
export async function createTinybaseMap(): Promise<MapContender> {
  const { createMergeableStore } = await import('tinybase')
  let replicas = 0

  class TinybaseReplica implements MapReplica {
    readonly #store = createMergeableStore(`replica${++replicas}`)
    #listening = false
    #update: Uint8Array | undefined

    constructor(snapshot?: Uint8Array) {
      if (snapshot !== undefined) this.#store.setMergeableContent(parse(snapshot))
    }

    get size(): number {
      return this.#store.getValueIds().length
    }

    get(key: string): Row | undefined {
      const text = this.#store.getValue(key)
      return text === undefined ? undefined : (JSON.parse(text) as Row)
    }

    putAll(batch: Batch): void {
      for (let i = 0; i < batch.keys.length; i++) {
        this.#store.setValue(keyIn(batch, i), JSON.stringify(valueIn(batch, i)))
      }
    }

    putAllWithDelta(batch: Batch): Uint8Array[] {
      if (!this.#listening) {
        this.#store.addDidFinishTransactionListener(() => {
          this.#update = Buffer.from(JSON.stringify(this.#store.getTransactionMergeableChanges()))
        })
      }
      this.#listening = true
      const deltas: Uint8Array[] = []
      for (let i = 0; i < batch.keys.length; i++) {
        this.#store.setValue(keyIn(batch, i), JSON.stringify(valueIn(batch, i)))
        deltas.push(this.#update as Uint8Array)
      }
      return deltas
    }

    mergeAll(deltas: readonly Uint8Array[]): void {
      for (const delta of deltas) this.#store.applyMergeableChanges(parse(delta))
    }

    fill(batches: Iterable<Batch>): void {
      this.#store.transaction(() => {
        for (const batch of batches) this.putAll(batch)
      })
    }

    settle(): void {}

    snapshot(): Uint8Array {
      return Buffer.from(JSON.stringify(this.#store.getMergeableContent()))
    }

    free(): void {}
  }

  return { create: () => new TinybaseReplica(), load: snapshot => new TinybaseReplica(snapshot) }
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'))
}
