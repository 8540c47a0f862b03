import { seededRandom, type SeededRandom, type TimerHandle } from '@starling/ports'
import { EVENTS_PENDING_MAX } from './config.ts'
import { EventQueueFullError } from './errors.ts'
import { EventQueue } from './event-queue.ts'
import { NodePorts, type NodePortsInit } from './node-ports.ts'
import { runAsync, type AsyncHost } from './run-async.ts'
import { Trace } from './trace.ts'

/** What {@link createSimulation} may be told. */
export interface SimulationInit {
  /** Everything random follows from it. Equal seeds give equal runs. */
  readonly seed: number | string
  /** Lines of text the trace keeps. Default 0: the hash only, which costs least. */
  readonly traceLinesMax?: number
  /** Most events pending at once. Default {@link EVENTS_PENDING_MAX}. */
  readonly eventsPendingMax?: number
}

/**
 * Something that will happen. The engine calls {@link SimEvent.run} once, with virtual time already at the event's time.
 * An event folds itself into the trace: the engine does not know what it means.
 */
export interface SimEvent {
  run(): void
}

/** Starts a simulation at virtual time 0 with nothing scheduled. */
export function createSimulation(init: SimulationInit): Simulation {
  return new Simulation(init)
}

/**
 * A world in which time passes only from event to event. State machines run synchronously with {@link Simulation.run},
 * programs made of promises with {@link Simulation.runAsync}.
 */
export class Simulation {
  /** The seed, as text. */
  readonly seed: string
  /** The root of all randomness. Fork it by label; never draw from it directly in two places. */
  readonly random: SeededRandom
  readonly trace: Trace
  readonly #queue = new EventQueue<SimEvent>()
  readonly #eventsPendingMax: number
  #nowMs = 0
  #steps = 0

  constructor(init: SimulationInit) {
    this.seed = String(init.seed)
    this.random = seededRandom(init.seed)
    this.trace = new Trace(init.traceLinesMax ?? 0)
    this.#eventsPendingMax = init.eventsPendingMax ?? EVENTS_PENDING_MAX
  }

  /** Virtual time, ms since the start. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** Events waiting, cancelled ones included until their time comes. */
  get pending(): number {
    return this.#queue.size
  }

  /** Events run so far. */
  get steps(): number {
    return this.#steps
  }

  /** When the next event is due, or `Infinity`. */
  get nextEventMs(): number {
    return this.#queue.nextTime
  }

  /**
   * Runs `task` once, `delayMs` from now (0 or more), after everything already due at that time.
   *
   * @param node the node in whose name it is traced; default −1, the world itself.
   * @throws RangeError for a delay that is negative or no number.
   */
  schedule(delayMs: number, task: () => void, node: number = -1): TimerHandle {
    const event = new TaskEvent(this, node, task)
    this.enqueue(delayMs, event)
    return event
  }

  /** Schedules an event object: what {@link Simulation.schedule} does, without a closure. */
  enqueue(delayMs: number, event: SimEvent): void {
    if (!(delayMs >= 0)) throw new RangeError(`a delay must be 0 or more, got ${delayMs}`)
    this.enqueueAt(this.#nowMs + delayMs, event)
  }

  /** {@link Simulation.enqueue} at an absolute time, which must not lie in the past. */
  enqueueAt(timeMs: number, event: SimEvent): void {
    if (!(timeMs >= this.#nowMs && timeMs < Infinity)) {
      throw new RangeError(`an event must be due at ${this.#nowMs} ms or later, got ${timeMs}`)
    }
    if (this.#queue.size >= this.#eventsPendingMax) {
      throw new EventQueueFullError(this.#eventsPendingMax, this.#nowMs)
    }
    this.#queue.push(timeMs, event)
  }

  /** Runs the next event and returns true, or returns false when nothing is left. */
  step(): boolean {
    const time = this.#queue.nextTime
    const event = this.#queue.pop()
    if (event === undefined) return false
    this.#nowMs = time
    this.#steps++
    event.run()
    return true
  }

  /**
   * Runs every event due until `timeMs`, that moment included, and sets the time to it. Events that these schedule are run
   * too when they fall due.
   */
  runUntil(timeMs: number): void {
    while (this.#queue.nextTime <= timeMs) this.step()
    if (timeMs > this.#nowMs) this.#nowMs = timeMs
  }

  /** {@link Simulation.runUntil} `durationMs` from now. */
  runFor(durationMs: number): void {
    this.runUntil(this.#nowMs + durationMs)
  }

  /**
   * Runs until nothing is pending.
   *
   * @returns false when `stepsMax` events were run and some are left: the way to bound a world with periodic timers.
   */
  run(stepsMax: number = Infinity): boolean {
    for (let i = 0; i < stepsMax; i++) {
      if (!this.step()) return true
    }
    return this.#queue.size === 0
  }

  /**
   * Runs a program made of promises, the ports of which are this simulation's, until its promise settles. After each event
   * all promises settle before the next event runs, so the same seed gives the same run.
   *
   * @param stepsMax most events; default no bound.
   * @throws StalledError when the program waits for something that no event brings, StepLimitError, RealWorkError when the
   * host sees something real begin; and whatever the program rejects with.
   */
  runAsync<T>(program: () => Promise<T>, host: AsyncHost, stepsMax: number = Infinity): Promise<T> {
    return runAsync(this, program, host, stepsMax)
  }

  /** The ports of one node: a clock, timers and randomness of its own, all virtual. */
  ports(label: string, init: NodePortsInit = {}): NodePorts {
    return new NodePorts(this, label, init)
  }
}

class TaskEvent implements SimEvent, TimerHandle {
  readonly #simulation: Simulation
  readonly #node: number
  #task: (() => void) | undefined

  constructor(simulation: Simulation, node: number, task: () => void) {
    this.#simulation = simulation
    this.#node = node
    this.#task = task
  }

  run(): void {
    const task = this.#task
    if (task === undefined) return
    this.#task = undefined
    this.#simulation.trace.fold(this.#simulation.nowMs, this.#node, 1)
    task()
  }

  cancel(): void {
    this.#task = undefined
  }
}
