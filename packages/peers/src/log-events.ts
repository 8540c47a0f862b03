import type { Log } from '@starling/ports'
import type { Announcer } from './announcer.ts'
import type { PeerEvent } from './peer-events.ts'

/** Writes what happens to peers for people. */
export function logEvents(log: Log, announcer: Announcer): void {
  announcer.sessions.add(event => {
    if (event.type === 'up') log('session with %s is up', event.session.peer)
    else if (event.type === 'down') log('session with %s is down: %s', event.session.peer, event.reason)
    else log('no session with %s - %e', event.peer, event.error)
  })
  announcer.rejections.add(({ peer, error }) => log('%s was turned away - %e', peer, error))
  announcer.peers.add(event => logPeer(log, event))
}

function logPeer(log: Log, event: PeerEvent): void {
  if (event.type === 'peer:suspect') log('%s is silent for %d ms', event.peer, event.silentMs)
  else if (event.type === 'peer:alive') log('%s is heard again', event.peer)
  else if (event.type === 'self:stalled') log.error('this process stood still for %d ms', event.lateMs)
}
