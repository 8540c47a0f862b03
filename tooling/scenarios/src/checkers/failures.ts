import { redundancy, type BroadcastRound } from './broadcast.ts'

/** What the messages after a mass failure achieved. */
export interface FailureFigures {
  /** Share of the survivors that got the first message within its window, its sender counted. */
  readonly firstMessageReach: number
  /** Index of the first message that reached every survivor within its window; null when none did. */
  readonly fullDeliveryIndex: number | null
  readonly lastMessageReach: number
  readonly worstReachAfterFull: number
}

/** @param reaches share of the survivors reached by each message, in order. */
export function failureFigures(reaches: readonly number[]): FailureFigures {
  const full = reaches.findIndex(reach => reach === 1)
  return {
    firstMessageReach: reaches[0] ?? 0,
    fullDeliveryIndex: full < 0 ? null : full,
    lastMessageReach: reaches.at(-1) ?? 0,
    worstReachAfterFull: full < 0 ? 0 : Math.min(...reaches.slice(full))
  }
}

/** Rounds over which redundancy is judged. */
const LOW_ROUNDS = 10
const LOW_REDUNDANCY = 0.01

/** Index of the first message from which on ten had next to no redundant copies; null when there is none. */
export function lowRedundancyIndex(rounds: readonly BroadcastRound[]): number | null {
  for (let start = 0; start + LOW_ROUNDS <= rounds.length; start++) {
    if (redundancy(rounds.slice(start, start + LOW_ROUNDS)) <= LOW_REDUNDANCY) return start
  }
  return null
}
