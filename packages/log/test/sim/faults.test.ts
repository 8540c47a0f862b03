import { expect, test, vi } from 'vitest'
import { createSimulation, type DiskFault } from '@starling/sim'
import { StoreOpenError } from '../../src/index.ts'
import { History } from './history.ts'
import { Machine, simulated, type OpenStore } from './machine.ts'
import { mixed } from './workloads.ts'

vi.mock('node:fs/promises', () => import('./sim-files.ts'))

const workload = mixed(() => 'sync')

function opened(machine: Machine): Promise<OpenStore> {
  return machine.open(workload.logs, () => 'sync')
}

/** Every so many bytes one bit; `STARLING_FLIP_EVERY=1` flips one in each byte. */
const FLIP_EVERY = Number(process.env['STARLING_FLIP_EVERY'] ?? 7)

/** Plays the workload without a fault. */
async function finished(machine: Machine): Promise<History> {
  const history = new History()
  for (const life of workload.lives) {
    const open = await opened(machine)
    await life(open, history)
    await open.store.close()
  }
  return history
}

test(
  `LOG-I10: a bit flipped in every ${FLIP_EVERY}th byte of all files never gives a wrong value or a silent hole`,
  async ({ annotate }) => {
    const whole = new Machine({ seed: 1 })
    const history = await finished(whole)
    const inItsLog = { image: whole.disk.image(), files: whole.disk.files() }
    // Opening moves what was in the database's log to a table.
    await (await opened(whole)).store.close()
    const inTables = { image: whole.disk.image(), files: whole.disk.files() }
    const outcomes = { unaffected: 0, damaged: 0, refused: 0 }
    const places = [inItsLog, inTables].flatMap(({ image, files }) => files.map(file => ({ image, ...file })))
    for (const { image, path, size } of places) {
      for (let byte = 0; byte < size; byte += FLIP_EVERY) {
        const machine = new Machine({ seed: byte, image })
        machine.disk.flipBit(path, byte * 8 + (byte % 8))
        history.excuses.damage = true
        try {
          const { recovered } = await opened(machine)
          history.check(recovered, history.promised.synced)
          const damaged = [...recovered.values()].some(one => one.damaged !== undefined)
          // The mark and the lock are not the data: what is wrong in them is nobody's loss.
          if (!path.includes('/store/')) expect(damaged).toBe(false)
          outcomes[damaged ? 'damaged' : 'unaffected']++
        } catch (error) {
          if (!(error instanceof StoreOpenError) || error.reason !== 'corrupt') throw error
          outcomes.refused++
        }
      }
    }
    await annotate(JSON.stringify(outcomes))
    expect(outcomes.unaffected + outcomes.damaged + outcomes.refused).toBeGreaterThan(1_000)
    for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(10)
  },
  60_000 + 600_000 / FLIP_EVERY
)

test('LOG-I10: a block that the database drops from the middle of its log is noticed', async () => {
  const whole = new Machine({ seed: 1, writeBufferBytes: 1_000_000 })
  const history = new History()
  const open = await opened(whole)
  for (let i = 0; i < 90; i++) {
    const changes = [{ kind: 'live', key: `k${i % 7}`, value: `${i} `.padEnd(900, '.') }] as const
    await open.append(history, i < 30 && i % 2 === 0 ? 'b' : 'a', changes, BigInt(i))
  }
  await open.store.close()
  const image = whole.disk.image()
  const log = whole.disk.files().find(({ path, size }) => path.endsWith('.log') && size > 0)
  expect(log?.size).toBeGreaterThan(80_000)
  let damaged = 0
  for (let byte = 0; byte < (log?.size ?? 0); byte += 997) {
    const machine = new Machine({ seed: byte, image, writeBufferBytes: 1_000_000 })
    machine.disk.flipBit(log?.path ?? '', byte * 8)
    history.excuses.damage = true
    const { recovered } = await opened(machine)
    history.check(recovered, history.promised.synced)
    // Rows that were written again in a later block are no loss, so not every dropped block is damage.
    if (recovered.get('a')?.damaged !== undefined) damaged++
  }
  expect(damaged).toBeGreaterThan(10)
})

test.each<[DiskFault['type'], (n: number) => DiskFault]>([
  ['writeError', nth => ({ type: 'writeError', nth })],
  ['syncError', nth => ({ type: 'syncError', nth })],
  ['readError', nth => ({ type: 'readError', nth })],
  ['full', n => ({ type: 'full', bytes: (n - 1) * 149 })]
])(
  'whichever call fails with %s, what was acknowledged is found, and nothing else is claimed',
  async (type, fault) => {
    let hits = 0
    for (let n = 1; ; n++) {
      for (const cut of [false, true]) {
        const machine = new Machine({ seed: n })
        const hit = (): boolean => machine.disk.counters[COUNTERS[type as keyof typeof COUNTERS]] > 0
        const history = new History()
        machine.disk.inject(fault(n))
        await simulated(createSimulation({ seed: n }), async () => {
          for (const life of workload.lives) await survive(machine, history, hit, life, cut)
          machine.disk.heal()
          await survive(machine, history, hit, async () => {}, false)
        })
        if (hit()) hits++
        else if (cut) {
          expect(hits).toBeGreaterThan(20)
          return
        }
      }
    }
  }
)

const COUNTERS = {
  writeError: 'writeErrors',
  syncError: 'syncErrors',
  readError: 'readErrors',
  full: 'fullErrors'
} as const

/** One life: only the fault excuses a refusal, only a read error damage, and only a power cut on top of it a loss. */
async function survive(
  machine: Machine,
  history: History,
  hit: () => boolean,
  life: (open: OpenStore, history: History) => Promise<void>,
  cut: boolean
): Promise<void> {
  let open: OpenStore
  try {
    open = await opened(machine)
  } catch (error) {
    expect(error).toBeInstanceOf(StoreOpenError)
    expect(hit()).toBe(true)
    machine.disk.heal()
    open = await opened(machine)
  }
  // LevelDB takes a log that it cannot read for an empty one; the side mark misses its end unless a power cut took that too.
  history.excuses.damage = machine.disk.counters.readErrors > 0
  history.excuses.loss = history.excuses.damage && machine.disk.counters.powerCuts > 0
  history.check(open.recovered, history.promised.synced)
  history.accept(open.recovered)
  await life(open, history)
  if (cut) machine.disk.powerCut()
  else await open.store.close().catch(() => expect(hit()).toBe(true))
}

test('a lying disk is found out: what it confirmed is gone after a power cut', async () => {
  let lost = 0
  for (let seed = 0; seed < 10; seed++) {
    const machine = new Machine({ seed })
    const history = new History()
    machine.disk.inject({ type: 'lyingSync', on: true })
    await workload.lives[0]?.(await opened(machine), history)
    machine.disk.powerCut()
    const outcome = opened(machine).then(open => history.check(open.recovered, history.promised.synced))
    await outcome.catch(() => lost++)
  }
  expect(lost).toBe(10)
})

test('a database put back to an older state under its mark says so', async () => {
  const machine = new Machine({ seed: 1 })
  const history = new History()
  const open = await opened(machine)
  await open.append(history, 'a', [{ kind: 'live', key: 'k', value: '1' }], 1n)
  const older = machine.disk.image()
  await open.append(history, 'a', [{ kind: 'live', key: 'k', value: '2' }], 2n)
  await open.store.close()
  const newer = machine.disk.image()
  const mark = newer.folders.get([...(newer.folders.get(0)?.values() ?? [])][0]?.id ?? -1)?.get('mark')?.id
  const content = newer.files.get(mark ?? -1)
  expect(content?.length).toBeGreaterThan(0)
  machine.disk.restore({ ...older, files: new Map([...older.files, [mark ?? -1, content as Uint8Array]]) })
  const found = (await opened(machine)).recovered.get('a')
  expect(found?.damaged?.damage.map(one => one.type)).toContain('behindMark')
  expect(found?.clockMark).toBe(2n)
})
