import type { ClusterNode } from './cluster-node.ts'
import type { Ledger } from './ledger.ts'
import { runTask, type Task } from './workload.ts'

/** Keys the writes go to. Few, so that concurrent ones meet. */
const KEYS = 40
/** Between two bursts, ms: long enough to see the cluster agree in between. */
const BURST_INTERVAL_MS = 6000
/** One write of so many is a removal. */
const REMOVALS = 8

/** A burst of writes on random nodes every few seconds: something to see in a cluster that stays. */
export class SteadyWrites {
  readonly #nodes: () => readonly ClusterNode[]
  readonly #ledger: Ledger
  readonly #count: number
  #timer: NodeJS.Timeout | undefined
  #burst: Promise<void> = Promise.resolve()

  /** @param count writes per burst; 0 for none at all */
  constructor(nodes: () => readonly ClusterNode[], ledger: Ledger, count: number) {
    this.#nodes = nodes
    this.#ledger = ledger
    this.#count = count
  }

  start(): void {
    if (this.#count === 0) return
    this.#timer ??= setInterval(() => {
      this.#burst = this.#write()
    }, BURST_INTERVAL_MS)
  }

  /** Resolves when the writes under way are settled. */
  async pause(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#burst
  }

  async #write(): Promise<void> {
    const running = this.#nodes().filter(({ state }) => state === 'running')
    if (running.length === 0) return
    const tasks = Array.from({ length: this.#count }, (): Task => ({
      key: `steady-${String(below(KEYS)).padStart(2, '0')}`,
      kind: below(REMOVALS) === 0 ? 'delete' : 'set',
      node: running[below(running.length)] as ClusterNode
    }))
    // A node that is being stopped refuses; the ledger has it.
    await Promise.allSettled(tasks.map(task => runTask(task, this.#ledger)))
  }
}

const below = (limit: number): number => Math.floor(Math.random() * limit)
