/**
 * What goes into and comes out of the state machine of one peer. The machine sees no connection, timer or promise: a link is
 * an attempt number, a completion names the attempt it belongs to, and a completion of an attempt that is gone is ignored.
 */

/** What the intents of a peer add up to. `continuous` wins over `once`. */
export type Wanted = 'none' | 'once' | 'continuous'

/** Why a connection is closed; travels in the goodbye. */
export type CloseCode =
  | 'shutdown'
  | 'duplicate'
  | 'replaced'
  | 'idle'
  | 'refused'
  | 'protocol'
  | 'unwanted'
  | 'busy'

/** Why an attempt failed. The machine carries the error through and reads only the two flags. */
export interface Failure {
  readonly error: Error
  /** It takes a person to change the cause, so the slow backoff applies. */
  readonly refused: boolean
  /** The peer keeps another connection to us, so ours is nobody's fault. */
  readonly duplicate: boolean
}

/**
 * A link's place in the order that both ends compute alike; of two, the greater survives.
 *
 * `incarnation` is the remote process of this end. Both ends still agree: if it differs between two links, the process of the
 * lesser one is gone, and at the other end that link no longer exists.
 */
export interface Rank {
  /** The remote process: greater is a later start. */
  readonly incarnation: bigint
  /** Dialled by the greater of the two peer ids. */
  readonly dialledByGreater: boolean
  /** The dialler's own attempt number, from its hello. */
  readonly dialAttempt: number
}

/** Phases of a link. `held`: verified, waiting for our own dial that would win. `draining`: no session, not closed yet. */
export type LinkPhase = 'handshaking' | 'held' | 'established' | 'draining'

/** One connection, known here by its attempt number. */
export interface LinkState {
  readonly attempt: number
  /** This side dialled it. */
  readonly initiator: boolean
  readonly phase: LinkPhase
  readonly rank: Rank | undefined
  readonly establishedAtMs: number
}

/** Everything known about one peer. Values, never changed in place. */
export interface PeerState {
  readonly wanted: Wanted
  /** The attempt number of the dial in flight. */
  readonly dialling: number | undefined
  /** The number of the redial timer that counts; older ones are stale. */
  readonly redial: number | undefined
  /** Failures in a row since the last session. */
  readonly failures: number
  /** Sessions in a row that ended before they were stable. */
  readonly flaps: number
  /** Refusals in a row. */
  readonly refusals: number
  /** A session was established before. */
  readonly proven: boolean
  readonly lastFailure: Failure | undefined
  readonly links: readonly LinkState[]
  /** The last number given to a dial or a timer. */
  readonly attempts: number
  readonly stopped: boolean
}

export type PeerTimer = 'redial' | 'hold'

export type PeerInput =
  /** The intents changed; `fresh`: by a new intent, which deserves a dial soon. */
  | { readonly type: 'want'; readonly wanted: Wanted; readonly fresh: boolean }
  /** A dial's connection is open. */
  | { readonly type: 'dialled'; readonly attempt: number }
  | { readonly type: 'dialFailed'; readonly attempt: number; readonly failure: Failure }
  /** The peer dialled us. `attempt` is the driver's, and negative: no dial and no other accepted connection has it. */
  | { readonly type: 'accepted'; readonly attempt: number }
  /** Acceptor: the dialler's proof holds; our verdict is due. */
  | {
      readonly type: 'verified'
      readonly attempt: number
      readonly incarnation: bigint
      readonly dialAttempt: number
    }
  /** Dialler: the acceptor accepted. */
  | { readonly type: 'established'; readonly attempt: number; readonly incarnation: bigint }
  | { readonly type: 'handshakeFailed'; readonly attempt: number; readonly failure: Failure }
  /** The peer said goodbye on this link. */
  | { readonly type: 'goodbye'; readonly attempt: number }
  /** The connection is gone, for whatever reason; exactly once per link. */
  | { readonly type: 'closed'; readonly attempt: number; readonly reason: string }
  /** We end the session: idle, or the peer broke a rule. */
  | { readonly type: 'drop'; readonly attempt: number; readonly code: CloseCode }
  /** The peer is not admitted any more. */
  | { readonly type: 'revoke'; readonly failure: Failure }
  /** The peer may be admitted again: what it was refused for before does not count. */
  | { readonly type: 'restore' }
  | { readonly type: 'timer'; readonly timer: PeerTimer; readonly number: number }
  | { readonly type: 'stop' }

export type PeerEffect =
  | { readonly type: 'dial'; readonly attempt: number }
  /** Only at stop; at any other time a dial in flight runs to its end. */
  | { readonly type: 'cancelDial'; readonly attempt: number }
  /** Run the handshake on the connection of this attempt. */
  | { readonly type: 'handshake'; readonly attempt: number }
  /** Acceptor: send the verdict. */
  | { readonly type: 'decide'; readonly attempt: number; readonly accept: boolean }
  | { readonly type: 'up'; readonly attempt: number }
  | { readonly type: 'down'; readonly attempt: number; readonly reason: string }
  /** Goodbye, acknowledged, then close. */
  | { readonly type: 'drain'; readonly attempt: number; readonly code: CloseCode }
  /** Ends every channel at once, then goodbye and close within a second: the peer is not admitted any more. */
  | { readonly type: 'cut'; readonly attempt: number }
  /** The peer dialled although this connection carries the session: see at once whether it still answers. */
  | { readonly type: 'probe'; readonly attempt: number }
  /** Close without a goodbye: there was no session on it. */
  | { readonly type: 'close'; readonly attempt: number; readonly code: CloseCode }
  | {
      readonly type: 'schedule'
      readonly timer: PeerTimer
      readonly number: number
      readonly delayMs: number
    }
  | { readonly type: 'unschedule'; readonly timer: PeerTimer; readonly number: number }
  /** One own attempt failed. */
  | { readonly type: 'failed'; readonly failure: Failure }
