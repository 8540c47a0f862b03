import { parseFileVerb, parseRun, USAGE, type RunArguments } from './arguments.ts'
import { isClusterPlan, playAny, shrinkAny, type AnyPlan } from './any-plan.ts'
import { explain } from './explain.ts'
import { formatPlan, parsePlan } from './plan.ts'
import { EXIT, UsageError, type Platform } from './platform.ts'
import { regressionTest } from './regression.ts'
import { SCENARIOS } from './registry.ts'
import { createReport, renderTable, type Report } from './report.ts'
import { isPlanned, numberIn, wholeNumber, type Scenario, type ScenarioResult } from './scenario.ts'

/** Events of each node that `explain` tells unless told otherwise. */
const EXPLAINED_EVENTS = 30

/** Wall time a shrink takes at most unless told otherwise, minutes. */
const SHRINK_MINUTES = 5

/**
 * Runs the program. Returns its exit code: 0 all held, 1 a violation, 2 wrong use, 3 the same seed gave two traces, 4 it took
 * longer than it was allowed to.
 */
export async function runCommandLine(args: readonly string[], platform: Platform): Promise<number> {
  try {
    return await run(args, platform)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    platform.err(error.message)
    return EXIT.usage
  }
}

async function run(args: readonly string[], platform: Platform): Promise<number> {
  const [name, ...rest] = args
  switch (name) {
    case undefined:
      throw new UsageError(`name a scenario (${names()}); ${USAGE}`)
    case 'help':
    case '--help':
      platform.out(`${USAGE}\n\n${listing()}`)
      return EXIT.held
    case 'list':
      if (rest.length > 0) throw new UsageError(`list takes no further arguments, got ${rest[0]}`)
      platform.out(listing())
      return EXIT.held
    case 'replay':
      return await replay(rest, platform)
    case 'shrink':
      return await shrinkFile(rest, platform)
    case 'explain':
      return explainFile(rest, platform)
    case 'corpus':
      return await corpus(rest, platform)
  }
  if (name.startsWith('-'))
    throw new UsageError(`name the scenario before its options (${names()}); ${USAGE}`)
  const scenario = SCENARIOS.find(candidate => candidate.name === name)
  if (scenario === undefined) throw new UsageError(`there is no scenario ${name}; there are ${names()}`)
  return await runScenario(scenario, rest, platform)
}

async function runScenario(scenario: Scenario, args: readonly string[], platform: Platform): Promise<number> {
  const asked = parseRun(scenario, args)
  const { name } = scenario
  if (asked.save !== undefined) {
    if (!isPlanned(scenario)) throw new UsageError(`${name} has no plan to save: only planned scenarios have`)
    platform.writeFile(asked.save, formatPlan(scenario.plan(asked)))
  }
  const once = async (): Promise<ScenarioResult> =>
    await scenario.run({
      ...asked,
      progress: text => platform.err(`${name}: ${text}`),
      nowMs: () => platform.nowMs()
    })
  const startMs = platform.nowMs()
  const result = await once()
  const wallMs = platform.nowMs() - startMs
  const report = createReport(name, asked.nodes, asked.seed, result, wallMs)
  const other = asked.twice ? await differingTrace(report, once, args, platform) : undefined
  platform.out(asked.json ? JSON.stringify(report) : renderTable(report))
  if (other !== undefined) {
    platform.err(`${name}: the same seed gave the trace ${report.traceHash}, and then ${other}`)
    return EXIT.nondeterminism
  }
  if (!report.ok) return EXIT.violated
  return overBudget(asked, wallMs, platform) ? EXIT.budget : EXIT.held
}

/** I22: runs the same again, here and in another process. Returns the trace hash that differs, if one does. */
async function differingTrace(
  report: Report,
  again: () => Promise<ScenarioResult>,
  args: readonly string[],
  platform: Platform
): Promise<string | undefined> {
  const here = (await again()).traceHash
  if (here !== report.traceHash) return here
  const same = args.filter(arg => arg !== '--twice' && arg !== '--json')
  const line = platform.elsewhere([report.scenario, ...same, '--json'])
  const { traceHash } = JSON.parse(line) as { traceHash: string }
  return traceHash === report.traceHash ? undefined : `${traceHash} in another process`
}

function overBudget({ wallSecondsMax }: RunArguments, wallMs: number, platform: Platform): boolean {
  if (wallMs <= wallSecondsMax * 1_000) return false
  platform.err(`it took ${(wallMs / 1_000).toFixed(1)} s, more than the ${wallSecondsMax} s allowed`)
  return true
}

async function replay(args: readonly string[], platform: Platform): Promise<number> {
  const { file, values } = parseFileVerb('replay', args, ['json'])
  const plan = readPlan(file, platform)
  const startMs = platform.nowMs()
  const result = await playAny(plan)
  const report = createReport(plan.scenario, plan.nodes, plan.seed, result, platform.nowMs() - startMs)
  platform.out(values['json'] === true ? JSON.stringify(report) : renderTable(report))
  return report.ok ? EXIT.held : EXIT.violated
}

async function shrinkFile(args: readonly string[], platform: Platform): Promise<number> {
  const { file, values } = parseFileVerb('shrink', args, ['minutes', 'test'])
  const minutes = String(values['minutes'] ?? SHRINK_MINUTES)
  const wrong = numberIn(0, 100_000)(minutes)
  if (wrong !== undefined) throw new UsageError(`--minutes ${wrong}, got ${minutes}`)
  const endMs = platform.nowMs() + Number(minutes) * 60_000
  const shrunk = await shrinkAny(readPlan(file, platform), {
    goOn: () => platform.nowMs() < endMs,
    progress: text => platform.err(`shrink: ${text}`)
  })
  if (shrunk === undefined) throw new UsageError(`the plan in ${file} breaks nothing, so it cannot be shrunk`)
  platform.out(formatPlan(shrunk.plan))
  const { test } = values
  if (typeof test === 'string') platform.writeFile(test, regressionTest(shrunk.plan, shrunk.invariant))
  return shrunk.stopped ? EXIT.budget : EXIT.violated
}

/** Tells what happened last to the nodes of the first violation. */
function explainFile(args: readonly string[], platform: Platform): number {
  const { file, values } = parseFileVerb('explain', args, ['node', 'last'])
  const plan = readPlan(file, platform)
  if (isClusterPlan(plan)) throw new UsageError(`${file} is a run of replicas: explain tells of overlays`)
  const number = (name: string, fallback: number | undefined, max: number): number | undefined => {
    const text = values[name]
    if (text === undefined) return fallback
    const wrong = wholeNumber(0, max)(String(text))
    if (wrong !== undefined) throw new UsageError(`--${name} ${wrong}, got ${text}`)
    return Number(text)
  }
  const node = number('node', undefined, plan.nodes - 1)
  const last = number('last', EXPLAINED_EVENTS, 100_000) as number
  for (const line of explain(plan, { nodes: node === undefined ? [] : [node], last })) platform.out(line)
  return EXIT.held
}

/** `corpus add FILE` keeps a plan for good; `corpus run` plays all that are kept. */
async function corpus([verb, ...rest]: readonly string[], platform: Platform): Promise<number> {
  if (verb === 'add') {
    const { file } = parseFileVerb('corpus add', rest, [])
    const plan = readPlan(file, platform)
    platform.writeFile(`${platform.corpus}/${plan.scenario}-${plan.seed}.plan`, formatPlan(plan))
    return EXIT.held
  }
  if (verb !== 'run' || rest.length > 0) throw new UsageError(`say corpus add FILE, or corpus run; ${USAGE}`)
  let broken = false
  for (const name of platform.listFiles(platform.corpus)) {
    const { violations } = await playAny(readPlan(`${platform.corpus}/${name}`, platform))
    broken ||= violations.length > 0
    platform.out(`${name}: ${violations[0] ?? 'ok'}`)
  }
  return broken ? EXIT.violated : EXIT.held
}

function readPlan(file: string, platform: Platform): AnyPlan {
  try {
    return parsePlan(platform.readFile(file))
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`)
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
