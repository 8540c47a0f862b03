import { parseArgs } from 'node:util'
import { createReport, renderTable, type Report } from './report.ts'
import { SCENARIOS } from './registry.ts'
import { wholeNumber, type Scenario } from './scenario.ts'

/** What the command line writes to. */
export interface CommandLineOutput {
  out(line: string): void
  err(line: string): void
  /** Milliseconds from any start, for the wall time of the report. */
  nowMs(): number
}

/** Most nodes a run may ask for. */
const NODES_MAX = 1_000_000

const USAGE =
  'usage: npm run sim -- SCENARIO [--nodes N] [--seed S] [--json] [scenario options], or: npm run sim -- list'

/** A mistake of the person at the keyboard: said in one sentence. */
class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Runs the program. Returns its exit code: 0 all held, 1 a violation, 2 wrong use. */
export function runCommandLine(args: readonly string[], output: CommandLineOutput): number {
  try {
    return run(args, output)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    output.err(error.message)
    return 2
  }
}

function run(args: readonly string[], output: CommandLineOutput): number {
  const [name, ...rest] = args
  if (name === undefined) throw new UsageError(`name a scenario (${names()}); ${USAGE}`)
  if (name === 'help' || name === '--help') {
    output.out(`${USAGE}\n\n${listing()}`)
    return 0
  }
  if (name === 'list') {
    if (rest.length > 0) throw new UsageError(`list takes no further arguments, got ${rest[0]}`)
    output.out(listing())
    return 0
  }
  if (name.startsWith('-'))
    throw new UsageError(`name the scenario before its options (${names()}); ${USAGE}`)
  const scenario = SCENARIOS.find(candidate => candidate.name === name)
  if (scenario === undefined) throw new UsageError(`there is no scenario ${name}; there are ${names()}`)
  const { nodes, seed, json, options } = parse(scenario, rest)
  const startMs = output.nowMs()
  const result = scenario.run({ nodes, seed, options, progress: text => output.err(`${name}: ${text}`) })
  const report = createReport(name, nodes, seed, result, output.nowMs() - startMs)
  write(report, json, output)
  return report.ok ? 0 : 1
}

function write(report: Report, json: boolean, output: CommandLineOutput): void {
  output.out(json ? JSON.stringify(report) : renderTable(report))
}

interface Parsed {
  readonly nodes: number
  readonly seed: number
  readonly json: boolean
  readonly options: Record<string, string>
}

function parse(scenario: Scenario, args: readonly string[]): Parsed {
  const own = Object.fromEntries(
    Object.keys(scenario.options).map(name => [name, { type: 'string' as const }])
  )
  const values = parseStrictly(args, {
    nodes: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'boolean' },
    ...own
  })
  const text = (name: string, fallback: string, complaint: (text: string) => string | undefined): string => {
    const value = values[name]
    if (value === undefined) return fallback
    const wrong = complaint(String(value))
    if (wrong !== undefined) throw new UsageError(`--${name} ${wrong}, got ${value}`)
    return String(value)
  }
  const options: Record<string, string> = {}
  for (const [name, option] of Object.entries(scenario.options)) {
    options[name] = text(name, option.default, option.complaint)
  }
  return {
    nodes: Number(text('nodes', String(scenario.nodesDefault), wholeNumber(scenario.nodesMin, NODES_MAX))),
    seed: Number(text('seed', '1', wholeNumber(0, 2 ** 32 - 1))),
    json: values['json'] === true,
    options
  }
}

type OptionTypes = Record<string, { readonly type: 'string' | 'boolean' }>

function parseStrictly(
  args: readonly string[],
  options: OptionTypes
): Record<string, string | boolean | undefined> {
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false })
    return values
  } catch (error) {
    // The messages of parseArgs are sentences already; only their first is of use here.
    const [first = 'wrong arguments'] = (error as Error).message.split(/\.\s/)
    throw new UsageError(`${first}; ${USAGE}`)
  }
}

function names(): string {
  return SCENARIOS.map(scenario => scenario.name).join(', ')
}

function listing(): string {
  const lines: string[] = []
  for (const { name, summary, nodesDefault, options } of SCENARIOS) {
    lines.push(`${name}  ${summary} (default ${nodesDefault} nodes)`)
    for (const [option, { meaning, default: fallback }] of Object.entries(options)) {
      lines.push(`  --${option}  ${meaning} (default ${fallback})`)
    }
  }
  return lines.join('\n')
}
