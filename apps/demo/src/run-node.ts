import { createNode, type ReplicatedMap, type StarlingNode } from '@starling/node'
import { fstatSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { nodeMetrics } from './api/metrics.ts'
import { serveNode, type NodeServer } from './api/node-server.ts'
import type { NodeOptions } from './node-options.ts'
import { runCommand, show } from './prompt.ts'
import { UsageError } from './usage-error.ts'

/** Runs a node until the person leaves, or a signal ends it. */
export async function runNode(options: NodeOptions): Promise<void> {
  const node = await createNode({
    dataDir: options.dataDir,
    listen: options.listen,
    contacts: options.join,
    cluster: { name: options.clusterName, secret: options.secret },
    ...(options.name === undefined ? {} : { metadata: { name: options.name } }),
    ...(options.http === undefined ? {} : { metrics: nodeMetrics })
  })
  let server: NodeServer | undefined
  try {
    const maps = new Map<string, ReplicatedMap<unknown>>()
    for (const name of options.maps) maps.set(name, await node.map(name))
    const [name] = options.maps
    const map = maps.get(name) as ReplicatedMap<unknown>
    if (options.http !== undefined) {
      const named = options.name === undefined ? {} : { name: options.name }
      const init = { ...options.http, ...named, node, maps, cluster: options.clusterName }
      server = await serveNode(init).catch((error: unknown) => {
        if (!(error instanceof Error && 'syscall' in error)) throw error
        throw new UsageError(
          `Cannot serve the page on port ${init.port} (${error.message}): give another with --http-port.`
        )
      })
    }
    process.stdout.write(`This node is ${node.id}, with ${map.size} keys in "${name}". Others join it with\n`)
    for (const address of node.addresses()) process.stdout.write(`  --join ${address}\n`)
    if (server !== undefined) process.stdout.write(`Its page is ${server.url}\n`)
    if (options.headless || nobodyTypes()) await interrupted()
    else {
      process.stdout.write('Type help for the commands.\n')
      await converse(node, map)
    }
  } finally {
    await server?.close()
    await node.stop()
  }
}

/** Whether standard input is the null device, as services and containers have it: its end is not a person leaving. */
function nobodyTypes(): boolean {
  return process.stdin.isTTY !== true && fstatSync(process.stdin.fd).isCharacterDevice()
}

function interrupted(): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}

/** Reads commands until the person leaves (quit, end of input, Ctrl-C), and shows what changes meanwhile. */
async function converse(node: StarlingNode, map: ReplicatedMap<unknown>): Promise<void> {
  const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: '> ', terminal })
  const leave = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => lines.close())
  lines.on('SIGINT', () => lines.close())
  const watching = showChanges(map, leave.signal, text => {
    process.stdout.write(terminal ? `\r\u001B[K${text}\n` : `${text}\n`)
    if (terminal) lines.prompt(true)
  })
  if (terminal) lines.prompt()
  for await (const line of lines) {
    const output = await runCommand(line, node, map).catch((error: unknown) =>
      error instanceof Error ? error.message : String(error)
    )
    if (output === undefined) break
    if (output !== '') process.stdout.write(`${output}\n`)
    if (terminal) lines.prompt()
  }
  lines.close()
  leave.abort()
  await watching
}

async function showChanges(
  map: ReplicatedMap<unknown>,
  signal: AbortSignal,
  print: (text: string) => void
): Promise<void> {
  try {
    for await (const change of map.watch({ signal, from: 'now' })) {
      if (change.origin === 'local') continue
      if (change.type === 'delete') print(`  … ${change.key} was removed elsewhere`)
      else if (change.type !== 'resync') print(`  … ${change.key} = ${show(change.value)} (from elsewhere)`)
    }
  } catch (error) {
    // Leaving the prompt ends the watch through its signal.
    if (!signal.aborted) throw error
  }
}
