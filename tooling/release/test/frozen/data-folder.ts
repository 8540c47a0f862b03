import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createNode, type StarlingNode } from '@starling/node'

// A data folder as a node leaves it, and what a node must find in it.

/** What a node finds in its folder, as plain JSON. */
export interface FolderContent {
  readonly id: string
  /** Each map's visible values, and all values of its keys where there are several. */
  readonly maps: Readonly<
    Record<
      string,
      {
        readonly entries: readonly (readonly [string, unknown])[]
        readonly conflicts: Readonly<Record<string, readonly unknown[]>>
      }
    >
  >
}

const CLUSTER = { name: 'frozen', secret: 'the secret of the frozen folder' }
const MAPS = ['flags', 'очередь']

/** LevelDB's diary of its own doings. Nothing reads it. */
const DIARIES = ['LOG', 'LOG.old']

/** Two nodes write apart, with a conflict, a removal and an overwritten key, meet, and agree; the folder of one is kept. */
export async function writeFolder(into: string, scratch: string): Promise<FolderContent> {
  const [one, other] = ['one', 'other'].map(name => join(scratch, name)) as [string, string]
  await apart(one, async node => {
    const flags = await node.map('flags')
    await flags.set('kept', { on: true, ratio: 0.5 })
    await flags.set('both', 'by one')
    await flags.set('overwritten', 1)
    await flags.set('overwritten', 2)
    await flags.set('removed', 'soon')
    await flags.delete('removed')
    const queue = await node.map('очередь')
    for (let index = 0; index < 20; index++) await queue.set(`ключ ${index}`, index)
  })
  await apart(other, async node => {
    const flags = await node.map('flags')
    await flags.set('both', 'by the other')
    await flags.set('bytes', new Uint8Array([0, 1, 254, 255]))
  })
  await meet(one, other)
  return await keep(one, into)
}

async function meet(one: string, other: string): Promise<void> {
  const first = await start(one, [])
  const second = await start(other, first.addresses())
  try {
    const [here, there] = [await first.map('flags'), await second.map('flags')]
    while (here.size !== 4 || there.size !== 4) {
      await new Promise(resolve => {
        setTimeout(resolve, 50)
      })
    }
  } finally {
    await Promise.all([first.stop(), second.stop()])
  }
}

/** Copies a folder to where it is frozen, and says what a node finds in the copy of a copy. */
async function keep(folder: string, into: string): Promise<FolderContent> {
  rmSync(into, { recursive: true, force: true })
  copyFolder(folder, into)
  for (const diary of DIARIES) rmSync(join(into, 'store', diary), { force: true })
  // Where peers were is of no use to anybody.
  rmSync(join(into, 'peers'), { force: true })
  const copy = `${folder}-copy`
  copyFolder(into, copy)
  return await readFolder(copy)
}

/** A copy that a node may open: the repository keeps no file modes and no empty folders. */
export function copyFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o700 })
  cpSync(from, to, { recursive: true })
  chmodSync(join(to, 'identity'), 0o600)
  if (!existsSync(join(to, 'store')) || readdirSync(join(to, 'store')).length === 0)
    throw new Error(`${from} has no store`)
}

/** Opens a folder with today's node, and shows that it can be written to. */
export async function readFolder(folder: string): Promise<FolderContent> {
  const node = await start(folder, [])
  try {
    const maps: Record<string, FolderContent['maps'][string]> = {}
    for (const name of MAPS) {
      const map = await node.map(name)
      const entries = [...map.entries()].sort(([a], [b]) => (a < b ? -1 : 1))
      const conflicts = entries
        .map(([key]) => [key, map.conflicts(key).map(({ value }) => value)] as const)
        .filter(([, values]) => values.length > 1)
      maps[name] = { entries, conflicts: Object.fromEntries(conflicts) }
    }
    const written = await node.map('flags')
    await written.set('today', true)
    if (written.get('today') !== true) throw new Error('the folder takes no write')
    return { id: node.id, maps }
  } finally {
    await node.stop()
  }
}

async function apart(dataDir: string, act: (node: StarlingNode) => Promise<void>): Promise<void> {
  const node = await start(dataDir, [])
  try {
    await act(node)
  } finally {
    await node.stop()
  }
}

async function start(dataDir: string, contacts: readonly string[]): Promise<StarlingNode> {
  return await createNode({
    dataDir,
    contacts: [...contacts],
    listen: ['/ip4/127.0.0.1/udp/0/quic-v1'],
    cluster: CLUSTER
  })
}
