import type { Lagged } from './event-stream.ts'
import type { PeerKey, Session } from './types.ts'

/** How long a wish holds. `once`: until its session ends, or its attempt has failed. `continuous`: for ever, with redials. */
export type IntentMode = 'once' | 'continuous'

export interface WantOptions {
  /**
   * `once`: one attempt, and the session it leads to; when either is over the intent has ended. `continuous`: a session for ever,
   * redialled with jitter. The intents of a peer share its one session, and continuous wins.
   */
  readonly mode: IntentMode
  /** Text multiaddrs, with or without `/p2p/…`; added to the address book. At most 8 per peer are kept. */
  readonly addresses?: readonly string[]
  /** `once` only: without a session by then the intent fails with IntentTimeoutError, ms (default 30,000). */
  readonly timeoutMs?: number
}

/** Why an intent is over. */
export type IntentEnd =
  /** `release` was called. */
  | { readonly type: 'released' }
  /** `once`: the attempt came to nothing, or the time was up. */
  | { readonly type: 'failed'; readonly error: Error }
  /** `once`: the session it led to has ended; `reason` as in the session's `down` event. */
  | { readonly type: 'closed'; readonly reason: string }
  /** The manager stopped. */
  | { readonly type: 'stopped' }

/** What happens to one intent. */
export type IntentEvent =
  /** It has a session now, a new one or one that stood already. */
  | { readonly type: 'up'; readonly session: Session }
  /** That session is over. After reason `replaced` the next `up` follows at once. */
  | { readonly type: 'down'; readonly session: Session; readonly reason: string }
  /** An attempt failed. Continuous intents go on. */
  | { readonly type: 'failed'; readonly error: Error }
  /** The last event. */
  | { readonly type: 'ended'; readonly end: IntentEnd }

/** A wish to be in session with a peer. */
export interface Intent {
  readonly peer: PeerKey
  readonly mode: IntentMode
  /** The session it has now. */
  readonly session: Session | undefined
  /** Resolves once, and never rejects, when the intent is over. */
  readonly ended: Promise<IntentEnd>
  /**
   * Resolves with the session as soon as there is one.
   *
   * Rejects with the attempt's own error when a `once` intent fails, with IntentEndedError when it ended otherwise, or with the
   * signal's reason.
   */
  whenUp(options?: { readonly signal?: AbortSignal }): Promise<Session>
  /** Changes the mode, or adds addresses; a new one is tried soon. Without effect once the intent has ended. */
  update(change: { readonly mode?: IntentMode; readonly addresses?: readonly string[] }): void
  /** Gives the wish up. Idempotent. A session nobody else wants is closed after the idle grace. */
  release(): void
  /**
   * Its events from now on, ending after `ended`. A reader that falls behind loses the oldest and is told how many
   * (`lagged`); nothing waits for it. `bufferMax`: events kept for it, 1 to 65,536 (default 256).
   */
  events(options?: EventStreamOptions): AsyncIterable<IntentEvent | Lagged>
}

export interface EventStreamOptions {
  /** Ends the stream. */
  readonly signal?: AbortSignal
  /** Events kept for a reader that is behind, 1 to 65,536 (default 256). */
  readonly bufferMax?: number
}
