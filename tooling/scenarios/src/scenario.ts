import type { AnyPlan } from './any-plan.ts'
import type { Metrics } from './report.ts'

/** What the command line gives a scenario. */
export interface ScenarioContext {
  readonly nodes: number
  readonly seed: number
  /** The scenario's own options, parsed: only those it declared, with their defaults filled in. */
  readonly options: Readonly<Record<string, string>>
  /** Says what is being done, on standard error, for people who wait. */
  readonly progress: (text: string) => void
  /** Wall time in ms from any start, for a scenario with a time limit. */
  readonly nowMs: () => number
}

/** What a scenario found. */
export interface ScenarioResult {
  /** Names of broken promises with their details; empty when all held. */
  readonly violations: readonly string[]
  readonly metrics: Metrics
  readonly traceHash: string
  readonly simulatedMs: number
  /** Rare states that a run came to. */
  readonly reached?: readonly string[]
}

/** An option of one scenario. `parse` returns a complaint, or `undefined` when the text is fine. */
export interface ScenarioOption {
  readonly meaning: string
  readonly default: string
  readonly complaint: (text: string) => string | undefined
}

/** A scenario: one world, what is done to it, and what is measured. One file each. */
export interface Scenario {
  readonly name: string
  readonly summary: string
  readonly nodesDefault: number
  readonly nodesMin: number
  readonly options: Readonly<Record<string, ScenarioOption>>
  readonly run: (context: ScenarioContext) => ScenarioResult | Promise<ScenarioResult>
}

/** A scenario all of which is drawn beforehand: its runs can be saved, replayed and shrunk. */
export interface PlannedScenario<P extends AnyPlan = AnyPlan> extends Scenario {
  readonly plan: (context: Pick<ScenarioContext, 'nodes' | 'seed' | 'options'>) => P
}

export function isPlanned(scenario: Scenario): scenario is PlannedScenario {
  return 'plan' in scenario
}

/** A complaint check for whole numbers. */
export function wholeNumber(min: number, max: number): (text: string) => string | undefined {
  return text => {
    const value = Number(text)
    const fits = /^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min && value <= max
    return fits ? undefined : `must be a whole number from ${min} to ${max}`
  }
}

/** A complaint check for numbers. */
export function numberIn(min: number, max: number): (text: string) => string | undefined {
  return text => {
    const value = Number(text)
    const fits = text.trim() !== '' && value >= min && value <= max
    return fits ? undefined : `must be a number from ${min} to ${max}`
  }
}

/** A complaint check for one of a few words. */
export function oneOf(...words: readonly string[]): (text: string) => string | undefined {
  return text => (words.includes(text) ? undefined : `must be one of ${words.join(', ')}`)
}

/** The option of scenarios that can report a curve besides their figures. */
export const CURVE: ScenarioOption = {
  meaning: 'whether to report the points of a curve too',
  default: 'no',
  complaint: oneOf('yes', 'no')
}
