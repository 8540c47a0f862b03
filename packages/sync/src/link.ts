import type { TimerHandle } from '@starling/ports'
import { backoffMs } from './backoff.ts'
import { settledOr } from './deadline.ts'
import { SyncHandshakeError, SyncRoundError } from './errors.ts'
import type { SyncChannel } from './handshake.ts'
import type { LinkHost } from './link-host.ts'
import { Opening } from './opening.ts'
import type { PeerKey, Session } from './ports.ts'
import { RoundRecord } from './round-record.ts'
import { Round } from './round.ts'
import type { RoundEvent, SyncOutcome, SyncSessionInfo, SyncSessionState } from './types.ts'
import { Waiting } from './waiting.ts'
import { encodeReply } from './wire.ts'

/**
 * One peer of one topic. It compares what is wanted (a round that is due, while the peer is a neighbour) with what there is, and
 * does one thing about the difference: ask for a turn, open, wait, or let go. Every event ends in the same comparison, so none can
 * be missed.
 */
export class Link {
  readonly peer: PeerKey
  readonly #host: LinkHost
  readonly #greater: boolean
  #wanted = false
  #intent: { release(): void } | undefined
  /** A round is to be run. */
  #due = false
  #opening: Opening | undefined
  #round: Round | undefined
  /** Resolves when the round that runs has come to rest. */
  #resting: Promise<void> = Promise.resolve()
  readonly #waiting: Waiting
  #grace: TimerHandle | undefined
  /** The transport session on which the peer has shown that it holds the topic. */
  #met: Session | undefined
  readonly #record = new RoundRecord()
  /** Until then the peer's rounds are refused: one of them has just failed here, or several were in vain. */
  #coolUntilMs = -Infinity
  #closed = false

  constructor(peer: PeerKey, host: LinkHost) {
    this.peer = peer
    this.#host = host
    this.#greater = host.components.sessions.self > peer
    this.#waiting = new Waiting(host.components.timers)
  }

  /** Whether the peer is there and holds the topic. */
  get hasSession(): boolean {
    return this.#met !== undefined && this.#met === this.#host.transport(this.peer)
  }

  /** Whether the peer is a neighbour. */
  get wanted(): boolean {
    return this.#wanted
  }

  get syncing(): boolean {
    return this.#round !== undefined
  }

  get info(): SyncSessionInfo {
    return { peer: this.peer, state: this.#state, ...this.#record.info }
  }

  setWanted(wanted: boolean): void {
    if (this.#closed || wanted === this.#wanted) return
    this.#wanted = wanted
    if (wanted) {
      this.#grace?.cancel()
      this.#grace = undefined
      this.#intent ??= this.#want()
      if (!this.hasSession) this.#begin()
    } else {
      this.#linger()
    }
    this.update()
  }

  /** Wishes for a round; when one runs, another follows it. After a failure it waits, unless it is to be `now`. */
  reconcile(now: boolean): void {
    if (this.#closed) return
    this.#due = true
    if (now && this.#waiting.state === 'backoff') this.#waiting.stop()
    this.update()
  }

  /** The peer has a new transport session: what failed on the old one says nothing. */
  transportUp(): void {
    this.#record.failures = 0
    this.#waiting.stop()
    if (this.#wanted) this.#begin()
    this.update()
  }

  /** Compares and acts. Harmless at any time. */
  update(): void {
    if (this.#closed) return
    const transport = this.#host.transport(this.peer)
    if (this.#round !== undefined && this.#round.transport !== transport) {
      this.#round.fail(new SyncRoundError(this.peer, 'sessionLost'))
    }
    if (this.#opening !== undefined && this.#opening.transport !== transport) this.#giveUp()
    if (transport === undefined) {
      this.#waiting.stop()
      this.#met = undefined
    }
    if (!this.#wanted && this.#grace === undefined) this.#release()
    else if (transport !== undefined && this.#due && this.#isFree) {
      this.#waiting.forTurn(this.#host.slots, this.peer, () => this.#open())
    }
  }

  /**
   * Takes a channel that the peer has opened for the next round, if it may be: says so and runs it. It waits for a round that is
   * coming to rest, since the peer may learn of its end before we do. Of two channels that cross, the one that the greater peer id
   * opened stays. After a round of the peer's that failed here, as one does that breaks the protocol's rules or costs too much,
   * the next has to wait.
   *
   * @returns the round, if it was taken.
   */
  async accept(channel: SyncChannel, transport: Session, signal: AbortSignal): Promise<Round | undefined> {
    if (!this.#wanted && this.#grace === undefined) this.#linger()
    while (this.#round !== undefined && !signal.aborted) await settledOr(this.#resting, signal)
    if (this.#closed || signal.aborted || this.#host.transport(this.peer) !== transport) return undefined
    if (this.#opening !== undefined && this.#greater) return undefined
    if (this.#host.components.clock.monotonicMs() < this.#coolUntilMs) return undefined
    // Throws for a peer that has gone meanwhile, whose offer then changes nothing here.
    channel.channel.send(encodeReply('accepted'))
    this.#giveUp()
    this.#waiting.stop()
    return this.#start(channel, transport, false)
  }

  /** Runs a round on a channel after its handshake. */
  #start(channel: SyncChannel, transport: Session, initiator: boolean): Round {
    const { components, config, protocol } = this.#host
    if (this.#met !== transport) {
      this.#met = transport
      this.#host.onSession()
    }
    const round = new Round({
      channel,
      transport,
      initiator,
      protocol,
      clock: components.clock,
      timers: components.timers,
      config,
      progress: progress => this.#record.progress(progress, components.clock.monotonicMs()),
      isConnected: () => this.#host.transport(this.peer) === transport
    })
    const wasDue = this.#due || initiator
    this.#due = false
    this.#round = round
    this.#resting = round.run().then(
      outcome => this.#roundOver(round, outcome),
      (error: Error) => this.#roundFailed(round, error, wasDue)
    )
    return round
  }

  /** Ends everything; resolves when the round has come to rest. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#giveUp()
    this.#waiting.stop()
    this.#grace?.cancel()
    this.#intent?.release()
    this.#grace = this.#intent = undefined
    const round = this.#round
    round?.fail(new SyncRoundError(this.peer, 'closed'))
    await Promise.all([this.#resting, round?.gone])
  }

  get #state(): SyncSessionState {
    if (this.#round !== undefined) return 'syncing'
    if (this.#opening !== undefined) return 'opening'
    if (this.#grace !== undefined) return 'grace'
    return this.#waiting.state ?? (this.hasSession ? 'live' : 'waiting')
  }

  /** Nothing is under way or waited for. */
  get #isFree(): boolean {
    return this.#round === undefined && this.#opening === undefined && this.#waiting.state === undefined
  }

  /** The first round with a peer: the greater id opens at once, the lesser when nothing came. */
  #begin(): void {
    this.#due = true
    const { passiveOpenDelayMs } = this.#host.config
    const delayMs = this.#greater ? 0 : passiveOpenDelayMs
    if (delayMs > 0 && this.#isFree && this.#host.transport(this.peer) !== undefined) {
      this.#waiting.for(delayMs, 'waiting', () => this.update())
    }
  }

  /** A port that takes no more wishes leaves us with the sessions that come about without ours. */
  #want(): { release(): void } | undefined {
    try {
      return this.#host.components.sessions.want(this.peer, { mode: 'continuous' })
    } catch {
      return undefined
    }
  }

  #open(): void {
    const { components, config, topic, slots } = this.#host
    const transport = this.#host.transport(this.peer)
    if (transport === undefined) {
      slots.release(this.peer)
      return
    }
    this.#opening = new Opening({
      topic,
      transport,
      components,
      config,
      opened: channel => {
        this.#opening = undefined
        const { gone } = this.#start(channel, transport, true)
        void Promise.all([this.#resting, gone]).then(() => slots.release(this.peer))
      },
      failed: error => {
        this.#opening = undefined
        slots.release(this.peer)
        const isUnknown = error instanceof SyncHandshakeError && error.reason === 'unknownTopic'
        if (isUnknown) this.#met = undefined
        // A peer that opens the topic later begins by itself; anything else may be over at any moment.
        this.#failed(isUnknown ? Infinity : config.reconcileIntervalMs)
      },
      givenUp: () => slots.release(this.peer)
    })
  }

  #failed(pauseMsMax: number): void {
    if (this.#closed) return
    this.#record.failures++
    this.#due = true
    this.#waiting.for(this.#pauseMs(pauseMsMax), 'backoff', () => this.update())
    this.update()
  }

  #pauseMs(max: number): number {
    const { config, components } = this.#host
    return Math.min(max, backoffMs(this.#record.failures, config, components.random))
  }

  /** Rounds with this peer cost much and come to nothing, whoever starts them. */
  #keepWaiting(): void {
    const { config, components } = this.#host
    const pauseMs = backoffMs(this.#record.vain - 1, config, components.random)
    this.#coolUntilMs = components.clock.monotonicMs() + pauseMs
    this.#waiting.for(pauseMs, 'backoff', () => this.update())
  }

  #roundOver(round: Round, outcome: SyncOutcome): void {
    this.#round = undefined
    this.#record.ended(outcome, this.#host.components.clock.monotonicMs())
    this.#coolUntilMs = -Infinity
    if (this.#record.vain > 1 && !this.#closed) this.#keepWaiting()
    // A round that moved nothing would move nothing again at once either.
    if (outcome.more === true && outcome.entriesSent + outcome.entriesReceived > 0) this.#due = true
    this.#afterRound(round, { peer: this.peer, durationMs: round.durationMs, outcome })
  }

  #roundFailed(round: Round, error: Error, wasDue: boolean): void {
    this.#round = undefined
    const isOurs = (wasDue || this.#due) && !this.#closed && (this.#wanted || this.#grace !== undefined)
    const { components, config } = this.#host
    // At most an interval: what failed may have been a disk, ours or the peer's, that works again.
    if (isOurs && this.#host.transport(this.peer) !== undefined) this.#failed(config.reconcileIntervalMs)
    else this.#record.failures++
    if (!round.initiator && !(error instanceof SyncRoundError)) {
      this.#coolUntilMs = components.clock.monotonicMs() + this.#pauseMs(config.reconcileIntervalMs)
    }
    this.#afterRound(round, { peer: this.peer, durationMs: round.durationMs, error })
  }

  #afterRound(round: Round, event: RoundEvent): void {
    this.#host.onRound(event)
    if (this.#closed) return
    // Who is no neighbour of ours, but we of it, stays while it comes.
    if (!this.#wanted && !round.initiator) this.#linger()
    this.update()
  }

  /** Not wanted: what there is stays for a while, since an overlay swap is no farewell. */
  #linger(): void {
    this.#grace?.cancel()
    this.#grace = this.#host.components.timers.schedule(this.#host.config.graceMs, () => {
      this.#grace = undefined
      this.update()
    })
  }

  /** Neither wanted nor in grace: only a round that runs, or an offer under way, keeps the link. */
  #release(): void {
    if (this.#round !== undefined || this.#opening !== undefined) return
    this.#waiting.stop()
    this.#intent?.release()
    this.#intent = undefined
    this.#host.idle(this)
  }

  #giveUp(): void {
    this.#opening?.giveUp()
    this.#opening = undefined
  }
}
