import type { ClusterNode } from './cluster/cluster-node.ts'
import type { Cluster } from './cluster/cluster.ts'
import type { Ledger } from './cluster/ledger.ts'
import type { LiveValue } from './cluster/worker-protocol.ts'
import { BackgroundWrites, compareContents, keyName, runTasks, type Task } from './cluster/workload.ts'
import type { DemoOptions } from './demo-options.ts'
import type { NodeRow, Reporter, Verdict } from './reporter.ts'

/** How long the cluster may take to agree after the last write before the demo says that it does not. */
const CONVERGENCE_TIMEOUT_MS = 60_000
/** How often the table of nodes is read and drawn. */
const TABLE_INTERVAL_MS = 250

/**
 * The demo: a cluster of processes lives through writes, conflicts, removals and a kill -9, and is then held to its promises.
 * Node 1 is everybody's contact and is never killed; node 2 is.
 */
export class Story {
  readonly #options: DemoOptions
  readonly #reporter: Reporter
  readonly #cluster: Cluster
  readonly #nodes: readonly ClusterNode[]
  readonly #ledger: Ledger
  readonly #keys: readonly string[]
  #table: NodeJS.Timeout | undefined
  #killed = 0
  #rows: NodeRow[] = []

  constructor(options: DemoOptions, cluster: Cluster, reporter: Reporter) {
    this.#options = options
    this.#reporter = reporter
    this.#cluster = cluster
    this.#nodes = [...cluster.nodes]
    this.#ledger = cluster.ledger
    this.#keys = Array.from({ length: options.keys }, (_, index) => keyName(index))
    this.#rows = this.#nodes.map(node => ({
      node: node.index + 1,
      state: node.state,
      peers: 0,
      keys: 0,
      messages: 0
    }))
  }

  async run(): Promise<Verdict> {
    const startedMs = performance.now()
    this.#table = setInterval(() => void this.#drawTable(), TABLE_INTERVAL_MS)
    await this.#join()
    await this.#writeEverywhere()
    await this.#writeConcurrently()
    await this.#remove()
    await this.#killAndRestart()
    const { agreed, content, convergenceMs } = await this.#converge()
    const judged = this.#ledger.judge(content)
    for (const entry of judged.lost) {
      this.#reporter.event(`LOST: ${entry.write}, "${entry.key}", acknowledged by node ${entry.node + 1}`, {
        lost: entry
      })
    }
    await this.#drawTable()
    return {
      converged: agreed,
      nodes: this.#options.nodes,
      keys: content.size,
      lostAcknowledged: judged.lost.length,
      uncheckedAcknowledged: judged.unchecked,
      killed: this.#killed,
      acknowledged: judged.acknowledged,
      unknownOutcome: judged.unknown,
      concurrentKeys: [...content.values()].filter(writes => writes.length > 1).length,
      invented: judged.invented.length,
      convergenceMs: Math.round(convergenceMs),
      durationMs: Math.round(performance.now() - startedMs)
    }
  }

  /** Ends the telling: the table is not drawn again. */
  close(): void {
    clearInterval(this.#table)
  }

  async #join(): Promise<void> {
    await this.#chapter(
      `Starting ${this.#nodes.length} nodes, each a process with a store and a QUIC port of its own`
    )
    await this.#cluster.start(({ index }, { id, addresses }) => {
      const text =
        index === 0 ? `node 1 is up as ${id}, and the others' only contact` : `node ${index + 1} is up`
      this.#reporter.event(text, { node: index + 1, addresses })
    })
    await this.#until('every node has a peer', async () => {
      const statuses = await Promise.all(this.#nodes.map(node => node.status()))
      return statuses.every(status => status.peers > 0)
    })
  }

  async #writeEverywhere(): Promise<void> {
    await this.#chapter(`Writing ${this.#keys.length} keys on all nodes at once`)
    const tasks = this.#keys.map((key, index): Task => ({ key, kind: 'set', node: this.#nodeFor(index) }))
    await runTasks(tasks, this.#ledger)
    this.#reporter.event(`${this.#ledger.acknowledged()} writes acknowledged: each is on its node's disk`)
    await this.#untilEverywhere()
  }

  async #writeConcurrently(): Promise<void> {
    const keys = this.#keys.filter((_, index) => index % 10 === 0)
    await this.#chapter(`Writing ${keys.length} of them on two nodes at the same moment`)
    const tasks = keys.flatMap((key, index): Task[] => [
      { key, kind: 'set', node: this.#nodeFor(index) },
      { key, kind: 'set', node: this.#nodeFor(index + 1) }
    ])
    await runTasks(tasks, this.#ledger)
    const content = await (this.#nodes[0] as ClusterNode).content()
    const concurrent = content.filter(([, writes]) => writes.length > 1).length
    this.#reporter.event(
      `${concurrent} keys got two values, written before either node had seen the other's; both stay until somebody who has seen both writes`,
      { concurrent }
    )
  }

  async #remove(): Promise<void> {
    const keys = this.#keys.filter((_, index) => index % 10 === 5)
    await this.#chapter(`Removing ${keys.length} keys, each on another node than wrote it`)
    await runTasks(
      keys.map((key, index): Task => ({ key, kind: 'delete', node: this.#nodeFor(index + 2) })),
      this.#ledger
    )
    this.#reporter.event('removed; a removal takes away what it had seen and nothing else')
  }

  async #killAndRestart(): Promise<void> {
    const victim = this.#nodes[1] as ClusterNode
    const contact = this.#nodes[0] as ClusterNode
    await this.#chapter(`Killing node ${victim.index + 1} with SIGKILL while everybody writes`)
    const background = new BackgroundWrites(this.#nodes, this.#keys, this.#ledger)
    try {
      await background.more(this.#nodes.length * 20)
      await victim.kill()
      this.#killed++
      this.#reporter.event(
        `node ${victim.index + 1} is gone, in the middle of its writes; the others go on`,
        {
          node: victim.index + 1,
          killed: true
        }
      )
      await background.more(this.#nodes.length * 40)
      const started = await victim.start(contact.started?.addresses ?? [])
      this.#reporter.event(
        `node ${victim.index + 1} is back on its store with ${started.recoveredKeys} keys, and is catching up`,
        { node: victim.index + 1, recoveredKeys: started.recoveredKeys }
      )
      await background.more(this.#nodes.length * 20)
    } finally {
      await background.stop()
    }
  }

  async #converge(): Promise<{
    agreed: boolean
    content: ReadonlyMap<string, readonly LiveValue[]>
    convergenceMs: number
  }> {
    await this.#chapter('No more writes: do all nodes come to hold the same?')
    const startedMs = performance.now()
    for (;;) {
      const { agreed, content, different } = await compareContents(this.#nodes)
      const convergenceMs = performance.now() - startedMs
      if (agreed || convergenceMs > CONVERGENCE_TIMEOUT_MS) {
        const names = different.map(index => index + 1).join(', ')
        this.#reporter.event(
          agreed
            ? `all ${this.#nodes.length} nodes hold the same ${content.size} keys`
            : `nodes ${names} differ from node 1`
        )
        return { agreed, content, convergenceMs }
      }
      await pause(100)
    }
  }

  async #untilEverywhere(): Promise<void> {
    await this.#until('every key is on every node', async () => (await compareContents(this.#nodes)).agreed)
  }

  /** Waits for a stage of the story; one that does not come is told, and the verdict at the end decides. */
  async #until(what: string, reached: () => Promise<boolean>): Promise<void> {
    const startedMs = performance.now()
    while (!(await reached())) {
      if (performance.now() - startedMs > CONVERGENCE_TIMEOUT_MS) {
        this.#reporter.event(`still waiting after ${CONVERGENCE_TIMEOUT_MS / 1000} s: ${what}`)
        return
      }
      await pause(50)
    }
    this.#reporter.event(`${what} (${Math.round(performance.now() - startedMs)} ms)`)
  }

  #nodeFor(index: number): ClusterNode {
    return this.#nodes[index % this.#nodes.length] as ClusterNode
  }

  /** Begins a chapter with a fresh table, so that the one just told ends with how things are and not how they were. */
  async #chapter(title: string): Promise<void> {
    if (this.#ledger.size > 0) await this.#drawTable()
    this.#reporter.chapter(title)
  }

  async #drawTable(): Promise<void> {
    this.#rows = await Promise.all(
      this.#nodes.map(async (node, index) => {
        const last = this.#rows[index] as NodeRow
        const status = node.state === 'running' ? await node.status().catch(() => undefined) : undefined
        return { ...last, ...status, state: node.state }
      })
    )
    this.#reporter.table(this.#rows)
  }
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
