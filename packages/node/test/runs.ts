const { STARLING_STORMS, STARLING_BOTH_DIAL } = process.env

/** How many clusters of 60 processes start at once; the long form has more. */
export const storms: number = Number(STARLING_STORMS ?? 1)

/** How many times two processes dial each other at once. */
export const bothDials: number = Number(STARLING_BOTH_DIAL ?? 100)
