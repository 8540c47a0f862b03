/** What one map contender keeps in memory, measured in a process of its own. */
import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { bytesInUse, watchWasm } from '../memory.ts'
import { batches, overwrittenKey, OVERWRITTEN_KEYS } from '../workload.ts'
import type { MapReplica } from './map-contender.ts'

export type MemoryJob =
  | { readonly type: 'load'; readonly contender: string; readonly snapshotFile: string }
  | {
      readonly type: 'overwrite'
      readonly contender: string
      readonly writes: number
      readonly budgetMs: number
    }

export type MemoryResult =
  | { readonly type: 'load'; readonly entries: number; readonly bytes: number }
  | {
      readonly type: 'overwrite'
      /** How many writes were done within the budget. */
      readonly done: number
      /** How much longer the snapshot is than that of a new map with the same contents. */
      readonly snapshotBytes: number
      readonly heapBytes: number
    }

export async function measure(job: MemoryJob): Promise<MemoryResult> {
  watchWasm()
  const { MAPS } = await import('./registry.ts')
  const contender = await MAPS[job.contender]?.()
  if (contender === undefined) throw new Error(`there is no contender ${job.contender}`)
  // What a library sets up once is not the map's.
  const first = contender.create()
  first.fill(batches(0, 1, 1))
  contender.load(first.snapshot()).free()
  first.free()
  if (job.type === 'load') return load(job.snapshotFile)
  return overwrite(job.writes, job.budgetMs)

  async function load(snapshotFile: string): Promise<MemoryResult> {
    const before = await settledBytes()
    const replica = loadFrom(snapshotFile)
    const bytes = (await settledBytes()) - before
    return { type: 'load', entries: replica.size, bytes }
  }

  /** In a function of its own, so that nothing on the stack keeps the snapshot. */
  function loadFrom(snapshotFile: string): MapReplica {
    const replica = (contender as NonNullable<typeof contender>).load(readFileSync(snapshotFile))
    replica.settle()
    replica.readyToSync?.()
    return replica
  }

  async function overwrite(writes: number, budgetMs: number): Promise<MemoryResult> {
    const { create } = contender as NonNullable<typeof contender>
    const replica = create()
    const endMs = performance.now() + budgetMs
    let done = OVERWRITTEN_KEYS
    replica.fill(batches(0, done, done, overwrittenKey))
    replica.settle()
    const before = await settledBytes()
    for (const batch of batches(done, writes, OVERWRITTEN_KEYS, overwrittenKey)) {
      replica.putAll(batch)
      done += batch.keys.length
      if (performance.now() > endMs) break
    }
    replica.settle()
    const heapBytes = (await settledBytes()) - before
    // Each key is written once in the last writes, so they are all of the contents.
    const fresh = create()
    fresh.fill(batches(done - OVERWRITTEN_KEYS, done, OVERWRITTEN_KEYS, overwrittenKey))
    const snapshotBytes = replica.snapshot().length - fresh.snapshot().length
    return { type: 'overwrite', done, snapshotBytes, heapBytes }
  }
}

/** Lets promises and finalisers run before counting. */
async function settledBytes(): Promise<number> {
  bytesInUse()
  await setImmediate()
  return bytesInUse()
}
