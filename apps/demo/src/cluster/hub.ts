import { HTTP_LIMITS, type HttpLimits } from '../api/config.ts'
import { EventFeed } from '../api/event-feed.ts'
import type { ServerEvent } from '../api/event-stream.ts'
import type { ClusterMember, ClusterState, Pulse } from '../api/types.ts'
import { checkAcknowledged } from './acknowledged-check.ts'
import type { ClusterNode } from './cluster-node.ts'
import { CLUSTER_NAME, nodeName, type Cluster } from './cluster.ts'
import { agreement } from './agreement.ts'
import { MemberLink } from './member-link.ts'
import { SteadyWrites } from './steady-writes.ts'

/** Between two states told to readers, ms. */
const STATE_INTERVAL_MS = 500
/** Writes remembered before they are checked for their own sake, so that the ledger stays small. */
const CHECK_AFTER_WRITES = 5000

/** How the hub runs. */
export interface HubInit {
  /** Writes per burst of the steady writes; 0 for none. */
  readonly steadyWrites: number
  readonly limits?: HttpLimits
}

/**
 * What the local cluster's page shows: every member's process and last pulse, whether all agree, a log of what happens, and whether
 * something acknowledged was lost. After every disturbance, once all members run and agree again, what was acknowledged is compared with
 * what is there.
 */
export class Hub {
  readonly #cluster: Cluster
  readonly #feed: EventFeed
  readonly #writes: SteadyWrites
  readonly #links = new Map<number, MemberLink>()
  readonly #pulses = new Map<number, Pulse>()
  readonly #parts = new Map<number, number>()
  #timer: NodeJS.Timeout | undefined
  #convergedSinceMs: number | undefined
  #lostAcknowledged: number | undefined
  readonly #lost = new Set<string>()
  #uncheckedTold = 0
  #checkDue = false
  #checking: Promise<void> | undefined
  #open = false

  constructor(cluster: Cluster, init: HubInit) {
    this.#cluster = cluster
    this.#feed = new EventFeed(init.limits ?? HTTP_LIMITS)
    this.#writes = new SteadyWrites(() => cluster.nodes, cluster.ledger, init.steadyWrites)
    cluster.watch({ started: node => this.#follow(node), ended: node => this.#ended(node) })
    this.#timer = setInterval(() => this.#tick(), STATE_INTERVAL_MS)
  }

  state(): ClusterState {
    const { ledger, nodes } = this.#cluster
    const since = this.#convergedSinceMs
    return {
      name: CLUSTER_NAME,
      atMs: Date.now(),
      members: nodes.map(node => this.#member(node)),
      converged: since !== undefined,
      ...(since === undefined ? {} : { convergedSinceMs: since }),
      acknowledged: ledger.acknowledged(),
      ...(ledger.unchecked === 0 ? {} : { uncheckedAcknowledged: ledger.unchecked }),
      ...(this.#lostAcknowledged === undefined ? {} : { lostAcknowledged: this.#lostAcknowledged })
    }
  }

  /** The state at once and whenever it changes, and the lines of the log. */
  read(lastEventId: string | undefined): AsyncIterator<ServerEvent> {
    return this.#feed.read(lastEventId, [{ name: 'cluster', data: this.state() }])
  }

  log(node: string, type: string, text: string): void {
    this.#feed.log({ atMs: Date.now(), node, type, text })
  }

  #follow(node: ClusterNode): void {
    const { index, started } = node
    this.#links.get(index)?.close()
    if (started?.url === undefined) return
    this.#pulses.delete(index)
    this.#links.set(
      index,
      new MemberLink(started.url, {
        pulse: pulse => this.#pulses.set(index, pulse),
        line: line => this.log(line.node, line.type, this.#withNames(line.text))
      })
    )
  }

  /** Writes a little and checks what is acknowledged from now on: nobody else drives the cluster. */
  open(): void {
    this.#open = true
    this.#checkDue = true
    this.#writes.start()
  }

  /** Something was done to the cluster: what is acknowledged is checked once all agree again. */
  disturbed(): void {
    this.#checkDue = true
    this.#convergedSinceMs = undefined
    this.#lostAcknowledged = undefined
  }

  /** Which side of a split each member is on; all 0 without one. */
  setParts(parts: ReadonlyMap<number, number>): void {
    this.#parts.clear()
    for (const [index, part] of parts) this.#parts.set(index, part)
    this.disturbed()
  }

  partOf({ index }: ClusterNode): number {
    return this.#parts.get(index) ?? 0
  }

  /** Stops telling and writing. The nodes stay as they are. */
  async close(): Promise<void> {
    this.#open = false
    clearInterval(this.#timer)
    for (const link of this.#links.values()) link.close()
    await this.#writes.pause()
    await this.#checking
  }

  #member(node: ClusterNode): ClusterMember {
    const { index, state, started } = node
    const pulse = this.#pulses.get(index)
    const alive = state === 'running' || state === 'paused'
    return {
      index,
      name: nodeName(index),
      state,
      part: this.partOf(node),
      ...(started === undefined ? {} : { id: started.id }),
      ...(started?.url === undefined || !alive ? {} : { url: started.url }),
      ...(pulse === undefined ? {} : { pulse })
    }
  }

  #ended(node: ClusterNode): void {
    this.#links.get(node.index)?.close()
    this.#links.delete(node.index)
    this.disturbed()
    const name = nodeName(node.index)
    this.log(name, `member:${node.state}`, `the process of ${name} has ended (${node.state})`)
  }

  #tick(): void {
    const running = this.#cluster.nodes.filter(({ state }) => state === 'running')
    const agreed = agreement(running.map(({ index }) => this.#pulses.get(index)))
    if (!agreed) this.#convergedSinceMs = undefined
    else if (this.#convergedSinceMs === undefined) this.#convergedSinceMs = Date.now()
    const { nodes, ledger } = this.#cluster
    this.#tellUnchecked(ledger.unchecked)
    const whole = running.length === nodes.length && nodes.every(node => this.partOf(node) === 0)
    if (this.#open && agreed && whole && (this.#checkDue || ledger.size > CHECK_AFTER_WRITES))
      this.#startCheck()
    if (this.#feed.readers > 0) this.#feed.publish({ name: 'cluster', data: this.state() })
  }

  #tellUnchecked(unchecked: number): void {
    if (unchecked === this.#uncheckedTold) return
    this.#uncheckedTold = unchecked
    const text = `no check for so long that ${unchecked} acknowledged writes were forgotten: whether they are lost is not known`
    this.log('cluster', 'unchecked', text)
  }

  #startCheck(): void {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined
      if (this.#open) this.#writes.start()
    })
  }

  async #check(): Promise<void> {
    await this.#writes.pause()
    this.#checkDue = false
    const result = await checkAcknowledged(this.#cluster)
    // What was done to the cluster meanwhile asks for another check.
    if (result === undefined || this.#checkDue) {
      this.#checkDue = true
      return
    }
    for (const lost of result.lost) {
      if (!this.#lost.has(lost)) this.log('cluster', 'lost', `LOST: ${lost}`)
      this.#lost.add(lost)
    }
    this.#lostAcknowledged = this.#lost.size
    const verdict = result.lost.length === 0 ? 'none is lost' : `${result.lost.length} are LOST`
    const rest = result.unchecked === 0 ? '' : `; ${result.unchecked} older ones were not checked`
    this.log(
      'cluster',
      'checked',
      `all members agree; of ${result.checked} acknowledged writes ${verdict}${rest}`
    )
  }

  /** Puts names where a line has ids. */
  #withNames(text: string): string {
    return this.#cluster.nodes.reduce(
      (named, { index, started }) =>
        started === undefined ? named : named.replaceAll(started.id, nodeName(index)),
      text
    )
  }
}
