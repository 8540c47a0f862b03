import { EMPTY_ENTRY, joinEntries, type Entry } from '@starling/ormap'
import type { Group } from './commit-queue.ts'
import type { LogRow } from './ports.ts'
import type { ReplicaState } from './replica-state.ts'
import type { Write } from './stage-commit.ts'

interface Head {
  readonly entry: Entry
  /** The write that made exactly this entry, if one did: its encoding serves as the row. */
  readonly write: Write | undefined
}

/**
 * The rows of a batch, one head per key: the applied state joined with the batch's writes of the key. They are formed when the
 * batch is, not when a write was staged, so that each holds everything accepted up to here, and nothing of later batches,
 * whose callers may yet be told that nothing happened. A key that is gone leaves no rows.
 */
export function formRows(group: Group<Write>, { map, ledger }: ReplicaState): LogRow[] {
  const heads = new Map<string, Head>()
  for (const { writes } of group.commits) {
    for (const write of writes) {
      const held = heads.get(write.key)?.entry ?? map.get(write.key)
      const before = held && write.repair !== undefined ? write.repair(held) : held
      const entry = before === undefined ? write.entry : joinEntries(write.entry, before)
      heads.set(write.key, { entry, write: entry === write.entry ? write : undefined })
    }
  }
  const rows: LogRow[] = []
  for (const [key, { entry, write }] of heads) ledger.append(rows, key, entry, write?.encoded)
  const { touched } = group
  // By index: these are many, and the iterator would make an object for each.
  for (let i = 0; i < touched.length; i++) {
    const key = touched[i] as string
    if (heads.has(key)) continue
    const row = map.liveRow(key)
    // Beside the row, only the evidence is asked of an entry.
    const entry = row === undefined || row.hasEvidence ? map.get(key) : undefined
    ledger.append(rows, key, entry ?? EMPTY_ENTRY, row)
  }
  return rows
}
