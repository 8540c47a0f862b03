import type { TimerHandle } from '@starling/ports'
import { backoffMs } from './backoff.ts'
import { SyncHandshakeError } from './errors.ts'
import type { SyncChannel } from './handshake.ts'
import { Opening } from './opening.ts'
import type { PeerKey, Session } from './ports.ts'
import { SyncSession } from './session.ts'
import type { RoundEvent, SyncComponents, SyncProtocol, SyncSessionInfo, SyncSessionState } from './types.ts'
import type { SyncConfig } from './config.ts'

/** What a link needs of its topic. */
export interface LinkHost {
  readonly topic: string
  readonly protocol: SyncProtocol
  readonly components: SyncComponents
  readonly config: SyncConfig
  /** The transport session with a peer, when there is one. */
  transport(peer: PeerKey): Session | undefined
  /** Whether one more outbound handshake with this peer may start now; it ends with `release`. */
  reserve(peer: PeerKey): boolean
  release(peer: PeerKey): void
  onRound(event: RoundEvent): void
  onSession(): void
  /** The link has nothing left to do. */
  idle(link: Link): void
}

/**
 * One peer of one topic. It compares what is wanted (a session, while the peer is a neighbour) with what there is, and does
 * one thing about the difference: open, wait, or let go. Every event ends in the same comparison, so none can be missed.
 */
export class Link {
  readonly peer: PeerKey
  readonly #host: LinkHost
  readonly #greater: boolean
  #wanted = false
  #intent: { release(): void } | undefined
  #opening: Opening | undefined
  #session: { readonly sync: SyncSession; readonly transport: Session; readonly sinceMs: number } | undefined
  /** Waiting to open: after a failure, or for the peer to be first. */
  #wait: { readonly timer: TimerHandle; readonly state: 'waiting' | 'backoff' } | undefined
  #grace: TimerHandle | undefined
  #roundRetry: TimerHandle | undefined
  #graceOver = false
  #failures = 0
  #roundFailures = 0
  #rounds = 0
  #lastCompleteMs: number | undefined
  #closed = false

  constructor(peer: PeerKey, host: LinkHost) {
    this.peer = peer
    this.#host = host
    this.#greater = host.components.sessions.self > peer
  }

  get wanted(): boolean {
    return this.#wanted
  }

  get session(): SyncSession | undefined {
    return this.#session?.sync
  }

  get info(): SyncSessionInfo {
    return {
      peer: this.peer,
      state: this.#state,
      lastCompleteMs: this.#lastCompleteMs,
      rounds: this.#rounds
    }
  }

  setWanted(wanted: boolean): void {
    if (this.#closed || wanted === this.#wanted) return
    this.#wanted = wanted
    if (wanted) {
      this.#grace?.cancel()
      this.#grace = undefined
      this.#graceOver = false
      this.#intent ??= this.#want()
    } else if (this.#session !== undefined) {
      const { graceMs } = this.#host.config
      this.#grace = this.#host.components.timers.schedule(graceMs, () => {
        this.#grace = undefined
        this.#graceOver = true
        this.update()
      })
    }
    this.update()
  }

  /** Compares and acts. Harmless at any time. */
  update(): void {
    if (this.#closed) return
    const transport = this.#host.transport(this.peer)
    if (this.#session !== undefined && this.#session.transport !== transport) {
      this.#session.sync.abort(new SyncHandshakeError(this.peer, 'lost'))
      return
    }
    if (this.#opening !== undefined && (this.#opening.transport !== transport || !this.#wanted))
      this.#giveUp()
    if (!this.#wanted) this.#release()
    else if (transport === undefined) this.#stopWaiting()
    else if (this.#session === undefined && this.#opening === undefined && this.#wait === undefined) {
      const delayMs = this.#greater ? 0 : this.#host.config.passiveOpenDelayMs
      if (delayMs === 0) this.#open(transport)
      else this.#waitFor(delayMs, 'waiting')
    }
  }

  /** The peer has a new transport session: what failed on the old one says nothing. */
  transportUp(): void {
    this.#failures = 0
    this.#stopWaiting()
    this.update()
  }

  /** Whether a channel that the peer has opened becomes the session; if so, whatever stood in its way is gone. */
  admit(transport: Session): boolean {
    if (this.#closed) return false
    const session = this.#session
    const oursOnSameTransport =
      (session?.sync.opener === true && session.transport === transport) ||
      this.#opening?.transport === transport
    // Of two channels the greater peer id's stays; of two by the same end the newer, for nobody opens a second one while
    // holding the first.
    if (oursOnSameTransport && this.#greater) return false
    this.#giveUp()
    this.#stopWaiting()
    if (session !== undefined) {
      this.#session = undefined
      session.sync.abort(new SyncHandshakeError(this.peer, 'lost'))
    }
    return true
  }

  /** Takes a channel after its handshake as the session. */
  start(channel: SyncChannel, transport: Session, opener: boolean): void {
    const { components, config, protocol } = this.#host
    const sync = new SyncSession(channel, {
      peer: this.peer,
      greater: this.#greater,
      opener,
      protocol,
      clock: components.clock,
      timers: components.timers,
      config,
      onRound: (event, retry) => this.#onRound(event, retry),
      onEnd: () => this.#onEnd(sync)
    })
    this.#session = { sync, transport, sinceMs: components.clock.monotonicMs() }
    this.#host.onSession()
    sync.start()
    if (opener) sync.reconcile()
    this.update()
  }

  /** Ends everything; resolves when the session has ended. */
  async close(): Promise<void> {
    if (this.#closed) return
    const session = this.#session
    this.#closed = true
    this.#giveUp()
    this.#stopWaiting()
    this.#grace?.cancel()
    this.#roundRetry?.cancel()
    this.#intent?.release()
    this.#grace = this.#roundRetry = this.#intent = undefined
    await session?.sync.close()
    this.#session = undefined
  }

  get #state(): SyncSessionState {
    if (this.#session !== undefined) {
      if (this.#session.sync.syncing) return 'syncing'
      return this.#grace === undefined ? 'live' : 'grace'
    }
    if (this.#opening !== undefined) return 'opening'
    return this.#wait?.state ?? 'waiting'
  }

  /** A port that takes no more wishes leaves us with the sessions that come about without ours. */
  #want(): { release(): void } | undefined {
    try {
      return this.#host.components.sessions.want(this.peer, { mode: 'continuous' })
    } catch {
      return undefined
    }
  }

  #open(transport: Session): void {
    const { components, config, topic } = this.#host
    if (!this.#host.reserve(this.peer)) {
      this.#waitFor(backoffMs(1, config, components.random), 'waiting')
      return
    }
    this.#opening = new Opening({
      topic,
      transport,
      components,
      config,
      opened: channel => {
        this.#opening = undefined
        this.start(channel, transport, true)
      },
      failed: () => {
        this.#opening = undefined
        this.#failed()
      },
      done: () => this.#host.release(this.peer)
    })
  }

  #failed(): void {
    const { config, components } = this.#host
    this.#failures++
    this.#waitFor(backoffMs(this.#failures, config, components.random), 'backoff')
    this.update()
  }

  #onEnd(sync: SyncSession): void {
    const session = this.#session
    // A session that was replaced is no loss.
    if (session?.sync !== sync) return
    this.#session = undefined
    this.#roundRetry?.cancel()
    this.#grace?.cancel()
    this.#roundRetry = this.#grace = undefined
    if (this.#closed) return
    const livedMs = this.#host.components.clock.monotonicMs() - session.sinceMs
    if (livedMs >= this.#host.config.stableMs) this.#failures = 0
    this.#failed()
  }

  #onRound(event: RoundEvent, retry: boolean): void {
    const { config, components } = this.#host
    if (event.outcome === undefined) {
      this.#roundFailures++
    } else {
      this.#roundFailures = 0
      this.#failures = 0
      this.#rounds++
      if (event.outcome.complete) this.#lastCompleteMs = components.clock.monotonicMs()
    }
    if (retry && !this.#closed) {
      this.#roundRetry?.cancel()
      this.#roundRetry = components.timers.schedule(
        backoffMs(this.#roundFailures, config, components.random),
        () => {
          this.#roundRetry = undefined
          this.session?.reconcile()
        }
      )
    }
    this.#host.onRound(event)
    if (this.#graceOver) this.update()
  }

  /** Not wanted: the session outlives the grace period only for a round that runs, or because the peer wants it. */
  #release(): void {
    this.#stopWaiting()
    if (this.#grace !== undefined) return
    this.#intent?.release()
    this.#intent = undefined
    const session = this.#session
    if (session === undefined) {
      if (this.#opening === undefined) this.#host.idle(this)
    } else if (this.#graceOver && session.sync.opener && !session.sync.syncing) {
      void session.sync.close()
    }
  }

  #giveUp(): void {
    this.#opening?.giveUp()
    this.#opening = undefined
  }

  #waitFor(delayMs: number, state: 'waiting' | 'backoff'): void {
    this.#stopWaiting()
    const timer = this.#host.components.timers.schedule(delayMs, () => {
      this.#wait = undefined
      const transport = this.#host.transport(this.peer)
      if (this.#closed || !this.#wanted || transport === undefined) this.update()
      else if (this.#session === undefined && this.#opening === undefined) this.#open(transport)
    })
    this.#wait = { timer, state }
  }

  #stopWaiting(): void {
    this.#wait?.timer.cancel()
    this.#wait = undefined
  }
}
