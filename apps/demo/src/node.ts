// `npm run node`: one node with a prompt; two terminals make a cluster.
import { createNode, type ReplicatedMap, type StarlingNode } from '@starling/node'
import { createInterface } from 'node:readline'
import { serveNode } from './api/node-server.ts'
import { NODE_HELP, parseNodeOptions, type NodeOptions } from './node-options.ts'
import { runCommand, show } from './prompt.ts'
import { UsageError } from './usage-error.ts'

try {
  const options = parseNodeOptions(process.argv.slice(2), process.env)
  if (options.help) process.stdout.write(`${NODE_HELP}\n`)
  else await run(options)
} catch (error) {
  // What is wrong with the options, the folder, the port or the secret is one sentence; anything else is a bug of ours.
  if (!(error instanceof Error)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = error instanceof UsageError || error.name !== 'Error' ? 2 : 1
}

async function run(options: NodeOptions): Promise<void> {
  const node = await createNode({
    dataDir: options.dataDir,
    listen: options.listen,
    contacts: options.join,
    cluster: { name: options.clusterName, secret: options.secret }
  })
  let server: Awaited<ReturnType<typeof serveNode>> | undefined
  try {
    const map = await node.map<unknown>(options.mapName)
    if (options.http !== undefined) {
      const maps = new Map([[options.mapName, map]])
      server = await serveNode({ ...options.http, node, maps, cluster: options.clusterName })
    }
    process.stdout.write(
      `This node is ${node.id}, with ${map.size} keys in "${options.mapName}". Others join it with\n`
    )
    for (const address of node.addresses()) process.stdout.write(`  --join ${address}\n`)
    if (server !== undefined) process.stdout.write(`Its page is ${server.url}\n`)
    process.stdout.write('Type help for the commands.\n')
    await converse(node, map)
  } finally {
    await server?.close()
    await node.stop()
  }
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
