import { createSimulation, type Simulation } from '@starling/sim'
import { seededRandom } from '@starling/ports'
import { systemHash, systemHmac } from '@starling/ports/system'
import type { ReplicaEvent, ReplicaInit } from '@starling/replica'
import type { ScenarioResult } from '../scenario.ts'
import { ClusterNode } from './cluster-node.ts'
import { HostilePeer } from './hostile-peer.ts'
import { judgeCluster, lacksRoom } from './judge-cluster.ts'
import { CLUSTER_FAULTS, MISCHIEF, type ClusterAction, type ClusterPlan } from './cluster-plan.ts'
import { History } from './history.ts'
import { SimTransport } from './sim-transport.ts'

/** Between two looks at whether all nodes agree, ms. */
const LOOK_MS = 250
/** How long agreement has to last to count, and how long nothing may be written then, ms. */
const QUIET_MS = 60_000
/** How long an operator takes to look: at a clock that is still ahead after the faults, and at values that are long dead, ms. */
const OPERATOR_MS = 5_000
/** More events than any honest run has. */
const STEPS_MAX = 20_000_000

/** States that a swarm should reach now and then; a report that shows none of one of them has not tried it. */
const RARE = [
  'identityDuplicate',
  'clockParted',
  'clockAhead',
  'setAside',
  'staleConflict',
  'rejected',
  'poisoned',
  'reopened',
  'reopenFailed',
  'damagedMissing',
  'short'
] as const

/** Plays a plan with real replicas, and judges what came of it. */
export async function playCluster(plan: ClusterPlan): Promise<ScenarioResult> {
  const simulation = createSimulation({ seed: plan.seed })
  const run = new ClusterRun(simulation, plan, await SimTransport.create(simulation, plan.nodes + 1))
  const unhandled: string[] = []
  const onUnhandled = (reason: unknown): void =>
    void unhandled.push(`I19: an unhandled rejection: ${String(reason)}`)
  process.on('unhandledRejection', onUnhandled)
  try {
    const host = { hop: () => new Promise<void>(resolve => void setImmediate(resolve)) }
    await simulation.runAsync(() => run.play(), host, STEPS_MAX)
  } finally {
    process.off('unhandledRejection', onUnhandled)
  }
  return run.result(unhandled)
}

/** Evidence that is covered goes at once, so that a run of minutes forgets as one of weeks does. */
const REPLICA: Readonly<Record<ClusterPlan['forgetting'], Partial<ReplicaInit>>> = {
  byAge: { forgetting: 'byAge' },
  byKnown: { forgetting: 'byKnown', evidenceMs: 0 }
}

class ClusterRun {
  readonly #simulation: Simulation
  readonly #plan: ClusterPlan
  readonly #transport: SimTransport
  readonly #history = new History()
  readonly #nodes: readonly ClusterNode[]
  /** The admitted peer that is no honest node, where there is one. */
  readonly #intruder: ClusterNode | undefined
  #hostile: HostilePeer | undefined
  readonly #violations: string[] = []
  readonly #counts: Record<string, number> = {}
  #convergedMs: number | null = null

  constructor(simulation: Simulation, plan: ClusterPlan, transport: SimTransport) {
    this.#simulation = simulation
    this.#plan = plan
    this.#transport = transport
    const hostilePeer = transport.contacts([plan.nodes])[0]?.peer ?? ''
    const node = (index: number): ClusterNode =>
      new ClusterNode({
        index,
        simulation,
        transport: transport.node(index),
        contacts: index === 0 ? transport.contacts([1]) : transport.contacts([0]),
        history: this.#history,
        replica: REPLICA[plan.forgetting],
        limits: plan.entriesMax === undefined ? {} : { entriesMax: plan.entriesMax },
        hostilePeer,
        protocol: index < plan.nodes ? undefined : honest => this.#hostile?.protocol(honest) ?? honest,
        onEvent: event => {
          if (index < plan.nodes) this.#onEvent(index, event)
        },
        onFailure: what => this.#violations.push(what)
      })
    this.#nodes = Array.from({ length: plan.nodes }, (_, index) => node(index))
    this.#intruder = plan.actions.some(({ type }) => type === 'hostile') ? node(plan.nodes) : undefined
  }

  async play(): Promise<void> {
    const late = new Set(this.#plan.actions.flatMap(action => (action.type === 'join' ? [action.node] : [])))
    for (const [index, node] of this.#nodes.entries()) if (!late.has(index)) node.start()
    if (this.#intruder !== undefined) this.#letIn(this.#intruder)
    for (const action of this.#plan.actions) {
      this.#simulation.schedule(action.atMs, () => this.#act(action))
    }
    await this.#until(this.#plan.healMs)
    this.#heal()
    await this.#converge()
    this.#judge()
    await Promise.all(
      [...this.#nodes, ...(this.#intruder === undefined ? [] : [this.#intruder])].map(node => node.stop())
    )
  }

  result(unhandled: readonly string[]): ScenarioResult {
    const operations = this.#history.operations
    const count = (outcome: string): number => operations.filter(one => one.outcome === outcome).length
    const faults = Object.fromEntries(
      [...CLUSTER_FAULTS, ...MISCHIEF].map(type => [`${type}Faults`, this.#counts[type] ?? 0])
    )
    const seen = Object.fromEntries(RARE.map(label => [`${label}Seen`, this.#counts[label] ?? 0]))
    return {
      violations: [...this.#violations, ...unhandled],
      metrics: {
        operations: operations.length,
        acknowledged: count('acknowledged'),
        indeterminate: count('indeterminate'),
        refused: count('refused'),
        lost: this.#violations.filter(text => text.startsWith('I3')).length,
        keys: new Set(this.#history.keys).size,
        convergedMs: this.#convergedMs,
        ...faults,
        ...seen
      },
      traceHash: this.#simulation.trace.hash,
      simulatedMs: this.#simulation.nowMs
    }
  }

  #onEvent(node: number, event: ReplicaEvent): void {
    this.#count(event.type)
    // No world that is drawn has as many keys as one session may set aside; a story has.
    if (event.type === 'staleConflict') {
      this.#simulation.schedule(OPERATOR_MS, () => this.#nodes[node]?.decideStale())
    }
    const doubts =
      event.type === 'clockParted' ||
      event.type === 'identityDuplicate' ||
      (event.type === 'reopened' && !event.proven) ||
      (event.type === 'recovered' && (event.damaged !== undefined || event.badRows + event.quarantined > 0))
    // Where evidence is kept for its time, doubt costs nothing.
    if (doubts && this.#plan.forgetting === 'byKnown') this.#history.doubted(node)
  }

  #act(action: ClusterAction): void {
    if ('side' in action) {
      this.#count('partition')
      return this.#transport.partition(action.side, action.lastsMs)
    }
    this.#count(action.type)
    if (action.type === 'hostile') return this.#hostile?.turn(action.act)
    const node = this.#nodes[action.node]
    if (node === undefined) return
    switch (action.type) {
      case 'set':
      case 'remove':
      case 'setIf':
      case 'removeIf':
      case 'batch':
        return node.write(action)
      case 'kill':
        node.kill()
        return this.#startLater(node, action.downMs)
      case 'powerCut':
        node.powerCut()
        return this.#startLater(node, action.downMs)
      case 'restart':
        node.stop().then(
          () => this.#startLater(node, action.downMs),
          (error: unknown) => this.#violations.push(`I19: a stop rejected: ${String(error)}`)
        )
        return
      case 'wipe':
        node.wipe()
        return this.#startLater(node, action.downMs)
      case 'flip':
        node.flip(action.place)
        return this.#startLater(node, action.downMs)
      case 'backup':
        return node.backup()
      case 'restore':
        node.restore()
        return this.#startLater(node, action.downMs)
      case 'copy': {
        const from = this.#nodes[action.from]
        if (from === undefined) return
        node.copyFrom(from)
        return this.#startLater(node, action.downMs)
      }
      case 'join':
        return node.start()
      case 'pause':
        node.ports.pause()
        this.#transport.pause(action.node)
        this.#simulation.schedule(action.lastsMs, () => {
          node.ports.resume()
          this.#transport.resume(action.node)
        })
        return
      case 'slow':
        return this.#transport.slow(action.node, action.extraMs, action.lastsMs)
      case 'slowDisk':
        return node.disk.inject({ type: 'latency', msMax: action.msMax })
      case 'full':
        node.disk.inject({ type: 'full', bytes: 0 })
        this.#simulation.schedule(action.lastsMs, () => node.disk.inject({ type: 'space' }))
        return
      case 'writeError':
      case 'syncError':
        return node.disk.inject({ type: action.type, nth: 1 })
      case 'flood':
        return this.#flood(node, action)
      case 'wallJump':
        return node.ports.jumpWall(action.byMs)
      case 'wrongClock':
        node.setClockWrong(action.byMs)
        this.#simulation.schedule(action.lastsMs, () => {
          node.setClockRight()
          node.repairClock()
        })
        return
    }
  }

  #letIn(intruder: ClusterNode): void {
    const { ports } = intruder
    const random = seededRandom(this.#plan.seed).fork('hostile')
    const timers = this.#simulation.ports('hostile timers').timers
    this.#hostile = new HostilePeer(
      random,
      { clock: ports.clock, random, timers, hash: systemHash, hmac: systemHmac },
      () => intruder.process
    )
    intruder.start()
  }

  /** Writes keys of its own, one after the other, and removes them in the end. */
  #flood(
    node: ClusterNode,
    { keys, node: index, lastsMs }: ClusterAction & { readonly type: 'flood' }
  ): void {
    for (let i = 0; i < keys; i++) {
      const key = `flood ${index} ${i}`
      this.#simulation.schedule(20 * i, () => node.write({ type: 'set', node: index, key }))
      this.#simulation.schedule(lastsMs + 20 * i, () => node.write({ type: 'remove', node: index, key }))
    }
  }

  #heal(): void {
    this.#hostile?.calm()
    this.#transport.heal()
    for (const node of this.#nodes) {
      node.disk.heal()
      node.ports.resume()
      node.setClockRight()
      node.start()
    }
    // Who has a copy of a store whose clock was wrong has its stamps as well.
    this.#simulation.schedule(OPERATOR_MS, () => {
      for (const node of this.#nodes) node.repairClock()
    })
  }

  /** Waits until all show the same and have done so for a while. */
  async #converge(): Promise<void> {
    const { healMs, endMs } = this.#plan
    let agreedMs: number | undefined
    let moved: string | undefined
    let short = ''
    while (this.#simulation.nowMs < endMs) {
      await this.#until(this.#simulation.nowMs + LOOK_MS)
      const before = short
      short = this.#short()
      // Who had no room was not among those that agree: once it has, it gets what it missed.
      if (!this.#agree() || short !== before) agreedMs = moved = undefined
      else agreedMs ??= this.#simulation.nowMs
      if (agreedMs !== undefined && this.#simulation.nowMs - agreedMs >= QUIET_MS / 2) moved ??= this.#moved()
      if (agreedMs !== undefined && this.#simulation.nowMs - agreedMs >= QUIET_MS) {
        this.#convergedMs = agreedMs - healMs
        // What there is no room for is asked for again after a pause.
        if (this.#moved() !== moved && short === '') {
          this.#violations.push('I16: nodes that agree go on exchanging entries')
        }
        return
      }
    }
    this.#violations.push(`I1: the nodes did not agree within ${endMs - healMs} ms of the last fault`)
  }

  #agree(): boolean {
    const processes = this.#nodes.flatMap(({ process }) => (process === undefined ? [] : [process]))
    if (processes.length < this.#nodes.length) return false
    // Who has no room, and says so, need not agree.
    const roots = processes.filter(({ map }) => !lacksRoom(map)).map(({ replica }) => replica.root())
    const [first] = roots
    if (first === undefined) return true
    return roots.every(({ sum, count }) => count === first.count && Buffer.compare(sum, first.sum) === 0)
  }

  /** The nodes that have no room, and need not agree. */
  #short(): string {
    return this.#nodes.flatMap(({ process }, i) => (process && lacksRoom(process.map) ? [i] : [])).join()
  }

  /** Entries that reconciliation has moved so far, by node. */
  #moved(): string {
    return this.#nodes.map(({ process }) => process?.entriesMoved ?? 0).join()
  }

  #judge(): void {
    const processes = this.#nodes.map(({ process }) => process)
    for (const one of processes) if (one !== undefined && lacksRoom(one.map)) this.#count('short')
    this.#violations.push(...judgeCluster(processes, this.#history, this.#plan))
  }

  #startLater(node: ClusterNode, downMs: number): void {
    this.#simulation.schedule(downMs, () => node.start())
  }

  #until(atMs: number): Promise<void> {
    return new Promise(resolve => {
      this.#simulation.schedule(Math.max(0, atMs - this.#simulation.nowMs), resolve)
    })
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1
  }
}
