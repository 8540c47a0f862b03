import type { AnyPlan } from './any-plan.ts'
import type { Cut } from './cut.ts'

/**
 * Something done to a world at a moment. A plan holds every choice that was made, so that one can be left out without
 * changing the others: that is what lets a failing run be shrunk, and replayed after the code that drew it has changed.
 */
export type Action =
  /** The node's process starts, or starts again, and joins through these; with `saved` also through peers it had saved. */
  | {
      readonly type: 'start'
      readonly node: number
      readonly contacts: readonly number[]
      readonly saved?: boolean
    }
  | { readonly type: 'crash'; readonly node: number }
  /** The node says goodbye and ends. */
  | { readonly type: 'leave'; readonly node: number }
  /** The process stands still: messages and timers wait, and come in a burst. */
  | { readonly type: 'pause'; readonly node: number; readonly lastsMs: number }
  /** Everything a node sends and receives takes so much longer. */
  | { readonly type: 'slow'; readonly node: number; readonly extraMs: number; readonly lastsMs: number }
  | { readonly type: 'loss'; readonly share: number; readonly lastsMs: number }
  | { readonly type: 'duplicates'; readonly share: number; readonly lastsMs: number }
  /** Messages of a link overtake each other by up to so much. */
  | { readonly type: 'reorder'; readonly jitterMsMax: number; readonly lastsMs: number }
  | { readonly type: 'spike'; readonly extraMs: number; readonly lastsMs: number }
  | { readonly type: 'partition'; readonly cut: Cut; readonly lastsMs: number }
  | { readonly type: 'broadcast'; readonly node: number }

export type ActionType = Action['type']

export type FaultType = Exclude<ActionType, 'start' | 'broadcast'>

/** Actions that are faults: what the swarm draws from, and what a shrink tries to leave out first. */
export const FAULT_TYPES: readonly FaultType[] = [
  'crash',
  'leave',
  'pause',
  'slow',
  'loss',
  'duplicates',
  'reorder',
  'spike',
  'partition'
]

/** A whole run: two phases. Until `healMs` anything may happen; then every fault ends and promises fall due. */
export interface Plan {
  readonly format: 1
  readonly scenario: string
  /** Everything the plan does not say follows from it: delays, and the nodes' own draws. */
  readonly seed: number
  /** Size of the world. A node without a `start` never takes part. */
  readonly nodes: number
  readonly healMs: number
  readonly endMs: number
  /** Whom a node that is down at `healMs` joins through. */
  readonly contacts: readonly number[]
  /** By time; equal times in this order. */
  readonly actions: readonly (Action & { readonly atMs: number })[]
}

export type TimedAction = Plan['actions'][number]

export function isFault(action: Action): boolean {
  return action.type !== 'start' && action.type !== 'broadcast'
}

/** The node an action is about, if it is about one. */
export function nodeOf(action: Action): number | undefined {
  return 'node' in action ? action.node : undefined
}

/** A plan as text, one action to a line: easy to read and to cut by hand. */
export function formatPlan(plan: AnyPlan): string {
  const { actions, ...head } = plan
  const lines = actions.map(action => `    ${JSON.stringify(action)}`)
  const opening = JSON.stringify(head, undefined, 2).replace(/\n\}$/, ',')
  return `${opening}\n  "actions": [\n${lines.join(',\n')}\n  ]\n}\n`
}

/** Reads what {@link formatPlan} wrote. Throws a SyntaxError that says what is wrong. */
export function parsePlan(text: string): AnyPlan {
  const plan = JSON.parse(text) as Partial<Plan> & { readonly world?: string }
  const fail = (what: string): never => {
    throw new SyntaxError(`this is no plan of a run: ${what}`)
  }
  if (plan.format !== 1) fail('its "format" is not 1')
  for (const name of ['seed', 'nodes', 'healMs', 'endMs'] as const) {
    if (typeof plan[name] !== 'number') fail(`"${name}" is not a number`)
  }
  if (plan.world === undefined && !Array.isArray(plan.contacts)) fail('"contacts" is not a list')
  if (!Array.isArray(plan.actions)) fail('"actions" is not a list')
  return plan as AnyPlan
}
