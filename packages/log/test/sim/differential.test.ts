import fc from 'fast-check'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, expectTypeOf, test } from 'vitest'
import { seededRandom } from '@starling/ports'
import {
  SimDisk,
  SimLevel,
  type SimLevelOperation,
  type SimLevelRange,
  type SimLevelScan
} from '@starling/sim'
import type { KeyRange } from '../../src/keys.ts'
import { classicLevel, type Level, type LevelOperation, type LevelScan } from '../../src/level.ts'
import { bytesOfKey, bytesOfValue } from '../../src/scan-rows.ts'

test('a SimLevel is what the log takes for a database', () => {
  expectTypeOf<SimLevel>().toExtend<Level>()
  expectTypeOf<SimLevelScan>().toExtend<LevelScan>()
  expectTypeOf<LevelOperation>().toEqualTypeOf<SimLevelOperation>()
  expectTypeOf<KeyRange>().toExtend<SimLevelRange>()
})

const key = fc.uint8Array({ minLength: 1, maxLength: 3, max: 3 })
const change: fc.Arbitrary<LevelOperation> = fc.oneof(
  fc.record({ type: fc.constant('put' as const), key, value: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ type: fc.constant('del' as const), key })
)
type Step =
  | { readonly type: 'batch'; readonly changes: readonly LevelOperation[]; readonly sync: boolean }
  | { readonly type: 'get'; readonly key: Uint8Array }
  | { readonly type: 'scan'; readonly gte: Uint8Array; readonly lt: Uint8Array; readonly size: number }
  | { readonly type: 'scanOver'; readonly changes: readonly LevelOperation[] }
  | { readonly type: 'compact' }
  | { readonly type: 'reopen' }
const changes = fc.array(change, { maxLength: 6 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('batch' as const), changes, sync: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('get' as const), key }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('scan' as const),
      gte: fc.uint8Array({ maxLength: 3, max: 3 }),
      lt: fc.uint8Array({ maxLength: 3, max: 4 }),
      size: fc.integer({ min: 1, max: 20 })
    })
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('scanOver' as const), changes }) },
  { weight: 1, arbitrary: fc.constant({ type: 'compact' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'reopen' as const }) }
)

/** Everything that the script shows of a database. */
async function play(steps: readonly Step[], create: () => Level): Promise<string[]> {
  const seen: string[] = []
  let level = create()
  await level.open()
  for (const one of steps) {
    if (one.type === 'batch') await level.batch(one.changes, { sync: one.sync })
    else if (one.type === 'get') seen.push(hex((await level.get(one.key)) ?? new Uint8Array(0)))
    else if (one.type === 'scan') seen.push(await scanned(level.scan(one), one.size))
    else if (one.type === 'scanOver') {
      const scan = level.scan({ gte: Uint8Array.of(0), lt: Uint8Array.of(2) })
      await level.batch(one.changes, { sync: true })
      seen.push(await scanned(scan, 3))
    } else if (one.type === 'compact') await level.compact()
    else {
      await level.close()
      level = create()
      await level.open()
    }
  }
  seen.push(await scanned(level.scan({ gte: new Uint8Array(0), lt: Uint8Array.of(255) }), 5))
  await level.close()
  return seen
}

async function scanned(scan: LevelScan, size: number): Promise<string> {
  const found: string[] = []
  for (;;) {
    const entries = await scan.next(size)
    if (entries.length === 0) break
    found.push(entries.map(([k, value]) => `${hex(bytesOfKey(k))}=${hex(bytesOfValue(value))}`).join(' '))
  }
  await scan.close()
  return found.join(' | ')
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test('on any script without faults it shows what classic-level shows', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'starling-log-'))
  let runs = 0
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async steps => {
        const location = join(folder, String(runs++))
        const process = new SimDisk({ random: seededRandom(runs) }).process()
        const simulated = await play(steps, () => new SimLevel(process, '/db', { writeBufferBytes: 500 }))
        expect(simulated).toEqual(await play(steps, () => classicLevel(location)))
      }),
      { numRuns: Number(process.env['FC_RUNS'] ?? 100) }
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
