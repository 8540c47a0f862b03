import type { Replica } from '@starling/replica'
import type { HealthState, MapHealth } from './types.ts'

/** All of them, in the order in which they are told. */
export const HEALTH_STATES: readonly HealthState[] = [
  'not-synced',
  'unconverged',
  'over-quota',
  'clock-ahead',
  'stale',
  'damaged',
  'poisoned'
]

/** Puts a replica's status into the words of the map. */
export function healthOf(status: ReturnType<Replica['status']>, synced: boolean): MapHealth {
  const { refused, clockAheadMs, stale, damagedKeys } = status
  const checks: readonly (readonly [HealthState, boolean])[] = [
    ['not-synced', !synced],
    ['unconverged', Object.values(refused).some(count => count > 0) || status.staleConflict !== undefined],
    ['over-quota', status.overQuota],
    ['clock-ahead', clockAheadMs > 0],
    ['stale', stale > 0],
    ['damaged', damagedKeys.length > 0],
    ['poisoned', status.state === 'poisoned']
  ]
  const states = checks.filter(([, holds]) => holds).map(([state]) => state)
  return { ok: states.length === 0, states, refused, clockAheadMs, stale, damagedKeys }
}
