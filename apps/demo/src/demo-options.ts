import { parseArgs } from 'node:util'
import { optionSentence, UsageError, wholeNumber } from './usage-error.ts'

export interface DemoOptions {
  readonly nodes: number
  readonly keys: number
  readonly json: boolean
  readonly stay: boolean
  /** Port of the page of a cluster that stays; 0 takes any free one. */
  readonly httpPort: number
  readonly dataDir: string | undefined
  readonly help: boolean
}

export const DEMO_USAGE =
  'npm run demo -- [--nodes N] [--keys K] [--json] [--stay [--http-port PORT]] [--data DIR]'

export const DEMO_HELP: string = `${DEMO_USAGE}

Starts a cluster of real processes on this machine, writes on all of them at once, kills one and starts it again,
then checks that all agree and that no acknowledged write is lost.

  --nodes N    how many processes, 3 to 50 (default 5)
  --keys K     how many keys are written, 20 to 100000 (default 300)
  --json       lines of JSON on standard output, the verdict last
  --stay       serve the cluster's page, and keep the cluster running after the verdict, until Ctrl-C
  --http-port PORT  where that page is on this machine (default: any free port)
  --data DIR   keep the nodes' stores in this folder (default: a temporary one, removed at the end)
  --help       this text`

/** @throws UsageError with one sentence on what is wrong. */
export function parseDemoOptions(args: readonly string[]): DemoOptions {
  const values = parse(args)
  const dataDir = values.data
  if (dataDir === '') throw new UsageError('--data takes a folder, got nothing.')
  return {
    nodes: wholeNumber(values.nodes ?? '5', '--nodes', 3, 50),
    keys: wholeNumber(values.keys ?? '300', '--keys', 20, 100_000),
    json: values.json === true,
    stay: values.stay === true,
    httpPort: httpPort(values['http-port'], values.stay === true),
    dataDir,
    help: values.help === true
  }
}

function httpPort(text: string | undefined, stay: boolean): number {
  if (text !== undefined && !stay) throw new UsageError(`--http-port needs --stay. Usage: ${DEMO_USAGE}`)
  return wholeNumber(text ?? '0', '--http-port', 0, 65_535)
}

function parse(args: readonly string[]): {
  nodes?: string
  keys?: string
  json?: boolean
  stay?: boolean
  'http-port'?: string
  data?: string
  help?: boolean
} {
  try {
    return parseArgs({
      args: [...args],
      options: {
        nodes: { type: 'string' },
        keys: { type: 'string' },
        json: { type: 'boolean' },
        stay: { type: 'boolean' },
        'http-port': { type: 'string' },
        data: { type: 'string' },
        help: { type: 'boolean' }
      }
    }).values
  } catch (error) {
    throw optionSentence(error, DEMO_USAGE)
  }
}
