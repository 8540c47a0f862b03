import { BACKOFF_PROVEN_MS, BACKOFF_REFUSED_MS, BACKOFF_UNPROVEN_MS } from './config.ts'

/** What is known about a peer when the next redial is planned. */
export interface BackoffInput {
  /** Failures in a row, 1 or more. */
  readonly failures: number
  /** A session with this peer was established before. */
  readonly proven: boolean
  /** Refusals in a row (wrong secret, other cluster, clock skew, no common version); 0 when the last failure was none. */
  readonly refusals: number
}

/**
 * The delay before the next redial in ms, for a `random` draw in [0, 1).
 *
 * Full jitter (uniform between zero and a ceiling that grows with the failures), so that a thousand nodes that lost the same
 * peer do not come back together. Refusals keep half of the ceiling: only a person can change the cause.
 */
export function backoffMs(input: BackoffInput, random: number): number {
  if (input.refusals > 0) {
    const ceiling = stepOf(BACKOFF_REFUSED_MS, input.refusals)
    return ceiling / 2 + (random * ceiling) / 2
  }
  return random * stepOf(input.proven ? BACKOFF_PROVEN_MS : BACKOFF_UNPROVEN_MS, input.failures)
}

function stepOf(steps: readonly number[], count: number): number {
  const index = Math.min(Math.max(count, 1), steps.length) - 1
  return steps[index] as number
}
