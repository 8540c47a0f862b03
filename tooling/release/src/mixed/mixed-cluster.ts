import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { NodeProcess } from './node-process.ts'
import type { Release } from './releases.ts'

/** How long a cluster on one machine may take to agree. Measured: about a second; the rest is for a busy machine. */
const CONVERGED_TIMEOUT_MS = 90_000
const POLL_MS = 200

export interface MixedResult {
  readonly nodes: number
  readonly keys: number
  /** Milliseconds from the last write of each phase until all maps were equal. */
  readonly convergedMs: Readonly<Record<string, number>>
}

interface Member {
  node: NodeProcess
  readonly dataDir: string
}

/**
 * Runs a cluster of both releases: nodes of each write, overwrite each other's keys and remove them, and must agree; then a node of
 * the previous release is stopped and the new one starts on its folder, and all must agree again. Rejects when they do not.
 */
export async function runMixedCluster(
  { previous, current }: { readonly previous: Release; readonly current: Release },
  { nodes, keys, work, say }: MixedOptions
): Promise<MixedResult> {
  const secret = randomBytes(32).toString('hex')
  const convergedMs: Record<string, number> = {}
  const members: Member[] = []
  let contacts: readonly string[] = []

  const start = async (index: number, release: Release, title: string): Promise<NodeProcess> => {
    const dataDir = join(work, `data-${index}`)
    const { node, addresses } = await NodeProcess.start(title, release.project, { dataDir, contacts, secret })
    members[index] = { node, dataDir }
    contacts = addresses
    return node
  }
  const phase = async (name: string, count: number): Promise<void> => {
    const ms = await converged(members, count)
    convergedMs[name] = ms
    say(`${name}: ${members.length} nodes agree on ${count} keys after ${ms} ms`)
  }

  for (let index = 0; index < nodes; index++) {
    const old = index % 2 === 0
    await start(index, old ? previous : current, `node ${index} (${old ? 'previous' : 'this'} release)`)
  }

  await each(members, async ({ node }, index) => {
    await node.tell({ type: 'put', entries: entriesOf(`own-${index}`, keys, `by ${index}`) })
  })
  await phase('each writes its own keys', nodes * keys)

  await each(members, async ({ node }, index) => {
    await node.tell({ type: 'put', entries: entriesOf('shared', keys, `at once by ${index}`) })
  })
  await phase('all write the same keys at once', (nodes + 1) * keys)

  const removed = Math.ceil(keys / 2)
  await each(members, async ({ node }, index) => {
    const neighbour = `own-${(index + 1) % nodes}`
    await node.tell({ type: 'delete', keys: Object.keys(entriesOf(neighbour, removed, '')) })
  })
  const left = (nodes + 1) * keys - nodes * removed
  await phase('each removes keys of another release', left)

  await members[0]?.node.stop()
  const upgraded = await start(0, current, 'node 0 (upgraded)')
  await phase('one is upgraded on its folder', left)
  await upgraded.tell({ type: 'put', entries: entriesOf('upgraded', keys, 'after the upgrade') })
  await phase('the upgraded one writes', left + keys)

  await each(members, async ({ node }) => await node.stop())
  return { nodes, keys: left + keys, convergedMs }
}

export interface MixedOptions {
  /** At least 3, so that one of the previous release is left after the upgrade. */
  readonly nodes: number
  /** Keys that each node writes in each phase. */
  readonly keys: number
  /** Where the data folders go. */
  readonly work: string
  readonly say: (text: string) => void
}

function entriesOf(prefix: string, count: number, value: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}-${index}`, value]))
}

async function each<T>(items: readonly T[], act: (item: T, index: number) => Promise<void>): Promise<void> {
  await Promise.all(items.map(act))
}

/** Waits until all hold the same `count` keys and values. Resolves with the milliseconds it took. */
async function converged(members: readonly Member[], count: number): Promise<number> {
  const startedMs = performance.now()
  let last: readonly string[] = []
  while (performance.now() - startedMs < CONVERGED_TIMEOUT_MS) {
    const contents = await Promise.all(members.map(async ({ node }) => await node.tell({ type: 'read' })))
    last = contents.map(content =>
      content.type === 'content' ? `${content.size} keys ${content.digest}` : ''
    )
    const equal = new Set(last).size === 1 && last[0]?.startsWith(`${count} keys `) === true
    if (equal) return Math.round(performance.now() - startedMs)
    await new Promise(resolve => {
      setTimeout(resolve, POLL_MS)
    })
  }
  const held = members.map(({ node }, index) => `${node.title}: ${last[index]}`)
  throw new Error(`they do not agree on ${count} keys:\n${held.join('\n')}`)
}
