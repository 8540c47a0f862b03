import type { Batch, Row } from '../workload.ts'
import { keyIn, valueIn, type MapContender, type MapReplica } from './map-contender.ts'

/** Values are JSON text, which is faster there than nested objects. */
export async function createAutomergeMap(): Promise<MapContender> {
  const { applyChanges, change, free, from, getLastLocalChange, load, save } =
    await import('@automerge/automerge')

  class AutomergeReplica implements MapReplica {
    #doc

    constructor(snapshot?: Uint8Array) {
      this.#doc = snapshot === undefined ? from({ m: {} }) : load(snapshot)
    }

    get size(): number {
      return Object.keys(this.#doc.m).length
    }

    get(key: string): Row | undefined {
      const text = this.#doc.m[key]
      return text === undefined ? undefined : (JSON.parse(text) as Row)
    }

    putAll(batch: Batch): void {
      for (let i = 0; i < batch.keys.length; i++) this.#put(keyIn(batch, i), valueIn(batch, i))
    }

    putAllWithDelta(batch: Batch): Uint8Array[] {
      const deltas: Uint8Array[] = []
      for (let i = 0; i < batch.keys.length; i++) {
        this.#put(keyIn(batch, i), valueIn(batch, i))
        deltas.push(getLastLocalChange(this.#doc) as Uint8Array)
      }
      return deltas
    }

    mergeAll(deltas: readonly Uint8Array[]): void {
      for (const delta of deltas) [this.#doc] = applyChanges(this.#doc, [delta])
    }

    fill(batches: Iterable<Batch>): void {
      this.#doc = change(this.#doc, draft => {
        for (const batch of batches) {
          for (let i = 0; i < batch.keys.length; i++)
            draft.m[keyIn(batch, i)] = JSON.stringify(valueIn(batch, i))
        }
      })
    }

    settle(): void {}

    snapshot(): Uint8Array {
      return save(this.#doc)
    }

    free(): void {
      free(this.#doc)
    }

    #put(key: string, value: Row): void {
      this.#doc = change(this.#doc, draft => {
        draft.m[key] = JSON.stringify(value)
      })
    }
  }

  return { create: () => new AutomergeReplica(), load: snapshot => new AutomergeReplica(snapshot) }
}
