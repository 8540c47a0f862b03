import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { seededRandom } from '@starling/ports'
import { openStore } from '../src/index.ts'
import { expectPrefix, recoveredFrom } from './appended.ts'
import { Counts } from './counts.ts'
import { RowModel, batch, contents, withFolder } from './row-fixtures.ts'

const CHILD = join(import.meta.dirname, 'child')
const CYCLES = Number(process.env['STARLING_KILL_CYCLES'] ?? 100)
const RECOVERIES = Number(process.env['STARLING_KILL_RECOVERIES'] ?? 24)

/** Runs a child and kills it at its `at`-th line; the lines it wrote. */
async function runAndKill(script: string, args: readonly string[], at: number): Promise<string[]> {
  const child = spawn(process.execPath, [join(CHILD, script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exited = once(child, 'exit')
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (lines.length === at) child.kill('SIGKILL')
  }
  await exited
  return lines
}

test(
  `after kill -9 at a random point a prefix of the appends is there, with every acknowledged one (${CYCLES} times)`,
  () =>
    withFolder(async directory => {
      const counts = new Counts('log-kill')
      const random = seededRandom(`kill ${counts.of('cycles')}`)
      let before = 0
      while (counts.of('cycles') < CYCLES) {
        const lines = await runAndKill('appender.mjs', [directory], 1 + random.below(300))
        const acknowledged = Number(lines.at(-1) ?? -1)
        const recovered = await recoveredFrom(directory)
        const found = expectPrefix(recovered)
        expect(found).toBeGreaterThan(acknowledged)
        expect(found).toBeGreaterThan(before)
        counts.add('cycles')
        counts.add('acknowledged appends', acknowledged + 1 - before)
        counts.add('lost', 0)
        before = found
      }
      process.stdout.write(`kill -9: ${counts}\n`)
    }),
  60_000 + CYCLES * 3_000
)

test(
  `kill -9 while a store is opened, verified or compacts changes nothing (${RECOVERIES} times)`,
  () =>
    withFolder(async folder => {
      const original = join(folder, 'original')
      const store = await openStore({ directory: original })
      const log = await store.openLog('crash')
      const owner = new RowModel()
      const rows = Array.from({ length: 12_000 }, (_, i) => owner.put(`k${i}`, `${i} ${'.'.repeat(i % 50)}`))
      await log.append(batch(rows, 77n))
      await store.close()

      const random = seededRandom('kill while recovering')
      const killedAt = new Map<string, number>()
      const directory = join(folder, 'killed')
      await cp(original, directory, { recursive: true })
      for (let i = 0; i < RECOVERIES; i++) {
        const stage = ['opening', 'verifying', 'compacting'][i % 3] as string
        const steps = stage === 'opening' ? 3 : stage === 'verifying' ? 5 : 12
        // Once it is compacting, the interesting lines come late.
        const from = stage === 'compacting' ? 5 : 1
        const lines = await runAndKill(
          'stages.mjs',
          [directory, stage],
          from + random.below(steps - from + 1)
        )
        const last = `${stage}: ${(lines.at(-1) ?? '').replaceAll(/\d+/g, 'n')}`
        killedAt.set(last, (killedAt.get(last) ?? 0) + 1)
        const recovered = await recoveredFrom(directory)
        expect(contents(recovered)).toEqual(owner.contents())
        expect(recovered.clockMark).toBe(77n)
      }
      process.stdout.write(`killed at: ${JSON.stringify(Object.fromEntries(killedAt))}\n`)
    }),
  60_000 + RECOVERIES * 5_000
)
