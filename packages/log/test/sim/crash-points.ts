import { crashImages, createSimulation, imageKey, type DiskImage, type DiskState } from '@starling/sim'
import { seededRandom } from '@starling/ports'
import { contents } from '../row-fixtures.ts'
import { History, Violation } from './history.ts'
import { Machine, simulated, type MachineInit, type OpenStore } from './machine.ts'
import type { Workload } from './workloads.ts'

/** What the exhaustive mode did. */
export interface ExhaustiveReport {
  /** Disk operations of the workload before which the power was cut, those that change nothing left out. */
  readonly crashPoints: number
  /** Ways to keep or tear what was unsynced, over all crash points; at least that many when sampled. */
  readonly choices: number
  /** Different images that were opened, each at the latest crash point that leaves it. */
  readonly images: number
  readonly sampled: boolean
  /** Second power cuts, during the recovery from the first. */
  readonly nested: number
  /** Images of which damage was reported. */
  readonly damaged: number
}

export interface ExhaustiveInit {
  readonly seed: number
  /** Images tried of one crash point; beyond it a sample is taken. */
  readonly imagesPerPoint: number
  /** One image in so many is cut off again while it is being opened. */
  readonly nestedEvery: number
  readonly wrap?: MachineInit['wrap']
}

interface CrashPoint {
  readonly operation: string
  readonly state: DiskState
  /** Synced acknowledgements given until then. */
  readonly synced: readonly boolean[]
}

/**
 * Cuts the power before every disk operation of a workload and opens every legal image, up to a bound. Every image must hold
 * a prefix of the appends with all that were acknowledged, and stay the same when it is closed and opened again.
 */
export async function exhaust(workload: Workload, init: ExhaustiveInit): Promise<ExhaustiveReport> {
  const { points, history } = await play(workload, init)
  const random = seededRandom(init.seed)
  const images = new Map<string, { readonly image: DiskImage; readonly point: CrashPoint }>()
  let [choices, sampled] = [0, false]
  for (const point of points) {
    const found = crashImages(point.state, random, init.imagesPerPoint)
    choices += found.choices
    sampled ||= found.sampled
    // An image that several points leave is checked against the latest of them, which promises most.
    for (const image of found.images) images.set(imageKey(image), { image, point })
  }
  let [nested, damaged, index] = [0, 0, 0]
  for (const { image, point } of images.values()) {
    try {
      const again = index++ % init.nestedEvery === 0
      const outcome = await simulated(createSimulation({ seed: init.seed }), () =>
        recover(workload, history, image, point.synced, again, init)
      )
      nested += outcome.nested
      damaged += outcome.damaged ? 1 : 0
    } catch (error) {
      throw new Violation(
        `seed ${init.seed}, power cut before operation ${point.operation}: ${String(error)}`,
        { cause: error }
      )
    }
  }
  return { crashPoints: points.length, choices, images: images.size, sampled, nested, damaged }
}

async function play(
  workload: Workload,
  init: ExhaustiveInit
): Promise<{ points: CrashPoint[]; history: History }> {
  const simulation = createSimulation({ seed: init.seed })
  const history = new History(new Set(workload.logs.filter(log => workload.durability(log) === 'async')))
  const points: CrashPoint[] = []
  const note = (operation: string): void => {
    const state = machine.disk.state()
    const { synced } = history.promised
    const last = points.at(-1)
    if (last === undefined || last.synced.join() !== synced.join() || !sameState(last.state, state)) {
      points.push({ operation, state, synced })
    }
  }
  const machine: Machine = new Machine({
    seed: init.seed,
    timers: simulation.ports('disk').timers,
    observe: ({ number, text }) => note(`${number}, ${text}`),
    ...(init.wrap === undefined ? {} : { wrap: init.wrap })
  })
  const lives = async (): Promise<void> => {
    for (const life of workload.lives) {
      const open = await opened(workload, machine)
      await life(open, history)
      await open.store.close()
    }
  }
  await simulated(simulation, lives)
  note('none, at the end')
  return { points, history }
}

/** Opens an image, checks it, opens it again; if `cutAgain`, cuts the power at every operation of the first opening too. */
async function recover(
  workload: Workload,
  history: History,
  image: DiskImage,
  synced: readonly boolean[],
  cutAgain: boolean,
  init: ExhaustiveInit
): Promise<{ nested: number; damaged: boolean }> {
  const states: DiskState[] = []
  const machine: Machine = new Machine({
    seed: init.seed,
    image,
    ...(init.wrap === undefined ? {} : { wrap: init.wrap }),
    ...(cutAgain ? { observe: () => void states.push(machine.disk.state()) } : {})
  })
  const first = await opened(workload, machine)
  history.check(first.recovered, synced)
  const text = textOf(first)
  await first.store.close()
  const second = await opened(workload, machine)
  if (textOf(second) !== text)
    throw new Violation('recovering twice gave something else than recovering once')
  await second.store.close()
  let nested = 0
  const random = seededRandom(init.seed)
  const seen = new Set<string>()
  for (const [i, state] of states.entries()) {
    if (i > 0 && sameState(states[i - 1] as DiskState, state)) continue
    for (const inner of crashImages(state, random, 3).images) {
      const key = imageKey(inner)
      if (seen.has(key)) continue
      seen.add(key)
      const third = await opened(workload, new Machine({ seed: init.seed, image: inner }))
      history.check(third.recovered, synced)
      if (textOf(third) !== text) throw new Violation('a power cut during recovery changed what is recovered')
      nested++
    }
  }
  return { nested, damaged: [...first.recovered.values()].some(one => one.damaged !== undefined) }
}

function opened(workload: Workload, machine: Machine): Promise<OpenStore> {
  return machine.open(workload.logs, log => workload.durability(log))
}

function textOf(open: OpenStore): string {
  return JSON.stringify(
    [...open.recovered].map(([name, one]) => [name, contents(one), String(one.clockMark)])
  )
}

function sameState(a: DiskState, b: DiskState): boolean {
  for (const [mine, theirs] of [
    [a.folders, b.folders],
    [a.files, b.files]
  ] as const) {
    if (mine.size !== theirs.size) return false
    for (const [id, one] of mine) {
      const other = theirs.get(id)
      if (one.durable !== other?.durable || one.pending.length !== other.pending.length) return false
    }
  }
  return true
}
