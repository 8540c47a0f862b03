import { parseArgs } from 'node:util'
import { UsageError } from './platform.ts'
import { numberIn, wholeNumber, type Scenario } from './scenario.ts'

export const USAGE: string =
  'usage: npm run sim -- SCENARIO [--nodes N] [--seed S] [--json] [--twice] [--save FILE] [--wall-seconds-max N] ' +
  '[scenario options], or: list, replay FILE, shrink FILE, explain FILE, corpus add FILE, corpus run'

/** Most nodes a run may ask for. */
const NODES_MAX = 1_000_000

/** What a run is asked to be. */
export interface RunArguments {
  readonly nodes: number
  readonly seed: number
  readonly json: boolean
  /** Run it again, here and in another process, and compare. */
  readonly twice: boolean
  /** Where to write the plan. */
  readonly save: string | undefined
  readonly wallSecondsMax: number
  readonly options: Record<string, string>
}

type Complaint = (text: string) => string | undefined

/** Reads the arguments of a run of `scenario`. Throws a UsageError. */
export function parseRun(scenario: Scenario, args: readonly string[]): RunArguments {
  const own = Object.fromEntries(Object.keys(scenario.options).map(name => [name, TEXT]))
  const { values } = parseStrictly(args, { ...RUN_OPTIONS, ...own }, 0)
  const text = (name: string, fallback: string, complaint: Complaint): string => {
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
    twice: values['twice'] === true,
    save: values['save'] as string | undefined,
    wallSecondsMax: Number(text('wall-seconds-max', 'Infinity', numberIn(0, 1_000_000))),
    options
  }
}

/** Reads the arguments of a verb that works on one file. */
export function parseFileVerb(
  verb: string,
  args: readonly string[],
  options: readonly string[]
): { readonly file: string; readonly values: Values } {
  const types = Object.fromEntries(options.map(name => [name, name === 'json' ? FLAG : TEXT]))
  const { values, positionals } = parseStrictly(args, types, 1)
  const [file] = positionals
  if (file === undefined) throw new UsageError(`${verb} needs the file of a plan; ${USAGE}`)
  return { file, values }
}

const TEXT = { type: 'string' } as const
const FLAG = { type: 'boolean' } as const
const RUN_OPTIONS = {
  nodes: TEXT,
  seed: TEXT,
  json: FLAG,
  twice: FLAG,
  save: TEXT,
  'wall-seconds-max': TEXT
} as const

type Values = Record<string, string | boolean | undefined>

function parseStrictly(
  args: readonly string[],
  options: Record<string, { readonly type: 'string' | 'boolean' }>,
  positionalsMax: number
): { readonly values: Values; readonly positionals: readonly string[] } {
  try {
    const parsed = parseArgs({
      args: [...args],
      options,
      strict: true,
      allowPositionals: positionalsMax > 0
    })
    const extra = parsed.positionals[positionalsMax]
    if (extra !== undefined) throw new UsageError(`there is one argument too many, ${extra}; ${USAGE}`)
    return parsed
  } catch (error) {
    if (error instanceof UsageError) throw error
    // The messages of parseArgs are sentences already; only their first is of use here.
    const [first = 'wrong arguments'] = (error as Error).message.split(/\.\s/)
    throw new UsageError(`${first}; ${USAGE}`)
  }
}
