/** From the end of all faults to one overlay, ms. Source: invariant I13. */
export const CONNECT_MS = 60_000

/** Longest time a node may be without any neighbour while others can be reached, ms. Source: invariant I13. */
export const ISOLATED_MS = 30_000

/** From a broadcast to its last delivery, repairs included, ms. Source: guess, several times the slowest repair seen. */
export const DELIVER_MS = 30_000

/** Longest time a link may be held by one end only once all faults are over, ms: two shuffles, with their spread. */
export const ASYMMETRY_MS = 135_000

/** Time between two looks at a whole world, ms. */
export const SAMPLE_MS = 1_000

/** Broadcasts of one sender, then of random ones, after the overlay had its time to heal; and the time between two, ms. */
export const LIVENESS_ONE_SENDER = 20
export const LIVENESS_RANDOM_SENDERS = 10
export const LIVENESS_INTERVAL_MS = 1_000

/** Broadcasts of the one sender that count as steady. */
export const LIVENESS_STEADY = 10

/** From the end of all faults to the end of a run, ms. */
export const LIVENESS_MS = 155_000

/** Redundancy that one sender may have in steady state. Source: invariant I15. */
export const REDUNDANCY_MAX = 0.2

/** Hops to the last node, up to 1,000 nodes and beyond. Source: invariant I15. */
export const HOPS_MAX = { small: 15, large: 18 } as const

/** Saved peers that a restarted node joins through, beside its contacts. Source: guess. */
export const SAVED_MAX = 16
