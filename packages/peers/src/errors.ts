/** Why a peer was not admitted. `refused` is all that the refused side is told. */
export type AdmissionReason =
  | 'refused'
  | 'proof'
  | 'notAllowed'
  | 'callback'
  | 'noSecret'
  | 'notAccepted'
  | 'revoked'
  | 'secretGone'

const ADMISSION_TEXT: Readonly<Record<AdmissionReason, string>> = {
  refused: 'the peer refused admission; check that both nodes share a cluster secret and allow each other',
  proof: 'its proof fits none of our cluster secrets; give both nodes the same secret',
  notAllowed: 'its peer id is not on the allow-list; add it if it belongs to this cluster',
  callback: 'the admission callback turned it away',
  noSecret: 'one side has a cluster secret and the other has none; give both nodes the same secret',
  notAccepted: 'the accept callback turned its connection away',
  revoked: 'its admission was revoked here; restore it if it belongs to this cluster',
  secretGone:
    'its session was proven with a secret that is gone, and it proved no other in time; give both nodes the same first secret'
}

/** A peer could not prove that it belongs to the cluster, or we could not. Nothing was exchanged; retried slowly. */
export class AdmissionError extends Error {
  override readonly name = 'AdmissionError'
  readonly peer: string
  readonly reason: AdmissionReason

  constructor(peer: string, reason: AdmissionReason, options?: ErrorOptions) {
    super(`no session with ${peer}: ${ADMISSION_TEXT[reason]}`, options)
    this.peer = peer
    this.reason = reason
  }
}

/** The peer belongs to a cluster of another name. Nothing was exchanged; retried slowly. */
export class ClusterMismatchError extends Error {
  override readonly name = 'ClusterMismatchError'
  readonly peer: string

  constructor(peer: string) {
    super(`no session with ${peer}: it belongs to another cluster; use the same cluster name on both nodes`)
    this.peer = peer
  }
}

/** The wall clocks of both nodes are too far apart. Nothing was exchanged; retried slowly. */
export class ClockSkewError extends Error {
  override readonly name = 'ClockSkewError'
  readonly peer: string
  /** How far the peer's wall clock is ahead of ours, ms; negative when it is behind. */
  readonly aheadMs: number
  readonly driftMsMax: number

  constructor(peer: string, aheadMs: number, driftMsMax: number) {
    super(
      `no session with ${peer}: its wall clock is ${Math.abs(aheadMs)} ms ${aheadMs < 0 ? 'behind' : 'ahead of'} ours, ` +
        `more than ${driftMsMax} ms; synchronise the clocks of both hosts`
    )
    this.peer = peer
    this.aheadMs = aheadMs
    this.driftMsMax = driftMsMax
  }
}

/** Both nodes have no handshake version in common. Retried slowly. */
export class ProtocolVersionError extends Error {
  override readonly name = 'ProtocolVersionError'
  readonly peer: string
  /** The peer's range. */
  readonly versionMin: number
  readonly versionMax: number

  constructor(peer: string, versionMin: number, versionMax: number) {
    super(
      `no session with ${peer}: it speaks versions ${versionMin} to ${versionMax}, which we do not; upgrade the older node`
    )
    this.peer = peer
    this.versionMin = versionMin
    this.versionMax = versionMax
  }
}

/** The peer broke the rules of the session channel. The connection is closed. */
export class SessionProtocolError extends Error {
  override readonly name = 'SessionProtocolError'
  readonly peer: string

  constructor(peer: string, detail: string, options?: ErrorOptions) {
    super(`session protocol broken by ${peer}: ${detail}`, options)
    this.peer = peer
  }
}

/** The handshake did not finish before its deadline. Retried. */
export class HandshakeTimeoutError extends Error {
  override readonly name = 'HandshakeTimeoutError'
  readonly peer: string
  readonly timeoutMs: number

  constructor(peer: string, timeoutMs: number) {
    super(`no session with ${peer}: the handshake did not finish within ${timeoutMs} ms`)
    this.peer = peer
    this.timeoutMs = timeoutMs
  }
}

/** The peer keeps another, better connection to us; expected after both sides dialled at once. */
export class DuplicateConnectionError extends Error {
  override readonly name = 'DuplicateConnectionError'
  readonly peer: string

  constructor(peer: string) {
    super(`${peer} keeps another connection to this node`)
    this.peer = peer
  }
}

/** The peer could not take the connection now (busy or closing), or it was lost during the handshake. Retried. */
export class PeerUnavailableError extends Error {
  override readonly name = 'PeerUnavailableError'
  readonly peer: string
  readonly reason: string

  constructor(peer: string, reason: string, options?: ErrorOptions) {
    super(`no session with ${peer}: ${reason}`, options)
    this.peer = peer
    this.reason = reason
  }
}

/** No address of the peer answered in time. Retried. */
export class DialError extends Error {
  override readonly name = 'DialError'
  readonly peer: string
  readonly addresses: readonly string[]

  constructor(peer: string, addresses: readonly string[], detail: string, options?: ErrorOptions) {
    super(`cannot reach ${peer}: ${detail}`, options)
    this.peer = peer
    this.addresses = addresses
  }
}

/** The session is over; open the channel on the next one. */
export class SessionClosedError extends Error {
  override readonly name = 'SessionClosedError'
  readonly peer: string

  constructor(peer: string) {
    super(`the session with ${peer} is over; wait for its next 'up' event`)
    this.peer = peer
  }
}

/** A `once` intent got no session in time. State another when the peer can be reached. */
export class IntentTimeoutError extends Error {
  override readonly name = 'IntentTimeoutError'
  readonly peer: string
  readonly timeoutMs: number

  constructor(peer: string, timeoutMs: number, options?: ErrorOptions) {
    super(`no session with ${peer} within ${timeoutMs} ms`, options)
    this.peer = peer
    this.timeoutMs = timeoutMs
  }
}

/** The intent was over before it had a session: released, or the manager stopped. */
export class IntentEndedError extends Error {
  override readonly name = 'IntentEndedError'
  readonly peer: string
  readonly reason: 'released' | 'closed' | 'stopped'

  constructor(peer: string, reason: 'released' | 'closed' | 'stopped') {
    super(`the wish for a session with ${peer} is over (${reason})`)
    this.peer = peer
    this.reason = reason
  }
}

/** More wishes for one peer than the manager keeps; somebody forgets to release them. */
export class TooManyIntentsError extends Error {
  override readonly name = 'TooManyIntentsError'
  readonly peer: string
  readonly intentsMax: number

  constructor(peer: string, intentsMax: number) {
    super(`more than ${intentsMax} intents for ${peer}; release those that are not needed`)
    this.peer = peer
    this.intentsMax = intentsMax
  }
}

/** More peers than the node may hold. */
export class TooManyPeersError extends Error {
  override readonly name = 'TooManyPeersError'
  readonly peersMax: number

  constructor(peersMax: number) {
    super(`more than ${peersMax} peers are wanted or connected; release some`)
    this.peersMax = peersMax
  }
}
