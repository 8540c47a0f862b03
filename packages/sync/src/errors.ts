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
  /** The peer's protocol failed. */
  | 'peerFailed'
  /** Nothing moved for too long, or the round took too long. */
  | 'stalled'
  /** The session ended under the round. */
  | 'sessionLost'
  /** Both ends started one, and the other end's counts. */
  | 'superseded'
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

/** The peer sent what no correct peer sends; its session was ended. A sign of another version or of a defect there. */
export class SyncFrameError extends Error {
  override readonly name = 'SyncFrameError'
  readonly peer: PeerKey

  constructor(peer: PeerKey, detail: string, options?: ErrorOptions) {
    super(`the sync session with ${peer} was ended: ${detail}`, options)
    this.peer = peer
  }
}
