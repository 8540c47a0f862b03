import { openStore, type LogRow, type ReplicaLog, type Store } from '@starling/log'
import { createHash } from 'node:crypto'
import { keyOf, valueOf, type LogContender } from './log-contender.ts'

/** Hashing belongs to whoever encodes an entry; the log adds stored hashes. So they are there before the clock runs. */
const HASHES: readonly Uint8Array[] = Array.from(
  { length: 4096 },
  (_, i) => new Uint8Array(createHash('sha256').update(String(i)).digest())
)

export function hashOf(index: number): Uint8Array {
  return HASHES[index % HASHES.length] as Uint8Array
}

export function rowOf(key: number, value: number, replaced?: number): LogRow {
  return {
    kind: 'live',
    key: Buffer.from(keyOf(key)),
    value: Buffer.from(valueOf(value)),
    hash: hashOf(value),
    replaces: replaced === undefined ? undefined : hashOf(replaced)
  }
}

/** Ours, with everything it does: checksums, running sum, clock mark, ownership, compaction. */
export async function openStarlingLog(folder: string): Promise<LogContender> {
  const { store, log } = await openStarlingStore(folder)
  return {
    append: index => log.append({ rows: [rowOf(index, index)], clockMark: BigInt(index) }),
    close: () => store.close()
  }
}

export async function openStarlingStore(
  folder: string
): Promise<{ readonly store: Store; readonly log: ReplicaLog }> {
  const store = await openStore({ directory: folder })
  return { store, log: await store.openLog('bench') }
}
