import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually, NodeProcess, type Inspection } from './node-process.ts'

const cluster = { name: 'e2e', secret: 'the secret of the end-to-end tests' }
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-e2e-'))
})

afterEach(async () => {
  await NodeProcess.endAll()
  rmSync(folder, { recursive: true, force: true })
})

test('REP-I6: a node that lost its only neighbour keeps everything, what the neighbour wrote included', async () => {
  const [a, b] = [new NodeProcess(), new NodeProcess()]
  const first = await a.start({ dataDir: join(folder, 'a'), contacts: [], cluster })
  await b.start({ dataDir: join(folder, 'b'), contacts: first.addresses, cluster })
  await a.call('set', 'from a', 1)
  await b.call('set', 'from b', 2)
  const content = await eventually(
    () => a.call<unknown[]>('content'),
    found => found.length === 2
  )
  await b.kill()
  await eventually(
    () => a.call<Inspection>('inspect'),
    ({ sessions, neighbors }) => sessions === 0 && neighbors.length === 0
  )
  expect(await a.call<unknown[]>('content')).toEqual(content)
})
