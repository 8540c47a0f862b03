import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Cluster, nodeName, NODES_MAX } from '../cluster/cluster.ts'
import { UsageError } from '../usage-error.ts'
import { DEFAULT_PORT } from './client.ts'
import type { Command, CommandContext } from './command.ts'
import { EXIT } from './exit-code.ts'
import { print, printJson } from './print.ts'
import { Progress } from './progress.ts'

/** Writes per burst unless told otherwise. */
const STEADY_WRITES = 6

export const up: Command = {
  name: 'up',
  words: [],
  summary:
    'Runs a cluster of real processes on this machine, with a page to watch it, break it and heal it; until Ctrl-C.',
  options: {
    nodes: { value: 'N', help: `how many processes, 1 to ${NODES_MAX} (default 5)` },
    'http-port': {
      value: 'PORT',
      help: `where its page and API are (default ${DEFAULT_PORT}; 0 takes any free one)`
    },
    writes: {
      value: 'N',
      help: `writes made every few seconds, to see something (default ${STEADY_WRITES}; 0 for none)`
    },
    data: {
      value: 'DIR',
      help: "keep the nodes' stores in this folder (default: a temporary one, removed at the end)"
    },
    json: { help: 'print JSON' }
  },
  examples: ['starling up', 'starling up --nodes 9 --writes 0 --http-port 8080'],
  run: async (given, context) => {
    const nodes = given.number('nodes', 1, NODES_MAX) ?? 5
    const port = given.number('http-port', 0, 65_535) ?? DEFAULT_PORT
    const steadyWrites = given.number('writes', 0, 1000) ?? STEADY_WRITES
    const data = given.text('data')
    const dataDir = data === undefined ? await mkdtemp(join(tmpdir(), 'starling-')) : await folderFor(data)
    try {
      return await runCluster({ nodes, port, steadyWrites, dataDir, json: given.flag('json') }, context)
    } finally {
      if (data === undefined) await rm(dataDir, { recursive: true, force: true })
    }
  }
}

interface UpOptions {
  readonly nodes: number
  readonly port: number
  readonly steadyWrites: number
  readonly dataDir: string
  readonly json: boolean
}

async function runCluster(options: UpOptions, { signal }: CommandContext): Promise<number> {
  const { nodes, port, steadyWrites, dataDir, json } = options
  // Loaded here, so that the other commands start without a server.
  const { serveCluster } = await import('../cluster/hub-server.ts')
  const cluster = new Cluster({ nodes, dataDir, served: true })
  const server = await serveCluster(cluster, {
    port,
    steadyWrites,
    closedFor: 'The cluster is being started.'
  }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(`Cannot serve the page on port ${port} (${reason}): give another with --http-port.`)
  })
  const ended = new Promise<void>(resolve =>
    signal.addEventListener('abort', () => resolve(), { once: true })
  )
  try {
    if (json) printJson({ dashboard: server.url })
    else print(`The cluster's page: ${server.url}`)
    await Promise.race([startAll(cluster, json), ended])
    if (!signal.aborted) {
      server.open()
      if (!json) print(`${nodes} nodes run, their stores are in ${dataDir}; Ctrl-C ends them.`)
      await ended
    }
    return EXIT.interrupted
  } finally {
    await server.close()
    await cluster.end()
  }
}

async function startAll(cluster: Cluster, json: boolean): Promise<void> {
  const progress = new Progress('nodes started', cluster.nodes.length)
  let count = 0
  try {
    await cluster.start(({ index }, { id, url }) => {
      progress.at(++count)
      if (json) printJson({ node: nodeName(index), id, url })
    })
  } finally {
    progress.end()
  }
}

async function folderFor(data: string): Promise<string> {
  const folder = resolve(data)
  try {
    await mkdir(folder, { recursive: true })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(`--data: cannot use ${folder} (${reason}); give a folder that can be written.`)
  }
  return folder
}
