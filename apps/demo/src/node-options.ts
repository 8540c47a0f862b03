import { parseArgs } from 'node:util'
import { optionSentence, UsageError } from './usage-error.ts'

export interface NodeOptions {
  readonly listen: readonly string[]
  readonly join: readonly string[]
  readonly dataDir: string
  readonly clusterName: string
  readonly secret: string
  readonly mapName: string
  readonly help: boolean
}

export const NODE_USAGE =
  'npm run node -- --data DIR [--listen ADDRESS]… [--join ADDRESS]… [--cluster NAME] [--secret TEXT] [--map NAME]'

export const NODE_HELP: string = `${NODE_USAGE}

Runs one node with a prompt. Two terminals make a cluster: start one, and give its address to the other with --join.

  --data DIR         the node's folder: its identity and its store (made if missing)
  --listen ADDRESS   where to listen (default /ip4/127.0.0.1/udp/0/quic-v1; may be repeated)
  --join ADDRESS     a node to join, as it prints itself at start, ending in /p2p/… (may be repeated)
  --cluster NAME     the cluster's name (default demo)
  --secret TEXT      the cluster's secret, at least 16 bytes; or in the environment as CLUSTER_SECRET
  --map NAME         the map to open (default demo)
  --help             this text`

/** @throws UsageError with one sentence on what is wrong. */
export function parseNodeOptions(
  args: readonly string[],
  environment: Record<string, string | undefined>
): NodeOptions {
  const values = parse(args)
  const secret = values.secret ?? environment['CLUSTER_SECRET']
  if (values.help !== true) {
    if (values.data === undefined || values.data === '')
      throw new UsageError(
        `--data is needed: the folder for this node's identity and store. Usage: ${NODE_USAGE}`
      )
    if (secret === undefined)
      throw new UsageError(
        'The cluster needs a secret: give --secret or set CLUSTER_SECRET, the same on every node, at least 16 bytes.'
      )
  }
  return {
    listen: values.listen ?? ['/ip4/127.0.0.1/udp/0/quic-v1'],
    join: values.join ?? [],
    dataDir: values.data ?? '',
    clusterName: values.cluster ?? 'demo',
    secret: secret ?? '',
    mapName: values.map ?? 'demo',
    help: values.help === true
  }
}

function parse(args: readonly string[]): {
  listen?: string[]
  join?: string[]
  data?: string
  cluster?: string
  secret?: string
  map?: string
  help?: boolean
} {
  try {
    return parseArgs({
      args: [...args],
      options: {
        listen: { type: 'string', multiple: true },
        join: { type: 'string', multiple: true },
        data: { type: 'string' },
        cluster: { type: 'string' },
        secret: { type: 'string' },
        map: { type: 'string' },
        help: { type: 'boolean' }
      }
    }).values
  } catch (error) {
    throw optionSentence(error, NODE_USAGE)
  }
}
