import { createSimulation } from '@starling/sim'
import { BroadcastWorld } from './broadcast-world.ts'
import { Bounds } from './checkers/bounds.ts'
import type { Checker, CheckerClass } from './checkers/checker.ts'
import { Connectivity } from './checkers/connectivity.ts'
import { Conservation } from './checkers/conservation.ts'
import { Cost } from './checkers/cost.ts'
import { Delivery } from './checkers/delivery.ts'
import { RareStates } from './checkers/rare-states.ts'
import { Symmetry } from './checkers/symmetry.ts'
import { Views } from './checkers/views.ts'
import { Conditions } from './conditions.ts'
import { SAMPLE_MS, SAVED_MAX } from './config.ts'
import type { Observer } from './observer.ts'
import { FAULT_TYPES, type Plan, type TimedAction } from './plan.ts'
import type { ScenarioResult } from './scenario.ts'
import { Violations } from './violations.ts'

/** Time between a node's goodbye and the end of its process, ms. */
const GOODBYE_MS = 100

/** Time between two looks at the counters of all trees, ms. */
const RARE_MS = 5_000

/** Plays a plan: a world of HyParView and Plumtree, everything the plan says done to it, and every checker watching. */
export function play(plan: Plan, observer?: Observer): ScenarioResult {
  return new Player(plan, observer).run()
}

class Player {
  readonly #plan: Plan
  readonly #world: BroadcastWorld
  readonly #violations: Violations
  readonly #rare: RareStates
  readonly #checkers: readonly Checker[]
  readonly #conditions: Conditions<unknown>
  readonly #injected: Record<string, number> = {}
  /** Nodes whose process has begun. */
  readonly #started = new Set<number>()

  constructor(plan: Plan, observer: Observer | undefined) {
    this.#plan = plan
    this.#violations = new Violations(() => observer?.violated?.())
    this.#world = new BroadcastWorld(createSimulation({ seed: plan.seed }), { nodes: plan.nodes })
    this.#rare = new RareStates(this.#world)
    this.#world.overlay.observer = {
      step: (node, input, outputs, nowMs) => {
        this.#rare.step(node, input, outputs)
        observer?.step(node, input, outputs, nowMs)
      }
    }
    this.#conditions = new Conditions(this.#world.overlay.network)
    const all: readonly CheckerClass[] = [Views, Bounds, Symmetry, Connectivity, Delivery, Cost, Conservation]
    this.#checkers = all.map(Checks => new Checks(this.#world, plan, this.#violations))
  }

  run(): ScenarioResult {
    const { simulation } = this.#world
    const { healMs, endMs, actions } = this.#plan
    for (const node of this.#world.overlay.alive()) this.#world.overlay.crash(node)
    this.#world.overlay.afterStep = node => {
      for (const checker of this.#checkers) checker.step?.(node)
    }
    for (const action of actions) simulation.schedule(action.atMs, () => this.#perform(action))
    simulation.schedule(healMs, () => this.#heal())
    try {
      for (let timeMs = 0; timeMs <= endMs; timeMs += SAMPLE_MS) {
        simulation.runUntil(timeMs)
        for (const checker of this.#checkers) checker.sample?.()
        if (timeMs % RARE_MS === 0) this.#rare.sample()
      }
      simulation.runUntil(endMs)
    } catch (error) {
      this.#violations.add('I19', `at ${simulation.nowMs.toFixed(0)} ms: ${String(error)}`)
    }
    return this.#result()
  }

  #result(): ScenarioResult {
    const metrics: Record<string, number | null> = {}
    for (const checker of this.#checkers) Object.assign(metrics, checker.end?.())
    const faults = FAULT_TYPES.map(type => [`${type}Faults`, this.#injected[type] ?? 0] as const)
    return {
      violations: this.#violations.sentences,
      reached: this.#rare.reached,
      metrics: { ...metrics, ...Object.fromEntries(faults.filter(([, count]) => count > 0)) },
      traceHash: this.#world.simulation.trace.hash,
      simulatedMs: this.#world.simulation.nowMs
    }
  }

  #perform(action: TimedAction): void {
    const { overlay } = this.#world
    const { network } = overlay
    this.#injected[action.type] = (this.#injected[action.type] ?? 0) + 1
    switch (action.type) {
      case 'start':
        return this.#start(action.node, action.contacts, action.saved === true)
      case 'crash':
        return overlay.crash(action.node)
      case 'leave':
        if (!network.isUp(action.node) || network.isPaused(action.node)) return
        overlay.leave(action.node)
        overlay.ports(action.node).timers.schedule(GOODBYE_MS, () => overlay.crash(action.node))
        return
      case 'pause':
        overlay.pause(action.node)
        this.#later(action.lastsMs, () => overlay.resume(action.node))
        return
      case 'broadcast':
        if (network.isUp(action.node) && !network.isPaused(action.node)) this.#world.broadcast(action.node)
        return
      default:
        this.#conditions.begin(action)
        this.#later(action.lastsMs, () => this.#conditions.end(action))
    }
  }

  #later(delayMs: number, task: () => void): void {
    this.#world.simulation.schedule(delayMs, task)
  }

  #start(node: number, contacts: readonly number[], withSaved: boolean): void {
    const { overlay } = this.#world
    if (overlay.network.isUp(node)) return
    const saved = withSaved && this.#started.has(node) ? overlay.saved(node, SAVED_MAX) : []
    this.#started.add(node)
    const others = [...new Set([...contacts, ...saved])].filter(other => other !== node)
    overlay.restart(node, others)
  }

  /** Phase two: no fault is left, and every node that ever took part runs. */
  #heal(): void {
    const { overlay } = this.#world
    this.#conditions.heal()
    for (const node of this.#started) {
      overlay.resume(node)
      if (!overlay.network.isUp(node) || !overlay.machine(node).joined) {
        overlay.crash(node)
        this.#start(node, this.#plan.contacts, true)
      }
    }
    for (const checker of this.#checkers) checker.healed?.()
  }
}
