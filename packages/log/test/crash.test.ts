import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { seededRandom } from '@starling/ports'
import { openStore } from '../src/index.ts'
import { contents, withFolder } from './row-fixtures.ts'

const APPENDER = join(import.meta.dirname, 'child', 'appender.mjs')
const CYCLES = Number(process.env['STARLING_KILL_CYCLES'] ?? 15)

/** Runs the appender and kills it once it has acknowledged `after` batches; the last acknowledged number. */
async function runAndKill(directory: string, after: number): Promise<number> {
  const child = spawn(process.execPath, [APPENDER, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  let last = -1
  let count = 0
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line)
    if (++count === after) child.kill('SIGKILL')
  }
  await exited
  return last
}

/** What the appender's first `count` batches leave. */
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

test(
  `after kill -9 at a random point a prefix of the appends is there, with every acknowledged one (${CYCLES} times)`,
  () =>
    withFolder(async directory => {
      const random = seededRandom('kill')
      let before = 0
      for (let cycle = 0; cycle < CYCLES; cycle++) {
        const acknowledged = await runAndKill(directory, 1 + random.below(400))
        const store = await openStore({ directory })
        const { recovered } = await store.openLog('crash')
        const found =
          Math.max(
            ...Array.from(recovered.rows, row => Number.parseInt(Buffer.from(row.value).toString(), 10))
          ) + 1
        expect(found).toBeGreaterThan(acknowledged)
        expect(found).toBeGreaterThan(before)
        expect(contents(recovered)).toEqual(model(found))
        expect(recovered.clockMark).toBe(BigInt(found - 1))
        expect(recovered.damaged).toBeUndefined()
        expect(recovered.quarantined).toEqual([])
        before = found
        await store.close()
      }
    }),
  60_000 + CYCLES * 2_000
)
