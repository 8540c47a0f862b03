import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runFresh } from '../fresh-process.ts'
import { interleave, messageOf, timeBatches, type Timed } from '../rounds.ts'
import { median } from '../statistics.ts'
import { FLOOR, OURS, type SuiteContext } from '../suite.ts'
import { batches, keyOf, overwrittenKey } from '../workload.ts'
import type { MemoryJob, MemoryResult } from './fresh-memory.ts'
import type { MapContender } from './map-contender.ts'

/** Writes that are timed at once. Deltas are made in as many, so that none but the last are kept. */
const BATCH = 1000
const WRITES = 1_000_000

/** Deltas merged in one round. They take the floor some tens of milliseconds. */
const MERGED = 20_000
const MERGED_QUICKLY = 5000

/** Deltas merged in one go between two looks at the clock, which tell a slow contender to stop. */
const GROUP = 20

/** Deltas merged before the clock starts. */
const FIRST_MERGED = 10

/** How long a contender may take over the deltas that it will merge, and over the overwrites in its own process, in budgets. */
const UNTIMED_BUDGETS = 8

/** The loops that measure map contenders. Each figure is by contender, ours included; who fails is left out and reported. */
export class MapBench {
  readonly #contenders: Map<string, MapContender>
  readonly #context: SuiteContext
  readonly #entries: number
  readonly #snapshots = new Map<number, Map<string, Uint8Array>>()

  constructor(contenders: Map<string, MapContender>, context: SuiteContext, entries: number) {
    this.#contenders = contenders
    this.#context = context
    this.#entries = entries
  }

  /** Milliseconds of one put without a delta. */
  put(): Promise<Map<string, number>> {
    this.#context.progress('put')
    return this.#rounds((_, contender) => {
      const replica = contender.create()
      const timed = this.#timed(batches(0, this.#entries, BATCH), batch => {
        replica.putAll(batch)
        return batch.keys.length
      })
      replica.free()
      return timed
    })
  }

  /** Milliseconds of one put with its delta, and the mean length of these deltas. */
  async putWithDelta(): Promise<{ perPutMs: Map<string, number>; deltaBytes: Map<string, number> }> {
    this.#context.progress('put-with-delta')
    const deltaBytes = new Map<string, number>()
    const perPutMs = await this.#rounds((name, contender) => {
      const replica = contender.create()
      let bytes = 0
      const timed = this.#timed(batches(0, this.#entries, BATCH), batch => {
        for (const delta of replica.putAllWithDelta(batch)) bytes += delta.length
        return batch.keys.length
      })
      replica.free()
      deltaBytes.set(name, bytes / timed.operations)
      return timed
    })
    return { perPutMs, deltaBytes }
  }

  /** Milliseconds of merging one delta, an overwrite of one of `entries` keys, into a replica that holds them all. */
  async mergeOne(entries: number): Promise<Map<string, number>> {
    this.#context.progress(`making deltas for a map of ${entries}`)
    const count = this.#context.effort.quick ? MERGED_QUICKLY : MERGED
    const deltas = new Map<string, readonly [first: Uint8Array[], rest: Uint8Array[]]>()
    this.#each((name, contender) => {
      const writer = contender.load(this.#snapshot(name, contender, entries))
      writer.settle()
      const made = this.#makeDeltas(writer, entries, count)
      deltas.set(name, [made.slice(0, FIRST_MERGED), made.slice(FIRST_MERGED)])
      writer.free()
    })
    this.#context.progress(`merging one delta into a map of ${entries}`)
    return this.#rounds((name, contender) => {
      const replica = contender.load(this.#snapshot(name, contender, entries))
      replica.settle()
      // What a library does once after loading, at its first delta, is not the cost of a delta.
      const [first = [], all = []] = deltas.get(name) ?? []
      replica.mergeAll(first)
      const groups = Array.from({ length: Math.ceil(all.length / GROUP) }, (_, i) =>
        all.slice(i * GROUP, (i + 1) * GROUP)
      )
      const timed = this.#timed(groups, group => {
        replica.mergeAll(group)
        return group.length
      })
      if (replica.size !== entries) throw new Error(`it holds ${replica.size} entries instead of ${entries}`)
      replica.free()
      return timed
    })
  }

  /** Milliseconds of one of 1,000,000 writes over 1,000 keys. */
  overwrite(): Promise<Map<string, number>> {
    this.#context.progress('overwrite-1m')
    return this.#rounds((_, contender) => {
      const replica = contender.create()
      const timed = this.#timed(batches(0, WRITES, BATCH, overwrittenKey), batch => {
        replica.putAll(batch)
        return batch.keys.length
      })
      replica.free()
      return timed
    })
  }

  /** Milliseconds of loading the snapshot until it can be read, and until nothing is put off. */
  async load(): Promise<{ readable: Map<string, number>; settled: Map<string, number> }> {
    this.#context.progress('load-100k')
    const entries = this.#entries
    const settledMs = new Map<string, number[]>()
    const readable = await this.#rounds((name, contender) => {
      const snapshot = this.#snapshot(name, contender, entries)
      const startMs = performance.now()
      const replica = contender.load(snapshot)
      if (replica.size !== entries || replica.get(keyOf(entries - 1))?.n !== entries - 1) {
        throw new Error('it did not load what was saved')
      }
      const elapsedMs = performance.now() - startMs
      replica.settle()
      const times = settledMs.get(name) ?? []
      settledMs.set(name, [...times, performance.now() - startMs])
      replica.free()
      return { elapsedMs, operations: 1 }
    })
    const settled = [...readable.keys()].map((name): [string, number] => {
      // The first round only warms up.
      const [, ...counted] = settledMs.get(name) ?? []
      return [name, median(counted)]
    })
    return { readable, settled: new Map(settled) }
  }

  /** Bytes of the snapshot. */
  snapshotBytes(): Map<string, number> {
    const bytes = new Map<string, number>()
    this.#each((name, contender) => bytes.set(name, this.#snapshot(name, contender, this.#entries).length))
    return bytes
  }

  /** What a million overwrites leave behind, in the snapshot and in memory. */
  async growth(): Promise<{ snapshotBytes: Map<string, number>; heapBytes: Map<string, number> }> {
    const budgetMs = this.#context.effort.budgetMs * UNTIMED_BUDGETS
    const snapshotBytes = new Map<string, number>()
    const heapBytes = new Map<string, number>()
    for (const name of this.#contenders.keys()) {
      this.#context.progress(`overwrite-growth of ${name}`)
      const result = await this.#fresh({ type: 'overwrite', contender: name, writes: WRITES, budgetMs })
      if (result?.type !== 'overwrite') continue
      if (result.done < WRITES) {
        this.#context.progress(`${name} did ${result.done} of ${WRITES} overwrites in the time it had`)
      }
      snapshotBytes.set(name, result.snapshotBytes)
      heapBytes.set(name, result.heapBytes)
    }
    return { snapshotBytes, heapBytes }
  }

  /** Bytes in memory for each entry of a loaded snapshot. */
  async heapPerEntry(): Promise<Map<string, number>> {
    const bytes = new Map<string, number>()
    const folder = mkdtempSync(join(tmpdir(), 'starling-bench-'))
    try {
      for (const [name, contender] of this.#contenders) {
        this.#context.progress(`heap-per-entry of ${name}`)
        const snapshotFile = join(folder, encodeURIComponent(name))
        writeFileSync(snapshotFile, this.#snapshot(name, contender, this.#entries))
        const result = await this.#fresh({ type: 'load', contender: name, snapshotFile })
        if (result?.type === 'load') bytes.set(name, result.bytes / result.entries)
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
    return bytes
  }

  /** The snapshot of a map with `entries` entries, made once. */
  #snapshot(name: string, contender: MapContender, entries: number): Uint8Array {
    let made = this.#snapshots.get(entries)
    if (made === undefined) this.#snapshots.set(entries, (made = new Map()))
    let snapshot = made.get(name)
    if (snapshot === undefined) {
      const replica = contender.create()
      replica.fill(batches(0, entries, BATCH))
      snapshot = replica.snapshot()
      replica.free()
      made.set(name, snapshot)
    }
    return snapshot
  }

  /** Deltas of overwrites all over the map; a slow contender makes fewer. */
  #makeDeltas(writer: ReturnType<MapContender['load']>, entries: number, count: number): Uint8Array[] {
    const deltas: Uint8Array[] = []
    const endMs = performance.now() + this.#context.effort.budgetMs * UNTIMED_BUDGETS
    for (const batch of batches(entries, entries + count, GROUP, i => (i * 7919) % entries)) {
      // A view on a buffer that the library uses again would not last.
      for (const delta of writer.putAllWithDelta(batch)) deltas.push(new Uint8Array(delta))
      if (performance.now() > endMs) break
    }
    return deltas
  }

  #timed<Batch>(all: Iterable<Batch>, work: (batch: Batch) => number): Timed {
    return timeBatches(all, this.#context.effort.budgetMs, work)
  }

  #rounds(run: (name: string, contender: MapContender) => Timed): Promise<Map<string, number>> {
    return interleave(
      [...this.#contenders].map(([name, contender]) => ({ name, run: () => run(name, contender) })),
      {
        ...this.#context.effort,

        onFailure: (name, reason) => this.#failed(name, reason)
      }
    )
  }

  #each(work: (name: string, contender: MapContender) => void): void {
    for (const [name, contender] of this.#contenders) {
      try {
        work(name, contender)
      } catch (error) {
        this.#failed(name, messageOf(error))
      }
    }
  }

  async #fresh(job: MemoryJob): Promise<MemoryResult | undefined> {
    try {
      return (await runFresh(new URL('fresh-memory.js', import.meta.url).href, job)) as MemoryResult
    } catch (error) {
      this.#failed(job.contender, messageOf(error))
      return undefined
    }
  }

  /** Who failed once is out: its other figures would be of something that does not work. */
  #failed(name: string, reason: string): void {
    if (name === OURS || name === FLOOR) throw new Error(`${name} failed: ${reason}`)
    this.#contenders.delete(name)
    this.#context.missing(name, reason)
  }
}
