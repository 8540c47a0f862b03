import type { Log } from '@starling/ports'
import type { ReplicaEvent } from './types.ts'

/** Writes an event of a replica for people: what somebody should look at as an error. */
export function logEvent(log: Log, name: string, event: ReplicaEvent): void {
  switch (event.type) {
    case 'recovered':
      log('%s: %d keys recovered, %d rows bad', name, event.keys, event.badRows + event.quarantined)
      if (event.damaged !== undefined) log.error('%s: the log may not be whole - %e', name, event.damaged)
      return
    case 'rejected':
      return log('%s: entries of %s refused: %s', name, event.peer, [...event.reasons.keys()].join(', '))
    case 'conflictOverflow':
      return log.error('%s: %d values of one key, and nobody settles them', name, event.dots)
    case 'identityDuplicate':
      return log.error('%s: %s has written under our id; a new one is taken', name, event.peer)
    case 'clockParted':
      return log.error('%s: the clocks parted; a new id is taken', name)
    case 'clockAhead':
      return log.error('%s: a write was refused, the clock is %d ms ahead', name, event.aheadMs)
    case 'setAside':
      return log('%s: %d values set aside after a session with %s', name, event.count, event.peer)
    case 'staleConflict':
      return log.error('%s: sessions stop until somebody decides - %e', name, event.error)
    case 'fingerprintCollision':
      return log.error('%s: items of equal sums differ, met with %s', name, event.peer)
    case 'poisoned':
      return log.error('%s: the log failed - %e', name, event.error)
    case 'reopened':
      return log('%s: the log works again, %d rows restored', name, event.rowsRestored)
    case 'reopenFailed':
      return log.error('%s: the log could not be recovered - %e', name, event.error)
    case 'ownerFailed':
      return log.error('%s: the owner threw - %e', name, event.error)
    case 'broadcastFailed':
      return log.error('%s: a broadcast failed - %e', name, event.error)
  }
}
