import { currentLink } from './peer-draft.ts'
import type { PeerRecord } from './peer-record.ts'
import type { PeerInfo, PeerStatus, SessionFacts } from './types.ts'

/** What is known about a peer, for people and dashboards. */
export function infoOf(record: PeerRecord, addresses: readonly string[]): PeerInfo {
  const heartbeat = record.session?.link.session?.heartbeat
  return {
    peer: record.peer,
    status: statusOf(record),
    wanted: record.wanted,
    direction: record.session === undefined ? undefined : record.session.initiator ? 'outbound' : 'inbound',
    rttMs: heartbeat?.rttMs,
    silentMs: heartbeat?.silentMs,
    failures: record.state.failures,
    lastError: record.state.lastFailure?.error,
    addresses,
    session: factsOf(record)
  }
}

function factsOf({ session }: PeerRecord): SessionFacts | undefined {
  const running = session?.link.session
  if (session === undefined || running === undefined) return undefined
  return {
    incarnation: session.incarnation.toString(16).padStart(16, '0'),
    version: running.result.subject.version,
    sinceMs: running.sinceMs,
    remoteAddress: session.link.connection.remoteAddr.toString(),
    channels: session.link.channels.size,
    metadata: running.metadata
  }
}

function statusOf(record: PeerRecord): PeerStatus {
  const { state, session } = record
  if (session !== undefined && currentLink(state) !== undefined) {
    return session.link.session?.heartbeat.health === 'suspect' ? 'suspect' : 'connected'
  }
  const trying = state.links.some(link => link.phase === 'handshaking' || link.phase === 'held')
  if (trying || state.dialling !== undefined) return 'connecting'
  return state.links.length > 0 && record.wanted === 'none' ? 'closing' : 'waiting'
}
