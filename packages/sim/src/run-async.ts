import { RealWorkError, StalledError, StepLimitError } from './errors.ts'
import type { Simulation } from './simulation.ts'

/** What the engine needs of the platform to run promises under virtual time. */
export interface AsyncHost {
  /** Resolves in a later macrotask, when every promise that could settle has: `setImmediate` in Node.js. */
  hop(): Promise<void>
  /**
   * What the platform itself has under way, by name: `process.getActiveResourcesInfo()` in Node.js. What is in it beyond
   * the first call's makes the run fail. Without it nothing is checked.
   */
  pending?(): readonly string[]
}

/**
 * Runs a program of promises under virtual time: starts it, lets everything settle, runs the next event, and so on until
 * its promise settles.
 *
 * @throws StalledError, StepLimitError, RealWorkError, and whatever the program rejects with.
 */
export async function runAsync<T>(
  simulation: Simulation,
  program: () => Promise<T>,
  host: AsyncHost,
  stepsMax: number
): Promise<T> {
  const before = count(host.pending?.() ?? [])
  let outcome: (() => T) | undefined
  program().then(
    value => {
      outcome = () => value
    },
    (error: unknown) => {
      outcome = () => {
        throw error
      }
    }
  )
  for (let step = 0; ; step++) {
    await drain(simulation, host, before)
    if (outcome !== undefined) return outcome()
    if (step === stepsMax) throw new StepLimitError(stepsMax, simulation.nowMs)
    if (!simulation.step()) throw new StalledError(simulation.nowMs, simulation.steps)
  }
}

async function drain(
  simulation: Simulation,
  host: AsyncHost,
  before: ReadonlyMap<string, number>
): Promise<void> {
  await host.hop()
  if (host.pending === undefined) return
  const now = count(host.pending())
  const added = [...now].filter(([name, times]) => times > (before.get(name) ?? 0)).map(([name]) => name)
  if (added.length > 0) throw new RealWorkError(added, simulation.nowMs)
}

function count(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
