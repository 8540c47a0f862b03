import { parseCommand, type Given, type Option } from './commands/command.ts'
import { UsageError } from './usage-error.ts'

/** How one node is run. */
export interface NodeOptions {
  readonly listen: readonly string[]
  readonly join: readonly string[]
  readonly dataDir: string
  readonly clusterName: string
  /** What the node is called on pages, its own and its peers'. */
  readonly name: string | undefined
  readonly secret: string
  /** The maps to open; the prompt is for the first. */
  readonly maps: readonly [string, ...string[]]
  /** Whether to run without a prompt, until a signal ends it. */
  readonly headless: boolean
  /** Where to serve the page and the API; undefined for nowhere. */
  readonly http: HttpOptions | undefined
}

export interface HttpOptions {
  readonly hostname: string
  readonly port: number
  readonly token: string | undefined
  readonly hostNames: readonly string[]
}

export const NODE_OPTIONS: Readonly<Record<string, Option>> = {
  data: { value: 'DIR', help: "the node's folder: its identity and its store (made if missing)" },
  listen: {
    value: 'ADDRESS',
    repeated: true,
    help: 'where to listen (default /ip4/127.0.0.1/udp/0/quic-v1)'
  },
  join: { value: 'ADDRESS', repeated: true, help: 'a node to join, as it prints itself, ending in /p2p/…' },
  cluster: { value: 'NAME', help: "the cluster's name (default demo)" },
  name: { value: 'NAME', help: 'what the node is called on pages (default: the last letters of its id)' },
  secret: { value: 'TEXT', help: "the cluster's secret, at least 16 bytes (default CLUSTER_SECRET)" },
  map: { value: 'NAME', repeated: true, help: 'a map to open (default demo); the prompt is for the first' },
  headless: {
    help: 'no prompt: run until Ctrl-C or SIGTERM (so it does where standard input is the null device)'
  },
  'http-port': { value: 'PORT', help: 'serve the page and the HTTP API there (0 takes any free one)' },
  'http-host': {
    value: 'IP',
    help: 'where to serve them (default 127.0.0.1); any other address needs a token'
  },
  'http-name': { value: 'NAME', repeated: true, help: 'a name by which the server may be called' },
  'http-token': { value: 'TEXT', help: 'what a client must send, at least 16 bytes (default STARLING_TOKEN)' }
}

/** Reads a whole command line of `starling node`. @throws UsageError with one sentence on what is wrong. */
export function parseNodeOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>
): NodeOptions {
  return nodeOptionsOf(parseCommand({ name: 'node', words: [], options: NODE_OPTIONS }, args), environment)
}

/** @throws UsageError with one sentence on what is wrong. */
export function nodeOptionsOf(
  given: Given,
  environment: Readonly<Record<string, string | undefined>>
): NodeOptions {
  const dataDir = given.text('data') ?? ''
  const secret = given.text('secret') ?? environment['CLUSTER_SECRET']
  if (dataDir === '') {
    throw new UsageError(
      "--data is needed: the folder for this node's identity and store. starling node --help explains it."
    )
  }
  if (secret === undefined) {
    throw new UsageError(
      'The cluster needs a secret: give --secret or set CLUSTER_SECRET, the same on every node, at least 16 bytes.'
    )
  }
  const listen = given.all('listen')
  const [first = 'demo', ...others] = given.all('map')
  return {
    listen: listen.length === 0 ? ['/ip4/127.0.0.1/udp/0/quic-v1'] : listen,
    join: given.all('join'),
    dataDir,
    clusterName: given.text('cluster') ?? 'demo',
    name: given.text('name'),
    secret,
    maps: [first, ...others],
    headless: given.flag('headless'),
    http: httpOptions(given, environment)
  }
}

function httpOptions(
  given: Given,
  environment: Readonly<Record<string, string | undefined>>
): HttpOptions | undefined {
  const port = given.number('http-port', 0, 65_535)
  const hostNames = given.all('http-name')
  if (port === undefined) {
    const useless = given.text('http-host') ?? given.text('http-token') ?? hostNames[0]
    if (useless === undefined) return undefined
    throw new UsageError('--http-host, --http-name and --http-token need --http-port; 0 takes any free one.')
  }
  return {
    port,
    hostname: given.text('http-host') ?? '127.0.0.1',
    hostNames,
    token: given.text('http-token') ?? environment['STARLING_TOKEN']
  }
}
