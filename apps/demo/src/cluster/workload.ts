import { NodeGoneError, type ClusterNode } from './cluster-node.ts'
import type { Ledger } from './ledger.ts'
import type { LiveValue } from './worker-protocol.ts'

/** How many background writers each node has: a kill then finds writes in every stage. */
const BACKGROUND_WRITERS = 4
/** How many writes one node has in flight at most. */
const WINDOW = 32

/** A write to be made: which key, on which node. */
export interface Task {
  readonly key: string
  readonly kind: 'set' | 'delete'
  readonly node: ClusterNode
}

export const keyName = (index: number): string => `key-${String(index).padStart(5, '0')}`

/** Makes all writes, each node its own in order with a window in flight, all nodes at once. Returns when all are settled. */
export async function runTasks(tasks: readonly Task[], ledger: Ledger): Promise<void> {
  const perNode = new Map<ClusterNode, Task[]>()
  for (const task of tasks) {
    const queue = perNode.get(task.node) ?? []
    queue.push(task)
    perNode.set(task.node, queue)
  }
  await Promise.all(
    [...perNode.values()].map(async queue => {
      const next = queue.values()
      await Promise.all(Array.from({ length: WINDOW }, () => drain(next, ledger)))
    })
  )
}

async function drain(queue: Iterable<Task>, ledger: Ledger): Promise<void> {
  for (const task of queue) await runTask(task, ledger)
}

/** Makes one write and records how it ended. A process that dies leaves an unknown outcome, which is no error here. */
export async function runTask({ key, kind, node }: Task, ledger: Ledger): Promise<void> {
  const entry = ledger.open(key, kind, node.index)
  try {
    await node[kind](key, entry.write)
    entry.outcome = 'acknowledged'
  } catch (error) {
    entry.outcome = error instanceof NodeGoneError ? 'unknown' : 'refused'
    if (!(error instanceof NodeGoneError)) throw error
  }
}

/** Keeps writing over a range of keys on whichever nodes run, until told to stop. */
export class BackgroundWrites {
  readonly #ledger: Ledger
  readonly #keys: readonly string[]
  #running = true
  #round = 0
  readonly #done: Promise<void>

  constructor(nodes: readonly ClusterNode[], keys: readonly string[], ledger: Ledger) {
    this.#keys = keys
    this.#ledger = ledger
    const writers = nodes.flatMap(node => Array.from({ length: BACKGROUND_WRITERS }, () => this.#write(node)))
    this.#done = Promise.all(writers).then(() => {})
    // Awaited by stop(); until then a failure must not count as unhandled.
    this.#done.catch(() => {})
  }

  get rounds(): number {
    return this.#round
  }

  async stop(): Promise<void> {
    this.#running = false
    await this.#done
  }

  async #write(node: ClusterNode): Promise<void> {
    while (this.#running) {
      if (node.state === 'running') {
        const key = this.#keys[this.#round++ % this.#keys.length] as string
        await runTask({ key, kind: this.#round % 7 === 0 ? 'delete' : 'set', node }, this.#ledger)
      }
      // A pause keeps the story readable: the demo shows behaviour, the benchmarks show speed.
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  /** Resolves once so many more writes have been made. */
  async more(writes: number): Promise<void> {
    const target = this.#round + writes
    while (this.#round < target && this.#running) await new Promise(resolve => setTimeout(resolve, 10))
  }
}

/** The nodes that agree with the first, and the content if all do. */
export async function compareContents(nodes: readonly Pick<ClusterNode, 'content'>[]): Promise<{
  agreed: boolean
  content: ReadonlyMap<string, readonly LiveValue[]>
  different: readonly number[]
}> {
  const contents = await Promise.all(nodes.map(node => node.content()))
  const [first = []] = contents
  const reference = JSON.stringify(first)
  const different = contents.flatMap((content, index) =>
    JSON.stringify(content) === reference ? [] : [index]
  )
  return { agreed: different.length === 0, content: new Map(first), different }
}
