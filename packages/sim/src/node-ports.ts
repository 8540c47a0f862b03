import type { Clock, SeededRandom, TimerHandle, Timers } from '@starling/ports'
import { EPOCH_WALL_MS } from './config.ts'
import type { SimEvent, Simulation } from './simulation.ts'

/** What makes one node's clock and timers differ from true time. */
export interface NodePortsInit {
  /** Node number under which its timers are traced. Default −1. */
  readonly node?: number
  /** How far its wall clock is ahead of true time, ms. Default 0. */
  readonly wallOffsetMs?: number
  /** How much faster than true time its wall clock runs, parts per million. Default 0. */
  readonly wallDriftPpm?: number
}

/** The virtual ports of one node. They have the shape of the system's, and {@link NodePorts.halt} besides. */
export class NodePorts {
  readonly clock: Clock
  readonly timers: Timers
  /** Depends on the simulation's seed and the node's label only. */
  readonly random: SeededRandom
  #wallOffsetMs: number
  #generation = 0
  #held: SimEvent[] | undefined

  constructor(simulation: Simulation, label: string, init: NodePortsInit) {
    const node = init.node ?? -1
    const rate = 1 + (init.wallDriftPpm ?? 0) / 1_000_000
    this.#wallOffsetMs = init.wallOffsetMs ?? 0
    this.random = simulation.random.fork(`node/${label}`)
    this.clock = {
      wallMs: () => EPOCH_WALL_MS + simulation.nowMs * rate + this.#wallOffsetMs,
      monotonicMs: () => simulation.nowMs
    }
    this.timers = {
      schedule: (delayMs, task) => {
        const timer = new NodeTimer(this, simulation, node, task)
        simulation.enqueue(delayMs, timer)
        return timer
      }
    }
  }

  /** Whether timers wait: between {@link NodePorts.pause} and {@link NodePorts.resume}. */
  get paused(): boolean {
    return this.#held !== undefined
  }

  /** Counts the node's processes: timers of an earlier one never run. */
  get generation(): number {
    return this.#generation
  }

  /** Stops the process where it stands: timers that fall due wait. Both clocks go on. */
  pause(): void {
    this.#held ??= []
  }

  /** Lets a paused process go on: timers that have waited run now, in the order in which they fell due. */
  resume(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const timer of held) timer.run()
  }

  /** Called by a timer that falls due while the node is paused. */
  hold(timer: SimEvent): void {
    this.#held?.push(timer)
  }

  /** Lets the wall clock jump by `deltaMs`, either way. Monotonic time never jumps. */
  jumpWall(deltaMs: number): void {
    this.#wallOffsetMs += deltaMs
  }

  /** Forgets every pending timer: the process died. Timers set afterwards belong to the next process. */
  halt(): void {
    this.#generation++
    this.#held = undefined
  }
}

class NodeTimer implements SimEvent, TimerHandle {
  readonly #ports: NodePorts
  readonly #simulation: Simulation
  readonly #node: number
  readonly #generation: number
  #task: (() => void) | undefined

  constructor(ports: NodePorts, simulation: Simulation, node: number, task: () => void) {
    this.#ports = ports
    this.#simulation = simulation
    this.#node = node
    this.#generation = ports.generation
    this.#task = task
  }

  run(): void {
    const task = this.#task
    if (task === undefined || this.#generation !== this.#ports.generation) return
    if (this.#ports.paused) return this.#ports.hold(this)
    this.#task = undefined
    this.#simulation.trace.fold(this.#simulation.nowMs, this.#node, 1)
    task()
  }

  cancel(): void {
    this.#task = undefined
  }
}
