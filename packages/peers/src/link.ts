import type { Connection } from '@libp2p/interface'
import type { Clock, Hmac, Random, TimerHandle, Timers } from '@starling/ports'
import type { Admission } from './admission.ts'
import { CLOSER_WAIT_MS, HELD_CHANNELS_MAX, NONCE_BYTES, SESSION_TAG, type PeersTimings } from './config.ts'
import type { Counters } from './counters.ts'
import { limited } from './dialler.ts'
import { HandshakeTimeoutError, PeerUnavailableError, SessionProtocolError } from './errors.ts'
import {
  HandshakeMachine,
  refusalOf,
  type HandshakeInput,
  type HandshakeOutput
} from './handshake-machine.ts'
import { Heartbeat } from './heartbeat.ts'
import type { GoodbyeCode, SessionMessage } from './messages.ts'
import type { CloseCode, Failure, PeerInput } from './peer-types.ts'
import { isOpen, type FramedChannel, type MuxPort } from './ports.ts'
import { SessionChannel, type ChannelEnd } from './session-channel.ts'

/** What a link needs from the manager. */
export interface LinkHost {
  readonly self: string
  readonly admission: Admission
  readonly incarnation: bigint
  readonly mux: MuxPort
  readonly timings: PeersTimings
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly hmac: Hmac
  readonly counters: Counters
  /** Whether an intent of ours wants this peer. */
  wanted(peer: string): boolean
  /** A machine input from this link. */
  input(link: Link, input: PeerInput): void
  /** The handshake of a connection the peer dialled failed. */
  rejected(link: Link, error: Error): void
}

/** `up`: carries the session. `ending`: no session any more or ever. */
type LinkPhase = 'handshaking' | 'established' | 'up' | 'ending'

/** One connection: its handshake, heartbeats and goodbye. It decides nothing; what happens is the machine's to say. */
export class Link {
  readonly peer: string
  readonly connection: Connection
  readonly attempt: number
  readonly initiator: boolean
  readonly #host: LinkHost
  readonly #gates = new Set<(up: boolean) => void>()
  readonly #channels = new Set<FramedChannel>()
  readonly #gone: Promise<void>
  #resolveGone: () => void = () => {}
  #phase: LinkPhase = 'handshaking'
  #machine: HandshakeMachine | undefined
  #channel: SessionChannel | undefined
  #heartbeat: Heartbeat | undefined
  #deadline: TimerHandle | undefined
  #channelsIdle: (() => void) | undefined
  #peerEnded: () => void = () => {}
  readonly #peerEnd: Promise<void>
  #closed = false

  constructor(host: LinkHost, connection: Connection, peer: string, attempt: number, initiator: boolean) {
    this.#host = host
    this.connection = connection
    this.peer = peer
    this.attempt = attempt
    this.initiator = initiator
    const gone = Promise.withResolvers<void>()
    this.#gone = gone.promise
    this.#resolveGone = gone.resolve
    const peerEnd = Promise.withResolvers<void>()
    this.#peerEnd = peerEnd.promise
    this.#peerEnded = peerEnd.resolve
  }

  get heartbeat(): Heartbeat | undefined {
    return this.#heartbeat
  }

  get handshaking(): boolean {
    return this.#phase === 'handshaking'
  }

  /** Channels of the session that are open now. */
  get openChannels(): number {
    return this.#channels.size
  }

  /** Resolves when the connection is gone. */
  get gone(): Promise<void> {
    return this.#gone
  }

  /** Effect `handshake`. */
  start(): void {
    if (this.#phase !== 'handshaking' || this.#machine !== undefined) return
    const { self, admission, incarnation, timings, timers, random, hmac } = this.#host
    this.#machine = new HandshakeMachine({
      role: this.initiator ? 'dialler' : 'acceptor',
      self,
      peer: this.peer,
      cluster: admission.name,
      clusterHash: admission.hash,
      secrets: admission.secrets,
      incarnation,
      nonce: random.bytes(NONCE_BYTES),
      attempt: this.attempt,
      driftMsMax: timings.driftMsMax,
      hmac
    })
    this.#deadline = timers.schedule(timings.handshakeTimeoutMs, () => {
      this.#fail(plain(new HandshakeTimeoutError(this.peer, timings.handshakeTimeoutMs)))
    })
    if (this.initiator) void this.#openSessionChannel()
    else this.#handshake({ type: 'start' })
  }

  /** Acceptor: whether the peer's session channel may come. */
  get expectsChannel(): boolean {
    return !this.initiator && this.#phase === 'handshaking' && this.#channel === undefined
  }

  /** Acceptor: the session channel is here. */
  offer(channel: FramedChannel): void {
    if (!this.expectsChannel) return channel.abort(new PeerUnavailableError(this.peer, 'no handshake is due'))
    this.#attach(channel)
  }

  /** Effect `decide`. */
  decide(accept: boolean): void {
    const machine = this.#machine
    if (machine === undefined || this.#phase !== 'handshaking') return
    for (const output of machine.handle({ type: 'decided', accept }, this.#host.clock.wallMs())) {
      if (output.type === 'send') this.#channel?.send(output.message)
    }
    if (accept) return this.#establish()
    this.#host.counters.add('duplicatesClosed')
    this.close('duplicate')
  }

  /** Effect `up`: held channels come in, heartbeats begin. */
  up(): void {
    if (this.#phase !== 'established') return
    this.#phase = 'up'
    this.#openGates(true)
  }

  /** Whether a channel of this connection may be accepted: at once, later, or not. */
  gate(): Promise<boolean> | boolean | 'busy' {
    if (this.#phase === 'up') return true
    if (this.#phase === 'ending') return false
    if (this.#gates.size >= HELD_CHANNELS_MAX) return 'busy'
    this.#host.counters.add('channelsHeld')
    return new Promise(resolve => this.#gates.add(resolve))
  }

  /** Counts a channel of the session until it is over. */
  track(channel: FramedChannel): void {
    this.#channels.add(channel)
    void channel.closed.then(() => {
      this.#channels.delete(channel)
      if (this.#channels.size === 0) this.#channelsIdle?.()
    })
  }

  /** Effect `drain`: goodbye, the channels end, END both ways, then one of the two closes. */
  drain(code: CloseCode): void {
    if (this.#phase === 'ending') return
    this.#endPhase()
    this.#channel?.send({ type: 'goodbye', code: goodbyeCode(code) })
    void this.#drained()
  }

  /** Effect `close`: there was no session on it, so only a refusal may still be under way. */
  close(code: CloseCode): void {
    const channel = this.#channel
    if (this.#phase === 'handshaking') {
      channel?.send(refusalOf('unavailable', this.#host.clock.wallMs()))
      this.#endPhase()
    }
    if (channel === undefined || code === 'unwanted') return void this.#closeConnection()
    void this.#within(CLOSER_WAIT_MS, signal => channel.end(signal)).then(() => this.#closeConnection())
  }

  /** Ends the connection without a word: the peer is silent, or time is up. */
  abort(reason: string): void {
    if (this.#phase !== 'ending') this.#endPhase()
    this.connection.abort(new PeerUnavailableError(this.peer, reason))
    this.lost(reason)
  }

  /** The connection is gone. Told once. */
  lost(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#phase !== 'ending') this.#endPhase()
    this.#resolveGone()
    this.#peerEnded()
    this.#host.input(this, { type: 'closed', attempt: this.attempt, reason })
  }

  async #openSessionChannel(): Promise<void> {
    const { mux, timings, timers } = this.#host
    const limit = limited(timers, timings.handshakeTimeoutMs)
    try {
      const channel = await mux.openChannel(this.connection, SESSION_TAG, {
        signal: limit.signal,
        internal: true
      })
      if (this.#phase !== 'handshaking') return channel.abort(new PeerUnavailableError(this.peer, 'too late'))
      this.#attach(channel)
      this.#handshake({ type: 'start' })
    } catch (cause) {
      const detail = 'it takes no session channel; it may run other software or be closing'
      this.#fail(plain(new PeerUnavailableError(this.peer, detail, { cause })))
    } finally {
      limit.dispose()
    }
  }

  #attach(channel: FramedChannel): void {
    this.#channel = new SessionChannel(channel, {
      onMessage: message => this.#onMessage(message),
      onMalformed: cause => this.#broken(new SessionProtocolError(this.peer, 'malformed message', { cause })),
      onEnd: end => this.#onEnd(end)
    })
  }

  #onMessage(message: SessionMessage): void {
    this.#heartbeat?.heard()
    if (this.#phase === 'handshaking') return this.#handshake({ type: 'message', message })
    switch (message.type) {
      case 'beat':
        this.#heartbeat?.onBeat(message.wanted)
        return this.#channel?.send({ type: 'beatReply', number: message.number })
      case 'beatReply':
        return this.#heartbeat?.onReply(message.number)
      case 'goodbye':
        return this.#host.input(this, { type: 'goodbye', attempt: this.attempt })
      case 'refuse':
        // The acceptor's verdict and the dialler's change of mind passed each other: for the dialler there was no session.
        return this.#host.input(this, { type: 'goodbye', attempt: this.attempt })
      default:
        if (this.#phase === 'ending') return
        return this.#broken(new SessionProtocolError(this.peer, `'${message.type}' after the handshake`))
    }
  }

  #handshake(input: HandshakeInput): void {
    const outputs = this.#machine?.handle(input, this.#host.clock.wallMs()) ?? []
    for (const output of outputs) this.#carryOut(output)
  }

  #carryOut(output: HandshakeOutput): void {
    const { attempt } = this
    switch (output.type) {
      case 'send':
        return this.#channel?.send(output.message)
      case 'admit':
        void this.#host.admission
          .admit(this.peer)
          .then(refusal => this.#handshake({ type: 'admitted', refusal }))
        return
      case 'verified': {
        const { incarnation, dialAttempt } = output
        return this.#host.input(this, { type: 'verified', attempt, incarnation, dialAttempt })
      }
      case 'established':
        this.#establish()
        return this.#host.input(this, { type: 'established', attempt, incarnation: output.incarnation })
      case 'failed':
        return this.#fail(output)
    }
  }

  #establish(): void {
    if (this.#phase !== 'handshaking') return
    this.#phase = 'established'
    this.#deadline?.cancel()
    this.#heartbeat = new Heartbeat(this.#host, {
      peer: this.peer,
      busy: () => this.#channels.size > 0 || this.#gates.size > 0,
      beat: (number, wanted) => this.#channel?.send({ type: 'beat', number, wanted }),
      idle: () => {
        this.#host.counters.add('idleClosed')
        this.#host.input(this, { type: 'drop', attempt: this.attempt, code: 'idle' })
      },
      silent: () => this.abort('silent')
    })
  }

  #fail(failure: Failure): void {
    if (this.#phase !== 'handshaking') return
    this.#endPhase()
    const { counters } = this.#host
    counters.add('handshakesFailed')
    counters.addError(failure.error)
    this.#host.input(this, { type: 'handshakeFailed', attempt: this.attempt, failure })
    if (!this.initiator && !failure.duplicate) this.#host.rejected(this, failure.error)
  }

  /** A rule of the session channel was broken, or it ended before its time. */
  #broken(error: Error): void {
    if (this.#phase === 'handshaking') return this.#fail(plain(error))
    if (this.#phase === 'ending') return
    this.#host.counters.addError(error)
    this.#host.input(this, { type: 'drop', attempt: this.attempt, code: 'protocol' })
  }

  #onEnd(end: ChannelEnd): void {
    this.#peerEnded()
    if (this.#phase === 'ending') return
    if (end.type === 'broken' && isOpen(this.connection) && this.#phase !== 'handshaking') {
      return this.abort('the session channel broke')
    }
    this.#broken(new PeerUnavailableError(this.peer, 'it ended the session channel without a goodbye'))
  }

  /** From here on there is no session: nothing comes in, nothing beats. */
  #endPhase(): void {
    this.#phase = 'ending'
    this.#deadline?.cancel()
    this.#heartbeat?.stop()
    this.#openGates(false)
  }

  #openGates(up: boolean): void {
    const gates = [...this.#gates]
    this.#gates.clear()
    for (const resolve of gates) resolve(up)
  }

  async #drained(): Promise<void> {
    const { timings, counters } = this.#host
    let clean = false
    await this.#within(timings.goodbyeTimeoutMs, async () => {
      await this.#withoutChannels()
      const channel = this.#channel
      if (channel !== undefined) {
        await this.#within(timings.goodbyeTimeoutMs, signal => channel.end(signal))
        await this.#peerEnd
      }
      clean = true
    })
    if (!clean && !this.#closed) counters.add('goodbyesForced')
    // Over QUIC a close drops what is in flight, the last acknowledgement included; with one closer there is nothing to drop.
    if (clean && this.#host.self > this.peer) await this.#within(CLOSER_WAIT_MS, () => this.#gone)
    await this.#closeConnection()
  }

  #withoutChannels(): Promise<void> {
    if (this.#channels.size === 0) return Promise.resolve()
    return new Promise(resolve => {
      this.#channelsIdle = resolve
    })
  }

  async #closeConnection(): Promise<void> {
    if (this.#closed) return
    await this.#within(CLOSER_WAIT_MS, async signal => {
      await this.connection.close({ signal }).catch(() => {})
      if (!isOpen(this.connection)) this.lost('closed')
    })
    if (!this.#closed) this.abort('closed')
  }

  /** Runs `work` for at most `ms`, and no longer than the connection lives. Never rejects. */
  async #within(ms: number, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const limit = limited(this.#host.timers, ms)
    const over = new Promise<void>(resolve => {
      limit.signal.addEventListener('abort', () => resolve(), { once: true })
    })
    await Promise.race([work(limit.signal).catch(() => {}), over, this.#gone])
    limit.dispose()
  }
}

function plain(error: Error): Failure {
  return { error, refused: false, duplicate: false }
}

function goodbyeCode(code: CloseCode): GoodbyeCode {
  return code === 'unwanted' || code === 'busy' ? 'idle' : code
}
