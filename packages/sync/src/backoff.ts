import type { Random } from '@starling/ports'
import type { SyncConfig } from './config.ts'

/** The wait after the n-th failure in a row, n from 1: doubling from the least to the most, with the upper half drawn. */
export function backoffMs(
  failures: number,
  config: Pick<SyncConfig, 'backoffMsMin' | 'backoffMsMax'>,
  random: Random
): number {
  const whole = Math.min(config.backoffMsMax, config.backoffMsMin * 2 ** Math.min(failures, 32))
  return Math.max(config.backoffMsMin, whole * (0.5 + random.float() / 2))
}
