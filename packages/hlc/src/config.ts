/**
 * How far a stamp from elsewhere may lie ahead of the local wall clock, in ms: one minute. Source: guess; generous for hosts
 * that run NTP, and short enough that a wrong clock is noticed while someone is still looking.
 */
export const DRIFT_MS_MAX = 60_000

/**
 * How far ahead of the wall clock stamps are reserved, in ms, where they are issued without being stored: ten seconds.
 * Source: guess; one small write per ten seconds at most.
 */
export const RESERVE_MS = 10_000

/** How many sources a skew report remembers. Source: guess; many times the neighbours of a node, at some 200 bytes each. */
export const SKEW_SOURCES_MAX = 1024
