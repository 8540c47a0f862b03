import { GOSSIP_TAG, type GossipConfig } from './config.ts'
import { GossipChannelError } from './errors.ts'
import type { FramedChannel, PeerKey, Session } from './ports.ts'
import type { TimerQueue } from './timer-queue.ts'

export interface OpenerInit {
  readonly peer: PeerKey
  readonly config: GossipConfig
  readonly timers: TimerQueue
  readonly nowMs: () => number
  readonly signal: AbortSignal
}

/** Opens channels one at a time, and again with growing pauses when the peer refuses: its gossip may not have started yet. */
export class Opener {
  readonly #init: OpenerInit
  readonly #opened: (channel: FramedChannel) => void
  readonly #retry: () => void
  #attempt = 0
  #opening = false
  #failures = 0
  #retryMs = 0

  /** @param retry called when it is time to try again, if a channel is still wanted then. */
  constructor(init: OpenerInit, opened: (channel: FramedChannel) => void, retry: () => void) {
    this.#init = init
    this.#opened = opened
    this.#retry = retry
  }

  /** The session is gone: whatever is on its way belongs to nobody. */
  reset(): void {
    this.#attempt++
    this.#opening = false
    this.#failures = 0
    this.#retryMs = 0
  }

  open(session: Session): void {
    const { nowMs, signal, peer } = this.#init
    if (this.#opening || nowMs() < this.#retryMs || signal.aborted) return
    this.#opening = true
    const attempt = ++this.#attempt
    session.openChannel(GOSSIP_TAG, { signal }).then(
      channel => {
        if (attempt !== this.#attempt || signal.aborted) {
          channel.abort(new GossipChannelError(peer, 'the session ended'))
          return
        }
        this.#opening = false
        this.#failures = 0
        this.#opened(channel)
      },
      () => {
        if (attempt === this.#attempt && !signal.aborted) this.#refused()
      }
    )
  }

  #refused(): void {
    const { config, nowMs, timers } = this.#init
    this.#opening = false
    const delayMs = Math.min(config.reopenMsMax, config.reopenMs * 2 ** this.#failures)
    this.#failures++
    this.#retryMs = nowMs() + delayMs
    const attempt = this.#attempt
    timers.schedule(delayMs, () => {
      if (attempt === this.#attempt) this.#retry()
    })
  }
}
