import { expect, test, vi } from 'vitest'
import { crashImages } from '@starling/sim'
import { seededRandom } from '@starling/ports'
import { contents } from '../row-fixtures.ts'
import { History } from './history.ts'
import { DIRECTORY, Machine } from './machine.ts'

vi.mock('node:fs/promises', () => import('./sim-files.ts'))

const put = (value: string) => [{ kind: 'live', key: 'n', value }] as const

/** The image that keeps nothing of what was not synced. */
function barest(machine: Machine): ReturnType<typeof crashImages>['images'][number] | undefined {
  return crashImages(machine.disk.state(), seededRandom(0), 10).images[0]
}

test('what a caller was told has taken effect survives a power cut', async () => {
  for (let seed = 0; seed < 40; seed++) {
    const machine = new Machine({ seed })
    const history = new History()
    const open = await machine.open(['a'], () => 'sync')
    await open.append(history, 'a', put('1'), 1n)
    machine.disk.inject({ type: 'syncError', nth: 1 })
    await open.append(history, 'a', put('2'), 2n)
    const found = await open.recover()
    await history.checkVerdicts(found)
    machine.disk.powerCut(barest(machine))
    const again = (await machine.open(['a'], () => 'sync')).recovered
    expect([...again.values()].map(log => contents(log)['live n'])).toEqual(['2'])
  }
})

test('a folder that a killed process made survives a power cut once a later one acknowledged a write in it', async () => {
  const machine = new Machine({ seed: 1 })
  // Dies after making the folder, before it syncs anything.
  await machine.start().makeFolder(DIRECTORY)
  const history = new History()
  const open = await machine.open(['a'], () => 'sync')
  await open.append(history, 'a', put('1'), 1n)
  machine.disk.powerCut(barest(machine))
  history.check((await machine.open(['a'], () => 'sync')).recovered, history.promised.synced)
})
