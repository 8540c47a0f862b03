import type { PeerKey } from './ports.ts'

/** The sync manager, or the topic, was closed. Open it again. */
export class SyncClosedError extends Error {
  override readonly name = 'SyncClosedError'

  constructor(what: string) {
    super(`${what} is closed; open it again`)
  }
}

/** Why a session did not come about. */
export type HandshakeFailure = 'unknownTopic' | 'busy' | 'version' | 'timeout' | 'malformed' | 'lost'

/** A session could not be opened. It is tried again by itself while the peer is a neighbour; nothing is to be done. */
export class SyncHandshakeError extends Error {
  override readonly name = 'SyncHandshakeError'
  readonly peer: PeerKey
  readonly reason: HandshakeFailure

  constructor(peer: PeerKey, reason: HandshakeFailure, options?: ErrorOptions) {
    super(`no sync session with ${peer}: ${reason}; it is tried again while the peer is a neighbour`, options)
    this.peer = peer
    this.reason = reason
  }
}

/** Why a round failed. */
export type RoundFailure =
  /** The peer's protocol failed, or the peer broke the rules. */
  | 'peerFailed'
  /** Nothing moved for too long, or the round took too long. */
  | 'stalled'
  /** The transport session ended under the round. */
  | 'sessionLost'
  /** The topic was closed. */
  | 'closed'

/** A round is over without an outcome. It is tried again by itself; a local protocol's own error is reported as it is. */
export class SyncRoundError extends Error {
  override readonly name = 'SyncRoundError'
  readonly peer: PeerKey
  readonly reason: RoundFailure

  constructor(peer: PeerKey, reason: RoundFailure, options?: ErrorOptions) {
    super(
      `the sync round with ${peer} failed: ${reason}; another follows while the peer is a neighbour`,
      options
    )
    this.peer = peer
    this.reason = reason
  }
}

/** Why a push has no answer. The peer has not dealt with it when the reason is `unknownTopic`, `unserved` or `busy`. */
export type PushFailure = 'lost' | 'timeout' | 'failed' | 'unknownTopic' | 'unserved' | 'busy' | 'closed'

/** A push has no answer. Push again, or leave it to the next round. */
export class SyncPushError extends Error {
  override readonly name = 'SyncPushError'
  readonly peer: PeerKey
  readonly reason: PushFailure

  constructor(peer: PeerKey, reason: PushFailure, options?: ErrorOptions) {
    super(`${peer} did not answer: ${reason}; push again, or leave it to the next round`, options)
    this.peer = peer
    this.reason = reason
  }
}
