import { parseArgs } from 'node:util'
import { optionSentence, UsageError, wholeNumber } from './usage-error.ts'

export interface NodeOptions {
  readonly listen: readonly string[]
  readonly join: readonly string[]
  readonly dataDir: string
  readonly clusterName: string
  readonly secret: string
  readonly mapName: string
  /** Where to serve the page and the API; undefined for nowhere. */
  readonly http: HttpOptions | undefined
  readonly help: boolean
}

export interface HttpOptions {
  readonly hostname: string
  readonly port: number
  readonly token: string | undefined
  readonly hostNames: readonly string[]
}

export const NODE_USAGE =
  'npm run node -- --data DIR [--listen ADDRESS]… [--join ADDRESS]… [--cluster NAME] [--secret TEXT] [--map NAME] [--http-port PORT]'

export const NODE_HELP: string = `${NODE_USAGE}

Runs one node with a prompt. Two terminals make a cluster: start one, and give its address to the other with --join.

  --data DIR         the node's folder: its identity and its store (made if missing)
  --listen ADDRESS   where to listen (default /ip4/127.0.0.1/udp/0/quic-v1; may be repeated)
  --join ADDRESS     a node to join, as it prints itself at start, ending in /p2p/… (may be repeated)
  --cluster NAME     the cluster's name (default demo)
  --secret TEXT      the cluster's secret, at least 16 bytes; or in the environment as CLUSTER_SECRET
  --map NAME         the map to open (default demo)
  --http-port PORT   serve the page and the HTTP API on this port (0 takes a free one)
  --http-host IP     where to serve them (default 127.0.0.1); any other address needs a token
  --http-name NAME   a name by which the server may be called (may be repeated)
  --http-token TEXT  what a client must send, at least 16 bytes; or in the environment as STARLING_TOKEN
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
    http: httpOptions(values, environment),
    help: values.help === true
  }
}

function httpOptions(
  values: ReturnType<typeof parse>,
  environment: Record<string, string | undefined>
): HttpOptions | undefined {
  const others = (['http-host', 'http-name', 'http-token'] as const).find(name => values[name] !== undefined)
  if (values['http-port'] === undefined) {
    if (others === undefined) return undefined
    throw new UsageError(`--${others} needs --http-port: 0 takes any free one. Usage: ${NODE_USAGE}`)
  }
  return {
    port: wholeNumber(values['http-port'], '--http-port', 0, 65_535),
    hostname: values['http-host'] ?? '127.0.0.1',
    hostNames: values['http-name'] ?? [],
    token: values['http-token'] ?? environment['STARLING_TOKEN']
  }
}

function parse(args: readonly string[]): {
  listen?: string[]
  join?: string[]
  data?: string
  cluster?: string
  secret?: string
  map?: string
  'http-port'?: string
  'http-host'?: string
  'http-name'?: string[]
  'http-token'?: string
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
        'http-port': { type: 'string' },
        'http-host': { type: 'string' },
        'http-name': { type: 'string', multiple: true },
        'http-token': { type: 'string' },
        help: { type: 'boolean' }
      }
    }).values
  } catch (error) {
    throw optionSentence(error, NODE_USAGE)
  }
}
