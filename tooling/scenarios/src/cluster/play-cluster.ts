import { createSimulation, type Simulation } from '@starling/sim'
import type { ReplicaEvent, ReplicaInit } from '@starling/replica'
import {
  checkAnswered,
  checkConvergence,
  checkErrors,
  checkInvented,
  checkLost,
  checkResurrection,
  checkStamps,
  checkTold,
  type Shown
} from '../checkers/replicas.ts'
import type { ScenarioResult } from '../scenario.ts'
import { ClusterNode } from './cluster-node.ts'
import { CLUSTER_FAULTS, type ClusterAction, type ClusterPlan } from './cluster-plan.ts'
import { History } from './history.ts'
import { SimTransport } from './sim-transport.ts'

/** Between two looks at whether all nodes agree, ms. */
const LOOK_MS = 250
/** How long agreement has to last to count, and how long nothing may be written then, ms. */
const QUIET_MS = 60_000
/** When an operator looks whose clock is still ahead, after the faults, ms. */
const REPAIR_MS = 5_000
/** More events than any honest run has. */
const STEPS_MAX = 20_000_000

/** What a caller of a map may be told, by name: what its README lists. */
const DOCUMENTED: ReadonlySet<string> = new Set([
  'VersionMismatchError',
  'ReplicaPoisonedError',
  'ReplicaClosedError',
  'MapClosedError',
  'WriteQueueFullError',
  'ClockAheadError',
  'QuotaExceededError'
])

/** Plays a plan with real replicas, and judges what came of it. */
export async function playCluster(plan: ClusterPlan): Promise<ScenarioResult> {
  const simulation = createSimulation({ seed: plan.seed })
  const run = new ClusterRun(simulation, plan, await SimTransport.create(simulation, plan.nodes))
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
  readonly #violations: string[] = []
  readonly #counts: Record<string, number> = {}
  #convergedMs: number | null = null

  constructor(simulation: Simulation, plan: ClusterPlan, transport: SimTransport) {
    this.#simulation = simulation
    this.#plan = plan
    this.#transport = transport
    this.#nodes = Array.from({ length: plan.nodes }, (_, index) => {
      return new ClusterNode({
        index,
        simulation,
        transport: transport.node(index),
        contacts: index === 0 ? transport.contacts([1]) : transport.contacts([0]),
        history: this.#history,
        replica: REPLICA[plan.forgetting],
        onEvent: event => this.#onEvent(index, event),
        onFailure: what => this.#violations.push(what)
      })
    })
  }

  async play(): Promise<void> {
    const late = new Set(this.#plan.actions.flatMap(action => (action.type === 'join' ? [action.node] : [])))
    for (const [index, node] of this.#nodes.entries()) if (!late.has(index)) node.start()
    for (const action of this.#plan.actions) {
      this.#simulation.schedule(action.atMs, () => this.#act(action))
    }
    await this.#until(this.#plan.healMs)
    this.#heal()
    await this.#converge()
    this.#judge()
    await Promise.all(this.#nodes.map(node => node.stop()))
  }

  result(unhandled: readonly string[]): ScenarioResult {
    const operations = this.#history.operations
    const count = (outcome: string): number => operations.filter(one => one.outcome === outcome).length
    const faults = Object.fromEntries(CLUSTER_FAULTS.map(type => [`${type}Faults`, this.#counts[type] ?? 0]))
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
        ...faults
      },
      traceHash: this.#simulation.trace.hash,
      simulatedMs: this.#simulation.nowMs
    }
  }

  #onEvent(node: number, event: ReplicaEvent): void {
    this.#count(`${event.type}Events`)
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
    const node = this.#nodes[action.node]
    if (node === undefined) return
    this.#count(action.type)
    switch (action.type) {
      case 'set':
      case 'remove':
      case 'setIf':
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

  #heal(): void {
    this.#transport.heal()
    for (const node of this.#nodes) {
      node.disk.heal()
      node.ports.resume()
      node.setClockRight()
      node.start()
    }
    // Who has a copy of a store whose clock was wrong has its stamps as well.
    this.#simulation.schedule(REPAIR_MS, () => {
      for (const node of this.#nodes) node.repairClock()
    })
  }

  /** Waits until all show the same and have done so for a while. */
  async #converge(): Promise<void> {
    const { healMs, endMs } = this.#plan
    let agreedMs: number | undefined
    let moved: string | undefined
    while (this.#simulation.nowMs < endMs) {
      await this.#until(this.#simulation.nowMs + LOOK_MS)
      if (!this.#agree()) agreedMs = moved = undefined
      else agreedMs ??= this.#simulation.nowMs
      if (agreedMs !== undefined && this.#simulation.nowMs - agreedMs >= QUIET_MS / 2) moved ??= this.#moved()
      if (agreedMs !== undefined && this.#simulation.nowMs - agreedMs >= QUIET_MS) {
        this.#convergedMs = agreedMs - healMs
        if (this.#moved() !== moved) {
          this.#violations.push('I16: nodes that agree go on exchanging entries')
        }
        return
      }
    }
    this.#violations.push(`I1: the nodes did not agree within ${endMs - healMs} ms of the last fault`)
  }

  #agree(): boolean {
    const roots = this.#nodes.map(({ process }) => process?.replica.root())
    const [first] = roots
    return roots.every(
      root => root !== undefined && root.count === first?.count && Buffer.compare(root.sum, first.sum) === 0
    )
  }

  /** Entries that reconciliation has moved so far, by node. */
  #moved(): string {
    return this.#nodes.map(({ process }) => process?.entriesMoved ?? 0).join()
  }

  #judge(): void {
    const all = this.#nodes.flatMap((node, index) => {
      const { process } = node
      return process === undefined ? [] : [shown(index, process.map)]
    })
    this.#violations.push(
      ...checkConvergence(all),
      ...all.flatMap(one => [
        ...checkInvented(one, this.#history),
        ...checkLost(one, this.#history),
        ...checkResurrection(one, this.#history)
      ]),
      ...this.#nodes.flatMap(({ process }, index) =>
        process === undefined ? [] : checkTold(index, process.told, new Map(process.map))
      ),
      ...checkStamps(this.#history),
      ...checkAnswered(this.#history),
      ...checkErrors(this.#history, DOCUMENTED)
    )
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

function shown(
  node: number,
  map: { keys(): Iterable<string>; conflicts(key: string): readonly { value: string }[] }
): Shown {
  return {
    node,
    values: new Map([...map.keys()].map(key => [key, map.conflicts(key).map(({ value }) => value)]))
  }
}
