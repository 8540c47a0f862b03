import { parseArgs } from 'node:util'
import { optionSentence, UsageError, wholeNumber } from './usage-error.ts'

export interface DemoOptions {
  readonly nodes: number
  readonly keys: number
  readonly json: boolean
  readonly stay: boolean
  readonly dataDir: string | undefined
  readonly help: boolean
}

export const DEMO_USAGE = 'npm run demo -- [--nodes N] [--keys K] [--json] [--stay] [--data DIR]'

export const DEMO_HELP: string = `${DEMO_USAGE}

Starts a cluster of real processes on this machine, writes on all of them at once, kills one and starts it again,
then checks that all agree and that no acknowledged write is lost.

  --nodes N    how many processes, 3 to 50 (default 5)
  --keys K     how many keys are written, 20 to 100000 (default 300)
  --json       lines of JSON on standard output, the verdict last
  --stay       keep the cluster running after the verdict, until Ctrl-C
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
    dataDir,
    help: values.help === true
  }
}

function parse(args: readonly string[]): {
  nodes?: string
  keys?: string
  json?: boolean
  stay?: boolean
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
        data: { type: 'string' },
        help: { type: 'boolean' }
      }
    }).values
  } catch (error) {
    throw optionSentence(error, DEMO_USAGE)
  }
}
