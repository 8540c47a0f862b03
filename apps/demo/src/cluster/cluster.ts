import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ClusterNode, type ClusterNodeListener, type Told } from './cluster-node.ts'
import { Ledger } from './ledger.ts'
import type { Started } from './worker-protocol.ts'

/** How a local cluster is made. */
export interface ClusterInit {
  readonly nodes: number
  /** Each node has its folder below it. */
  readonly dataDir: string
  /** Whether each node serves a page and an API of its own. */
  readonly served: boolean
}

/** Who wants to know of processes that start and end. */
export type ClusterWatcher = Pick<ClusterNodeListener, 'started' | 'ended'>

/** The name of the local cluster. */
export const CLUSTER_NAME = 'demo'
/** The most nodes a local cluster has: each is a process. */
export const NODES_MAX = 50

/** The processes of a local cluster, and a ledger of every write that was asked of them. */
export class Cluster {
  readonly ledger: Ledger = new Ledger()
  readonly #init: ClusterInit
  readonly #secret = randomBytes(32).toString('hex')
  readonly #nodes: ClusterNode[] = []
  #watcher: ClusterWatcher | undefined

  constructor(init: ClusterInit) {
    this.#init = init
    for (let index = 0; index < init.nodes; index++) this.add()
  }

  get nodes(): readonly ClusterNode[] {
    return this.#nodes
  }

  /** One more node, not started yet. */
  add(): ClusterNode {
    const index = this.#nodes.length
    const name = nodeName(index)
    const node = new ClusterNode(
      index,
      {
        dataDir: join(this.#init.dataDir, name),
        clusterName: CLUSTER_NAME,
        secret: this.#secret,
        ...(this.#init.served ? { served: name } : {})
      },
      this.#listener
    )
    this.#nodes.push(node)
    return node
  }

  /** Tells one watcher of the processes that start and end, wanted or not. */
  watch(watcher: ClusterWatcher): void {
    this.#watcher = watcher
  }

  /**
   * Starts every node: the first one alone, then all others with it as their contact.
   *
   * @param started told of each node that is up, and what it said
   */
  async start(started: (node: ClusterNode, said: Started) => void = () => {}): Promise<void> {
    const [first, ...others] = this.#nodes as [ClusterNode, ...ClusterNode[]]
    const { addresses, ...said } = await first.start([])
    started(first, { addresses, ...said })
    await Promise.all(others.map(async node => started(node, await node.start(addresses))))
  }

  /** Stops every node for good and says how many processes ended by themselves. */
  async end(): Promise<number> {
    const ends = await Promise.all(this.#nodes.map(node => node.end()))
    return ends.filter(({ endedByItself }) => endedByItself).length
  }

  readonly #listener: ClusterNodeListener = {
    told: (node, reply) => this.#note(node, reply),
    started: node => this.#watcher?.started(node),
    ended: node => {
      this.ledger.abandon(node.index)
      this.#watcher?.ended(node)
    }
  }

  #note(node: ClusterNode, reply: Told): void {
    switch (reply.type) {
      case 'issued':
        return this.ledger.issued(reply.write, reply.seen)
      case 'outside':
        return this.ledger.outside({ ...reply, node: node.index })
      case 'outsideSettled':
        return this.ledger.outsideSettled(reply.write, reply.outcome, reply.stamp)
    }
  }
}

export const nodeName = (index: number): string => `node-${index + 1}`
