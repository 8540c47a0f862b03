import { pick, type Random } from '@starling/ports'
import type { DiskCounters, DiskFault } from '@starling/sim'

const KINDS = [
  'kill',
  'powerCut',
  'full',
  'writeError',
  'syncError',
  'readError',
  'misdirectedWrite',
  'readOnly',
  'latency',
  'bitFlip',
  'restore',
  'wipe',
  'async'
] as const

/** What can happen to a store in a run. `async` is no fault: one of its logs is not synced. */
export type Kind = (typeof KINDS)[number]

/** The kinds of one run. With all of them at once the rarer ones would never be seen. */
export function drawKinds(random: Random): ReadonlySet<Kind> {
  return new Set(KINDS.filter(() => random.below(5) < 2))
}

/** One fault of a drawn type, with a drawn strength; `undefined` when there is no type to choose. */
export function drawFault(types: readonly DiskFault['type'][], random: Random): DiskFault | undefined {
  const type = pick(random, types)
  switch (type) {
    case 'full':
      return { type, bytes: random.below(3_000) }
    case 'readOnly':
      return { type, on: true }
    case 'latency':
      return { type, msMax: random.below(2_000) }
    case 'readError':
    case 'writeError':
    case 'syncError':
    case 'misdirectedWrite':
      return { type, nth: 1 + random.below(12) }
    default:
      return undefined
  }
}

/** Tells whether a fault hit between two calls. */
export function faultsSeen(counters: DiskCounters): string {
  const { operations: _, powerCuts: __, kills: ___, filesCut: ____, ...faults } = counters
  return JSON.stringify(faults)
}
