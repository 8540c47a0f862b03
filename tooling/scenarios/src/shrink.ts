import { LIVENESS_MS } from './config.ts'
import { ddmin } from './ddmin.ts'
import { isFault, nodeOf, type Plan, type TimedAction } from './plan.ts'

/** What a shrink came to. */
export interface Shrunk {
  readonly plan: Plan
  /** The promise that is broken, before and after. */
  readonly invariant: string
  /** Plans played. */
  readonly runs: number
  /** Whether it ended because it had to: the plan may still be smaller. */
  readonly stopped: boolean
}

/** How a shrink is done. */
export interface ShrinkOptions {
  /** The id of the first promise a plan breaks, or `undefined`. */
  readonly broken: (plan: Plan) => string | undefined | Promise<string | undefined>
  /** Asked before each run; false ends the shrink with what there is. */
  readonly goOn: () => boolean
  readonly progress: (text: string) => void
}

/**
 * Makes a failing plan smaller: leaves out faults, then nodes, then operations, then shortens the time, then weakens what is
 * left. Only what breaks the same promise is kept. Returns `undefined` for a plan that breaks none.
 */
export async function shrink(plan: Plan, options: ShrinkOptions): Promise<Shrunk | undefined> {
  const invariant = await options.broken(plan)
  return invariant === undefined ? undefined : await new Shrinking(plan, invariant, options).run()
}

class Shrinking {
  readonly #invariant: string
  readonly #options: ShrinkOptions
  #plan: Plan
  #runs = 1
  #stopped = false

  constructor(plan: Plan, invariant: string, options: ShrinkOptions) {
    this.#plan = plan
    this.#invariant = invariant
    this.#options = options
  }

  async run(): Promise<Shrunk> {
    await this.#actions('faults', isFault)
    await this.#nodes()
    await this.#actions('operations', action => !isFault(action))
    await this.#time()
    await this.#values()
    // What is weaker now may be needed no more.
    await this.#actions('faults', isFault)
    return { plan: this.#plan, invariant: this.#invariant, runs: this.#runs, stopped: this.#stopped }
  }

  /** Takes the plan over if it breaks the same promise. */
  async #try(plan: Plan): Promise<boolean> {
    if (this.#stopped || !this.#options.goOn()) {
      this.#stopped = true
      return false
    }
    this.#runs++
    if ((await this.#options.broken(plan)) !== this.#invariant) return false
    this.#plan = plan
    return true
  }

  #say(what: string): void {
    const { actions, healMs } = this.#plan
    const faults = actions.filter(isFault).length
    this.#options.progress(
      `${what}: ${faults} faults, ${nodesOf(this.#plan).length} nodes, ${actions.length - faults} operations, ${healMs} ms`
    )
  }

  async #actions(what: string, which: (action: TimedAction) => boolean): Promise<void> {
    const plan = this.#plan
    const rest = plan.actions.filter(action => !which(action))
    await ddmin(plan.actions.filter(which), some =>
      this.#try({ ...plan, actions: [...rest, ...some].toSorted((a, b) => a.atMs - b.atMs) })
    )
    this.#say(what)
  }

  async #nodes(): Promise<void> {
    const plan = this.#plan
    await ddmin(nodesOf(plan), some => this.#try(onlyNodes(plan, new Set(some))))
    this.#say('nodes')
  }

  /** Halves the time before the healing again and again, all of it, then its parts between two actions. */
  async #time(): Promise<void> {
    while (this.#plan.healMs > 1_000 && (await this.#try(squeezed(this.#plan, 0, this.#plan.healMs)))) {}
    const times = [...new Set(this.#plan.actions.map(({ atMs }) => atMs))]
    for (let i = times.length - 1; i > 0; i--) {
      const { healMs } = this.#plan
      const [from, to] = [times[i - 1] as number, times[i] as number]
      if (to <= healMs && to - from > 1_000) await this.#try(squeezed(this.#plan, from, to))
    }
    this.#say('time')
  }

  async #values(): Promise<void> {
    for (let i = 0; i < this.#plan.actions.length; i++) {
      for (
        let weaker = this.#weaker(i);
        weaker !== undefined && (await this.#try(weaker));
        weaker = this.#weaker(i)
      ) {}
    }
    this.#say('values')
  }

  /** The plan with one fault half as strong, or half as long. */
  #weaker(at: number): Plan | undefined {
    const action = this.#plan.actions[at] as TimedAction
    if (!('lastsMs' in action) || action.lastsMs < 2) return undefined
    const weaker: TimedAction = { ...action, lastsMs: Math.floor(action.lastsMs / 2) }
    return { ...this.#plan, actions: this.#plan.actions.with(at, weaker) }
  }
}

/** The nodes that ever start. */
function nodesOf(plan: Plan): number[] {
  return [...new Set(plan.actions.flatMap(action => (action.type === 'start' ? [action.node] : [])))]
}

function onlyNodes(plan: Plan, kept: ReadonlySet<number>): Plan {
  const stays = (node: number): boolean => kept.has(node)
  return {
    ...plan,
    contacts: plan.contacts.filter(stays),
    actions: plan.actions
      .filter(action => nodeOf(action) === undefined || stays(nodeOf(action) as number))
      .map(action =>
        action.type === 'start' ? { ...action, contacts: action.contacts.filter(stays) } : action
      )
  }
}

/** The plan with the time from `fromMs` to `toMs` halved, and everything later moved up. */
function squeezed(plan: Plan, fromMs: number, toMs: number): Plan {
  const cut = (toMs - fromMs) / 2
  const move = (atMs: number): number => {
    if (atMs <= fromMs) return atMs
    return Math.round(atMs >= toMs ? atMs - cut : fromMs + (atMs - fromMs) / 2)
  }
  const healMs = move(plan.healMs)
  return {
    ...plan,
    healMs,
    endMs: healMs + LIVENESS_MS,
    actions: plan.actions.map(action => ({ ...action, atMs: move(action.atMs) }))
  }
}
