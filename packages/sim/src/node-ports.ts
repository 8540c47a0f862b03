import type { Clock, SeededRandom, TimerHandle, Timers } from '@starling/ports'
import { EPOCH_WALL_MS } from './config.ts'
import type { Simulation } from './simulation.ts'

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
      schedule: (delayMs, task): TimerHandle => {
        const generation = this.#generation
        const guarded = (): void => {
          if (generation === this.#generation) task()
        }
        return simulation.schedule(delayMs, guarded, node)
      }
    }
  }

  /** Lets the wall clock jump by `deltaMs`, either way. Monotonic time never jumps. */
  jumpWall(deltaMs: number): void {
    this.#wallOffsetMs += deltaMs
  }

  /** Forgets every pending timer: the process died. Timers set afterwards belong to the next process. */
  halt(): void {
    this.#generation++
  }
}
