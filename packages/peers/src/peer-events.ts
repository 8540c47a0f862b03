import type { PeerInfo, PeerKey } from './types.ts'

/**
 * What happens to peers, as people and dashboards see it. A peer is one process: a better connection to the same process is no
 * event, a restarted process is `peer:leave` and `peer:join`.
 *
 * For each peer `peer:join` and `peer:leave` alternate; `peer:suspect` and `peer:alive` come between them and alternate too.
 */
export type PeerEvent =
  /** A session with this process stands. */
  | { readonly type: 'peer:join'; readonly peer: PeerKey; readonly info: PeerInfo }
  /** It is over; `reason` as in the session's `down` event, `replaced` when a newer process took its place. */
  | { readonly type: 'peer:leave'; readonly peer: PeerKey; readonly reason: string }
  /** Nothing was heard of it for `suspectAfterMs`. */
  | { readonly type: 'peer:suspect'; readonly peer: PeerKey; readonly silentMs: number }
  /** It was heard again, or this process found that the silence was its own. */
  | { readonly type: 'peer:alive'; readonly peer: PeerKey }
  /** This process did not run for `lateMs` longer than it meant to; every peer got a new grace. */
  | { readonly type: 'self:stalled'; readonly lateMs: number }
