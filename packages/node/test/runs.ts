const { STARLING_STORMS, STARLING_BOTH_DIAL, STARLING_PAUSE_MS } = process.env

/** How many clusters of 60 processes start at once; the long form has more. */
export const storms: number = Number(STARLING_STORMS ?? 1)

/** How many times two processes dial each other at once. */
export const bothDials: number = Number(STARLING_BOTH_DIAL ?? 100)

/** For how long a process is stopped or blocked, ms. At least twice the idle timeout of QUIC, 10 s. */
export const pauseMs: number = Number(STARLING_PAUSE_MS ?? 20_000)
