import { GOT, type Broadcast, type BroadcastWorld } from '../broadcast-world.ts'
import { CONNECT_MS, DELIVER_MS } from '../config.ts'
import type { Graph } from '../graph.ts'
import type { Plan } from '../plan.ts'
import type { Metrics } from '../report.ts'
import type { Violations } from '../violations.ts'
import type { Checker } from './checker.ts'
import { mutualGraph } from './connectivity.ts'

interface Watched {
  readonly broadcast: Broadcast
  readonly number: number
  /** Nodes connected with the sender when it was sent. */
  readonly connected: ReadonlySet<number>
  /** How many there are still. */
  readonly incarnations: readonly number[]
}

/**
 * I14: nobody gets a broadcast twice, ever; and once the overlay had its time to heal, every node that is up and connected
 * with the sender, from the broadcast to its deadline, gets it. Before that, the same share is only measured.
 */
export class Delivery implements Checker {
  readonly #world: BroadcastWorld
  readonly #violations: Violations
  readonly #dueFromMs: number
  #watching: Watched[] = []
  #next = 0
  #owed = 0
  #got = 0
  #missedAfterHeal = 0
  #reachMin = 1

  constructor(world: BroadcastWorld, plan: Plan, violations: Violations) {
    this.#world = world
    this.#violations = violations
    this.#dueFromMs = plan.healMs + CONNECT_MS
  }

  /** A broadcast is taken note of at the next sample: a second more or less does not matter to who is connected. */
  sample(): void {
    const { broadcasts, simulation } = this.#world
    const due = this.#watching.filter(({ broadcast }) => broadcast.sentMs + DELIVER_MS <= simulation.nowMs)
    if (due.length > 0 || this.#next < broadcasts.length) {
      const graph = mutualGraph(this.#world.overlay)
      for (const watched of due) this.#judge(watched, graph)
      this.#watching = this.#watching.filter(watched => !due.includes(watched))
      for (; this.#next < broadcasts.length; this.#next++) this.#watch(this.#next, graph)
    }
  }

  end(): Metrics {
    const { broadcasts } = this.#world
    broadcasts.forEach(({ repeats }, number) => {
      if (repeats > 0)
        this.#violations.add('I14', `delivery: broadcast ${number} came ${repeats} times too often`)
    })
    return {
      broadcasts: broadcasts.length,
      reachWhileConnected: this.#owed === 0 ? null : this.#got / this.#owed,
      reachWhileConnectedMin: this.#owed === 0 ? null : this.#reachMin,
      missedAfterHeal: this.#missedAfterHeal
    }
  }

  #watch(number: number, graph: Graph): void {
    const broadcast = this.#world.broadcasts[number] as Broadcast
    const connected = reachable(graph, broadcast.sender)
    const incarnations = [...connected].map(node => this.#world.overlay.startedMs(node))
    this.#watching.push({ broadcast, number, connected, incarnations })
  }

  #judge({ broadcast, number, connected, incarnations }: Watched, graph: Graph): void {
    const still = reachable(graph, broadcast.sender)
    let owed = 0
    let missed = 0
    let at = 0
    let example = -1
    for (const node of connected) {
      const sameProcess = incarnations[at++] === this.#world.overlay.startedMs(node)
      if (!sameProcess || !still.has(node) || node === broadcast.sender) continue
      owed++
      if (broadcast.got[node] === GOT) continue
      missed++
      example = node
    }
    if (owed === 0) return
    if (broadcast.sentMs < this.#dueFromMs) {
      this.#owed += owed
      this.#got += owed - missed
      this.#reachMin = Math.min(this.#reachMin, 1 - missed / owed)
      return
    }
    this.#missedAfterHeal += missed
    if (missed === 0) return
    this.#violations.add(
      'I14',
      `delivery: broadcast ${number} of node ${broadcast.sender} missed ${missed} of ${owed} nodes, ${example} among them`
    )
  }
}

/** The nodes of the component that a node is in, itself included. */
function reachable(graph: Graph, start: number): Set<number> {
  const seen = new Set<number>()
  if (graph[start] === undefined) return seen
  seen.add(start)
  for (const node of seen) for (const peer of graph[node] ?? []) seen.add(peer)
  return seen
}
