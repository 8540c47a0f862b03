import type { Counters } from './counters.ts'
import { EventStreams } from './event-stream.ts'
import { Listeners } from './listeners.ts'
import type { Health } from './liveness.ts'
import type { PeerEvent } from './peer-events.ts'
import type { PeerRecord } from './peer-record.ts'
import type { PeerSession } from './session.ts'
import type { PeerInfo, RejectionEvent, SessionEvent } from './types.ts'

/** Tells listeners, readers of streams and intents what happened, after it happened; nobody is waited for. */
export class Announcer {
  readonly sessions: Listeners<SessionEvent>
  readonly rejections: Listeners<RejectionEvent>
  readonly peers: Listeners<PeerEvent>
  readonly streams: EventStreams<PeerEvent> = new EventStreams()
  readonly #infoOf: (record: PeerRecord) => PeerInfo

  constructor(counters: Counters, infoOf: (record: PeerRecord) => PeerInfo) {
    const onError = (): void => counters.add('listenerErrors')
    this.sessions = new Listeners(onError)
    this.rejections = new Listeners(onError)
    this.peers = new Listeners(onError)
    this.#infoOf = infoOf
  }

  up(record: PeerRecord, session: PeerSession): void {
    for (const intent of record.intents) intent.up(session)
    this.sessions.tell({ type: 'up', session })
    const { incarnation } = session
    // A listener may have ended it.
    if (record.session !== session) return
    if (record.joined === incarnation) return this.#alive(record)
    if (record.joined !== undefined) this.#leave(record, 'replaced')
    record.joined = incarnation
    this.peer({ type: 'peer:join', peer: record.peer, info: this.#infoOf(record) })
  }

  down(record: PeerRecord, session: PeerSession, reason: string): void {
    for (const intent of [...record.intents]) intent.down(session, reason)
    this.sessions.tell({ type: 'down', session, reason })
    // Whether the process changed is known when the better session comes up, which is at once.
    if (reason !== 'replaced') this.#leave(record, reason)
  }

  failed(record: PeerRecord, error: Error): void {
    // Wishes that a listener states now are about the next attempt.
    for (const intent of [...record.intents]) intent.fail(error)
    this.sessions.tell({ type: 'failed', peer: record.peer, reason: error.name, error })
  }

  health(record: PeerRecord, health: Health, silentMs: number): void {
    if (record.joined === undefined) return
    if (health === 'alive') return this.#alive(record)
    record.suspected = true
    this.peer({ type: 'peer:suspect', peer: record.peer, silentMs })
  }

  peer(event: PeerEvent): void {
    this.streams.push(event)
    this.peers.tell(event)
  }

  #alive(record: PeerRecord): void {
    if (!record.suspected) return
    record.suspected = false
    this.peer({ type: 'peer:alive', peer: record.peer })
  }

  #leave(record: PeerRecord, reason: string): void {
    if (record.joined === undefined) return
    record.joined = undefined
    record.suspected = false
    this.peer({ type: 'peer:leave', peer: record.peer, reason })
  }
}
