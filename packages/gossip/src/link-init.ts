import type { Log } from '@starling/ports'
import type { GossipConfig } from './config.ts'
import type { Counters } from './counters.ts'
import type { LinkEvents } from './inbound.ts'
import type { PeerKey, SessionPort } from './ports.ts'
import type { TimerQueue } from './timer-queue.ts'

/** What a link is given. */
export interface LinkInit {
  readonly peer: PeerKey
  readonly config: GossipConfig
  readonly counters: Counters
  readonly sessions: SessionPort
  readonly timers: TimerQueue
  readonly log: Log | undefined
  readonly nowMs: () => number
  readonly signal: AbortSignal
  readonly events: LinkEvents
  /** What names a topic to this peer. */
  readonly token: (topic: string) => Uint8Array
}
