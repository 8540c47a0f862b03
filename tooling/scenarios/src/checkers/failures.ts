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
