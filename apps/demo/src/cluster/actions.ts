import { RefusedRequest } from '../api/problem.ts'
import type { MemberAction, Split } from '../api/types.ts'
import type { ClusterNode, NodeState } from './cluster-node.ts'
import { nodeName, NODES_MAX, type Cluster } from './cluster.ts'
import type { Hub } from './hub.ts'

/** Actions that wait for their turn at a time. */
const WAITING_MAX = 16
/** Nodes a starting one is told of. */
const CONTACTS_MAX = 3

/** In which states of a member an action makes sense. */
const POSSIBLE: Readonly<Record<MemberAction, readonly NodeState[]>> = {
  kill: ['starting', 'running', 'paused'],
  pause: ['running'],
  resume: ['paused'],
  restart: ['killed', 'stopped'],
  stop: ['running', 'paused']
}

export const MEMBER_ACTIONS: readonly string[] = Object.keys(POSSIBLE)

/**
 * What a person does to the local cluster, one thing after the other. A split is each side taking the other's admission away, so it is
 * level-triggered: a member that was away gets it when it is back.
 */
export class Actions {
  readonly #cluster: Cluster
  readonly #hub: Hub
  #turn: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #closedFor: string | undefined

  /** @param closedFor why nothing can be done yet */
  constructor(cluster: Cluster, hub: Hub, closedFor?: string) {
    this.#cluster = cluster
    this.#hub = hub
    this.#closedFor = closedFor
  }

  /** From now on things can be done. */
  open(): void {
    this.#closedFor = undefined
  }

  /** Nothing can be done any more; resolves when what was begun has ended. */
  async close(): Promise<void> {
    this.#closedFor = 'The cluster is being stopped.'
    await this.#turn.catch(() => {})
  }

  member(index: number, action: MemberAction): Promise<void> {
    return this.#inTurn(async () => {
      const node = this.#cluster.nodes[index]
      if (node === undefined)
        throw new RefusedRequest(404, 'NoSuchMemberError', `There is no member ${index}.`)
      const name = nodeName(index)
      if (!POSSIBLE[action].includes(node.state)) {
        throw new RefusedRequest(
          409,
          'MemberStateError',
          `${name} is ${node.state}; ${action} does nothing to it.`
        )
      }
      this.#hub.disturbed()
      await this.#do(node, action)
      this.#hub.log(name, `member:${action}`, `${name}: ${WORDS[action]}`)
    })
  }

  /** One more node, on the first side if there is a split. */
  add(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#cluster.nodes.length >= NODES_MAX) {
        throw new RefusedRequest(409, 'MemberLimitError', `A local cluster has at most ${NODES_MAX} members.`)
      }
      const split = this.#cluster.nodes.some(node => this.#hub.partOf(node) !== 0)
      const node = this.#cluster.add()
      const parts = new Map(this.#cluster.nodes.map(each => [each.index, this.#hub.partOf(each)]))
      if (split) this.#hub.setParts(parts.set(node.index, 1))
      this.#hub.disturbed()
      await this.#start(node)
      // The others learn its identity only now.
      if (split) await this.#applySplit()
      this.#hub.log(nodeName(node.index), 'member:add', `${nodeName(node.index)} has joined`)
    })
  }

  split({ side }: Split): Promise<void> {
    return this.#inTurn(async () => {
      const { nodes } = this.#cluster
      const chosen = new Set(side)
      const inside = nodes.filter(({ index }) => chosen.has(index)).length
      if (inside !== chosen.size || inside === 0 || inside === nodes.length) {
        throw new RefusedRequest(
          400,
          'SplitError',
          'A split names some members by index, and not all of them.'
        )
      }
      this.#hub.setParts(new Map(nodes.map(({ index }) => [index, chosen.has(index) ? 1 : 2])))
      await this.#applySplit()
      const names = (part: number): string =>
        nodes
          .filter(node => this.#hub.partOf(node) === part)
          .map(({ index }) => nodeName(index))
          .join(', ')
      this.#hub.log('cluster', 'split', `split: ${names(1)} | ${names(2)}`)
    })
  }

  heal(): Promise<void> {
    return this.#inTurn(async () => {
      this.#hub.setParts(new Map())
      await this.#applySplit()
      this.#hub.log('cluster', 'heal', 'healed: everybody admits everybody again')
    })
  }

  async #do(node: ClusterNode, action: MemberAction): Promise<void> {
    switch (action) {
      case 'kill':
        return await node.kill()
      case 'pause':
        return node.pause()
      case 'resume':
        node.resume()
        return await node.revoke(this.#others(node))
      case 'restart':
        return await this.#start(node)
      case 'stop':
        await node.stop()
    }
  }

  async #start(node: ClusterNode): Promise<void> {
    const part = this.#hub.partOf(node)
    const contacts = this.#cluster.nodes
      .filter(each => each !== node && each.state === 'running' && this.#hub.partOf(each) === part)
      .slice(0, CONTACTS_MAX)
      .flatMap(each => each.started?.addresses ?? [])
    await node.start(contacts, this.#others(node))
  }

  async #applySplit(): Promise<void> {
    const running = this.#cluster.nodes.filter(({ state }) => state === 'running')
    await Promise.all(running.map(node => node.revoke(this.#others(node))))
  }

  /** The members on the other side of a split. */
  #others(node: ClusterNode): readonly string[] {
    const part = this.#hub.partOf(node)
    return this.#cluster.nodes.flatMap(each =>
      this.#hub.partOf(each) === part || each.started === undefined ? [] : [each.started.id]
    )
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    if (this.#closedFor !== undefined) throw new RefusedRequest(409, 'NotYetError', this.#closedFor)
    if (this.#waiting >= WAITING_MAX) {
      throw new RefusedRequest(503, 'BusyError', `${WAITING_MAX} actions wait already.`, {
        'retry-after': '1'
      })
    }
    this.#waiting++
    const turn = this.#turn.then(action, action).finally(() => this.#waiting--)
    this.#turn = turn.catch(() => {})
    return turn
  }
}

const WORDS: Readonly<Record<MemberAction, string>> = {
  kill: 'killed with SIGKILL',
  pause: 'paused with SIGSTOP',
  resume: 'resumed with SIGCONT',
  restart: 'started again on its store',
  stop: 'stopped with a goodbye'
}
