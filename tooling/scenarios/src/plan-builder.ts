import type { SeededRandom } from '@starling/ports'
import {
  CONNECT_MS,
  LIVENESS_INTERVAL_MS,
  LIVENESS_MS,
  LIVENESS_ONE_SENDER,
  LIVENESS_RANDOM_SENDERS
} from './config.ts'
import { isFault, type Action, type Plan, type TimedAction } from './plan.ts'

/** Nodes every other one joins through, at most. */
const CONTACTS = 3

/** Collects the actions of a plan in any order. */
export class PlanBuilder {
  readonly random: SeededRandom
  readonly nodes: number
  readonly contacts: readonly number[]
  readonly #scenario: string
  readonly #seed: number
  readonly #actions: TimedAction[] = []

  constructor(scenario: string, seed: number, nodes: number, random: SeededRandom) {
    this.#scenario = scenario
    this.#seed = seed
    this.nodes = nodes
    this.random = random
    this.contacts = Array.from({ length: Math.min(CONTACTS, nodes) }, (_, node) => node)
  }

  at(atMs: number, action: Action): void {
    this.#actions.push({ atMs: Math.round(atMs), ...action })
  }

  /** Starts every node within `spreadMs`, in order. */
  startAll(spreadMs: number): void {
    for (let node = 0; node < this.nodes; node++) {
      this.at((node * spreadMs) / this.nodes, { type: 'start', node, contacts: this.contacts })
    }
  }

  /** A broadcast of a random node every `everyMs`. */
  broadcasts(fromMs: number, untilMs: number, everyMs: number): void {
    for (let atMs = fromMs; atMs < untilMs; atMs += everyMs) {
      this.at(atMs, { type: 'broadcast', node: this.random.below(this.nodes) })
    }
  }

  /** Ends every fault at `healMs`, leaves out what would begin later, adds the broadcasts of the second phase and puts all in order. */
  build(healMs: number): Plan {
    // Between two samples, so that a look at the whole world falls between two broadcasts.
    const startMs = healMs + CONNECT_MS + LIVENESS_INTERVAL_MS / 2
    const sender = this.random.below(this.nodes)
    for (let i = 0; i < LIVENESS_ONE_SENDER + LIVENESS_RANDOM_SENDERS; i++) {
      const node = i < LIVENESS_ONE_SENDER ? sender : this.random.below(this.nodes)
      this.at(startMs + i * LIVENESS_INTERVAL_MS, { type: 'broadcast', node })
    }
    return {
      format: 1,
      scenario: this.#scenario,
      seed: this.#seed,
      nodes: this.nodes,
      healMs,
      endMs: healMs + LIVENESS_MS,
      contacts: this.contacts,
      actions: this.#actions
        .filter(action => action.atMs < healMs || !isFault(action))
        .toSorted((a, b) => a.atMs - b.atMs)
    }
  }
}

/** A time until the next of events that come at random at this mean rate, ms. */
export function exponential(random: SeededRandom, meanMs: number): number {
  return -Math.log(1 - random.float()) * meanMs
}
