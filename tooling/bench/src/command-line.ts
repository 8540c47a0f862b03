import { parseArgs } from 'node:util'
import { messageOf } from './rounds.ts'
import { lineOf, renderTable, type Line } from './report.ts'
import { FLOOR, type Effort, type Suite } from './suite.ts'

/** What the command line writes to. */
export interface CommandLineOutput {
  out(line: string): void
  err(line: string): void
}

const USAGE = 'usage: npm run bench -- [suite…] [--json] [--quick] [--against peer,peer] [--list]'

const NORMAL: Effort = { rounds: 5, budgetMs: 1000, patienceMs: 8000, quick: false }
const QUICK: Effort = { rounds: 1, budgetMs: 250, patienceMs: 1000, quick: true }

/** A mistake of the person at the keyboard: said in one sentence. */
class UsageError extends Error {
  override readonly name = 'UsageError'
}

interface Request {
  readonly suites: readonly Suite[]
  /** The references asked for; `undefined` is all of them. */
  readonly against: ReadonlySet<string> | undefined
  readonly json: boolean
  readonly effort: Effort
  readonly list: boolean
}

/** Runs the program. Resolves to its exit code: 0 measured, 1 ours or the floor failed, 2 wrong use. */
export async function runCommandLine(
  args: readonly string[],
  suites: readonly Suite[],
  output: CommandLineOutput
): Promise<number> {
  let request: Request
  try {
    request = parse(args, suites)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    output.err(error.message)
    return 2
  }
  if (request.list) {
    output.out(`${USAGE}\n\n${listing(suites)}`)
    return 0
  }
  for (const suite of request.suites) {
    try {
      await runSuite(suite, request, output)
    } catch (error) {
      output.err(`${suite.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
      return 1
    }
  }
  return 0
}

async function runSuite(suite: Suite, request: Request, output: CommandLineOutput): Promise<void> {
  const missing = new Map<string, string>()
  const lines: Line[] = []
  const measurements = suite.run({
    effort: request.effort,
    wants: reference => reference === FLOOR || (request.against?.has(reference) ?? true),
    progress: text => output.err(`${suite.name}: ${text}`),
    missing(reference, reason) {
      missing.set(reference, reason)
      output.err(`${suite.name}: ${reference} cannot be measured: ${reason}`)
    }
  })
  for await (const measured of measurements) {
    const line = lineOf(suite.name, measured, missing)
    lines.push(line)
    if (request.json) output.out(JSON.stringify(line))
  }
  if (!request.json) output.out(`${renderTable(lines, suite.references)}\n`)
}

function parse(args: readonly string[], suites: readonly Suite[]): Request {
  const { values, positionals } = parseStrictly(args)
  const chosen = positionals.length === 0 ? suites : positionals.map(name => find(name, suites))
  return {
    suites: [...new Set(chosen)],
    against: parsePeers(values.against, chosen),
    json: values.json ?? false,
    effort: (values.quick ?? false) ? QUICK : NORMAL,
    list: values.list ?? false
  }
}

function parseStrictly(args: readonly string[]): {
  values: { json?: boolean; quick?: boolean; list?: boolean; against?: string }
  positionals: string[]
} {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean' },
        quick: { type: 'boolean' },
        list: { type: 'boolean' },
        against: { type: 'string' }
      }
    })
  } catch (error) {
    throw new UsageError(`${messageOf(error)}; ${USAGE}`)
  }
}

function find(name: string, suites: readonly Suite[]): Suite {
  const suite = suites.find(candidate => candidate.name === name)
  if (suite !== undefined) return suite
  throw new UsageError(
    `There is no suite ${name}; there are ${suites.map(each => each.name).join(', ')}; ${USAGE}`
  )
}

function parsePeers(list: string | undefined, suites: readonly Suite[]): ReadonlySet<string> | undefined {
  if (list === undefined) return undefined
  const known = [...new Set(suites.flatMap(({ references }) => references))]
  const peers = list.split(',').map(name => name.trim())
  const unknown = peers.find(name => !known.includes(name))
  if (unknown !== undefined) {
    throw new UsageError(
      `There is no peer ${unknown} in these suites; there are ${known.join(', ')}; ${USAGE}`
    )
  }
  return new Set(peers)
}

function listing(suites: readonly Suite[]): string {
  return suites
    .map(({ name, about, references, metrics }) =>
      [
        `${name}: ${about}; against ${references.join(', ')}`,
        ...metrics.map(metric => `  ${metric.case} [${metric.metric}] ${metric.about}`)
      ].join('\n')
    )
    .join('\n\n')
}
