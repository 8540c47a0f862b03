import { expect } from 'vitest'
import { openStore, type RecoveredLog } from '../src/index.ts'
import { contents } from './row-fixtures.ts'

/** What the first `count` batches of `child/appender.mjs` leave. */
function model(count: number): Record<string, string> {
  const rows = new Map<string, string>()
  for (let i = 0; i < count; i++) {
    const value = `${i} ${'.'.repeat((i * 7919) % 900)}`
    rows.set(`live k${i % 37}`, value)
    rows.set(`evidence k${i % 37}`, String(i))
    rows.delete(`live x${i - 5}`)
    rows.set(`live x${i}`, value)
  }
  return Object.fromEntries([...rows].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** What is found holds the appender's first batches, all of each, and no more. Returns how many. */
export function expectPrefix(recovered: RecoveredLog): number {
  const numbers = Array.from(recovered.rows, row => Number.parseInt(Buffer.from(row.value).toString(), 10))
  const found = Math.max(-1, ...numbers) + 1
  expect(contents(recovered)).toEqual(model(found))
  expect(recovered.clockMark).toBe(BigInt(Math.max(0, found - 1)))
  return found
}

/** What the store in a folder holds, which has to be undamaged. */
export async function recoveredFrom(directory: string): Promise<RecoveredLog> {
  const store = await openStore({ directory })
  try {
    const { recovered } = await store.openLog('crash')
    expect(recovered.damaged).toBeUndefined()
    expect(recovered.quarantined).toEqual([])
    return recovered
  } finally {
    await store.close()
  }
}
