import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually, NodeProcess, type Started } from './node-process.ts'
import { storms } from './runs.ts'

// Goal: a whole cluster that starts at once through one contact ends joined, with the limits everybody has.

const PROCESSES = 60
/** How many processes load their code at one time; on two cores more would only wait for each other. */
const STARTING = 4
const cluster = { name: 'e2e', secret: 'the secret of the end-to-end tests' }
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-e2e-'))
})

afterEach(async () => {
  await NodeProcess.endAll()
  rmSync(folder, { recursive: true, force: true })
})

type Member = Omit<Started, 'size'> & { readonly node: NodeProcess }

/** A process that listens and has dialled nobody. */
async function hold(name: string, contacts: readonly string[]): Promise<Member> {
  const node = new NodeProcess()
  const created = await node.call<Omit<Started, 'size'>>('create', {
    dataDir: join(folder, name),
    contacts,
    cluster
  })
  return { node, ...created }
}

/** How many can be reached from the first one over neighbours of neighbours. */
async function reached(members: readonly Member[]): Promise<number> {
  const links = new Map<string, readonly string[]>()
  await Promise.all(
    members.map(async ({ id, node }) => links.set(id, await node.call<string[]>('neighbors')))
  )
  const found = new Set(members.slice(0, 1).map(({ id }) => id))
  for (const id of found) for (const neighbor of links.get(id) ?? []) found.add(neighbor)
  return found.size
}

test.each(Array.from({ length: storms }, (_, index) => index + 1))(
  'storm %i: 60 processes that dial one contact at the same moment are one component, and each gets what one writes',
  async () => {
    const contact = await hold('contact', [])
    await contact.node.call('open')
    const joiners: Member[] = []
    let next = 0
    const starter = async (): Promise<void> => {
      while (next < PROCESSES) joiners.push(await hold(`joiner-${next++}`, contact.addresses))
    }
    await Promise.all(Array.from({ length: STARTING }, starter))
    expect(joiners).toHaveLength(PROCESSES)
    // The barrier: all of them are there and idle, and get the word at once.
    await Promise.all(joiners.map(({ node }) => node.call('open')))
    const members = [contact, ...joiners]
    await eventually(
      () => reached(members),
      count => count === members.length,
      1_000
    )
    await contact.node.call('set', 'word', 'passed on')
    await eventually(
      () => Promise.all(members.map(({ node }) => node.call('get', 'word'))),
      values => values.every(value => value === 'passed on'),
      1_000
    )
  },
  480_000
)
