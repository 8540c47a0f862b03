import { NODE_OPTIONS, nodeOptionsOf } from '../node-options.ts'
import type { Command } from './command.ts'
import { EXIT } from './exit-code.ts'

export const node: Command = {
  name: 'node',
  words: [],
  summary: 'Runs one node, with a prompt or --headless, and its page and API with --http-port.',
  options: NODE_OPTIONS,
  examples: [
    'CLUSTER_SECRET=… starling node --data ./a --http-port 4100',
    'CLUSTER_SECRET=… starling node --data ./b --join /ip4/10.0.0.7/udp/4001/quic-v1/p2p/12D3Koo… --headless'
  ],
  run: async (given, { environment }) => {
    const options = nodeOptionsOf(given, environment)
    // A node is much to load: the other commands start without it.
    const { runNode } = await import('../run-node.ts')
    await runNode(options)
    return EXIT.done
  }
}
