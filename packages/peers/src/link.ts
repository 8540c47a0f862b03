import type { Connection } from '@libp2p/interface'
import { REVOKE_MS } from './config.ts'
import { AdmissionError, PeerUnavailableError, SessionProtocolError } from './errors.ts'
import { dismiss, sayGoodbye, type Leaving } from './farewell.ts'
import { refusalOf } from './handshake-machine.ts'
import { LinkChannels } from './link-channels.ts'
import { LinkHandshake, plain } from './link-handshake.ts'
import type { LinkHost } from './link-host.ts'
import { LinkSession } from './link-session.ts'
import type { GoodbyeCode, SessionMessage } from './messages.ts'
import type { CloseCode, Failure } from './peer-types.ts'
import { isOpen, type FramedChannel } from './ports.ts'
import { SessionChannel, type ChannelEnd } from './session-channel.ts'

/** `established`: both sides proved themselves. `ending`: no session any more, or ever. */
type LinkPhase = 'handshaking' | 'established' | 'ending'

/** One connection: its handshake, heartbeats and goodbye. It decides nothing; what happens is the machine's to say. */
export class Link {
  readonly peer: string
  readonly connection: Connection
  readonly attempt: number
  readonly initiator: boolean
  readonly #host: LinkHost
  /** The application's channels. */
  readonly channels: LinkChannels
  readonly #gone = Promise.withResolvers<void>()
  readonly #peerEnd = Promise.withResolvers<void>()
  #phase: LinkPhase = 'handshaking'
  #handshake: LinkHandshake | undefined
  #channel: SessionChannel | undefined
  #session: LinkSession | undefined
  #closed = false

  constructor(host: LinkHost, connection: Connection, peer: string, attempt: number, initiator: boolean) {
    this.#host = host
    this.connection = connection
    this.peer = peer
    this.attempt = attempt
    this.initiator = initiator
    this.channels = new LinkChannels(() => host.counters.add('channelsHeld'))
  }

  /** What runs on it once both sides have proven themselves. */
  get session(): LinkSession | undefined {
    return this.#session
  }

  get handshaking(): boolean {
    return this.#phase === 'handshaking'
  }

  /** Effect `handshake`. */
  start(): void {
    if (this.#phase !== 'handshaking' || this.#handshake !== undefined) return
    const { attempt, peer, initiator, connection } = this
    this.#handshake = new LinkHandshake(this.#host, {
      peer,
      attempt,
      initiator,
      connection,
      send: message => this.#channel?.send(message),
      verified: (incarnation, dialAttempt) =>
        this.#host.input(this, { type: 'verified', attempt, incarnation, dialAttempt }),
      established: incarnation => {
        this.#establish()
        this.#host.input(this, { type: 'established', attempt, incarnation })
      },
      failed: failure => this.#fail(failure)
    })
    if (initiator) void this.#openSessionChannel(this.#handshake)
    else this.#handshake.handle({ type: 'start' })
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
    if (this.#handshake === undefined || this.#phase !== 'handshaking') return
    this.#handshake.decide(accept)
    if (accept) return this.#establish()
    this.#host.counters.add('duplicatesClosed')
    this.#endPhase()
    this.close('duplicate')
  }

  /** Effect `up`: channels that came early come in. */
  up(): void {
    if (this.#phase === 'established') this.channels.open()
  }

  /** Effect `drain`: a goodbye, and what follows it. */
  drain(code: CloseCode): void {
    if (this.#phase === 'ending') return
    this.#endPhase()
    const { self, timings, counters } = this.#host
    this.#channel?.send({ type: 'goodbye', code: goodbyeCode(code) })
    const goodbye = {
      ...this.#leaving(),
      timeoutMs: timings.goodbyeTimeoutMs,
      closer: self < this.peer,
      channels: this.channels.none(),
      peerEnd: this.#peerEnd.promise
    }
    void sayGoodbye(goodbye).then(clean => {
      if (!clean && !this.#closed) counters.add('goodbyesForced')
      this.lost('closed')
    })
  }

  /** Effect `cut`: the peer is not admitted any more, so nothing of it is delivered from here on. */
  cut(reason: Error): void {
    this.channels.abort(reason)
    if (this.#phase !== 'ending') {
      this.#endPhase()
      this.#channel?.send({ type: 'goodbye', code: 'refused' })
    }
    void dismiss(this.#leaving(), REVOKE_MS / 2).then(() => this.lost('closed'))
  }

  /** Effect `close`: there was no session on it. */
  close(code: CloseCode): void {
    if (this.#phase === 'handshaking') {
      const why = code === 'refused' ? 'admission' : 'unavailable'
      this.#channel?.send(refusalOf(why, this.#host.clock.wallMs()))
    }
    if (this.#phase !== 'ending') this.#endPhase()
    void dismiss(this.#leaving()).then(() => this.lost('closed'))
  }

  /** Ends the connection without a word: the peer is silent, or time is up. */
  abort(reason: string): void {
    if (this.#phase !== 'ending') this.#endPhase()
    // The reason first: the transport reports its own end of the connection from within `abort`.
    this.lost(reason)
    this.connection.abort(new PeerUnavailableError(this.peer, reason))
  }

  /** The connection is gone. Told once. */
  lost(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    if (this.initiator && this.#phase === 'handshaking') {
      const detail = `the connection was lost during the handshake (${reason})`
      this.#fail(plain(new PeerUnavailableError(this.peer, detail)))
    }
    if (this.#phase !== 'ending') this.#endPhase()
    this.#gone.resolve()
    this.#peerEnd.resolve()
    this.#host.input(this, { type: 'closed', attempt: this.attempt, reason })
  }

  async #openSessionChannel(handshake: LinkHandshake): Promise<void> {
    const channel = await handshake.openChannel()
    if (channel === undefined) return
    this.#attach(channel)
    handshake.handle({ type: 'start' })
  }

  #attach(channel: FramedChannel): void {
    this.#channel = new SessionChannel(channel, {
      onMessage: message => this.#onMessage(message),
      onMalformed: cause => this.#broken(new SessionProtocolError(this.peer, 'malformed message', { cause })),
      onEnd: end => this.#onEnd(end)
    })
  }

  #onMessage(message: SessionMessage): void {
    this.#session?.heartbeat.heard()
    if (this.#phase === 'handshaking') return this.#handshake?.handle({ type: 'message', message })
    switch (message.type) {
      case 'beat':
        this.#session?.heartbeat.onBeat(message.wanted)
        return this.#channel?.send({ type: 'beatReply', number: message.number })
      case 'beatReply':
        return this.#session?.heartbeat.onReply(message.number)
      case 'goodbye':
        return this.#host.input(this, { type: 'goodbye', attempt: this.attempt })
      case 'refuse':
        // The acceptor's verdict and the dialler's change of mind passed each other: for the dialler there was no session.
        return this.#host.input(this, { type: 'goodbye', attempt: this.attempt })
      case 'challenge':
        if (this.#phase === 'established') this.#session?.renewal.onChallenge(message.nonce)
        return
      case 'renewal':
        if (this.#phase !== 'established' || this.#session?.renewal.onRenewal(message.proof) === true) return
        return this.#misplaced(message)
      case 'about':
        if (this.#phase !== 'established' || this.#session?.onAbout(message.metadata) === true) return
        return this.#misplaced(message)
      default:
        return this.#misplaced(message)
    }
  }

  #misplaced(message: SessionMessage): void {
    if (this.#phase === 'ending') return
    this.#broken(new SessionProtocolError(this.peer, `'${message.type}' after the handshake`))
  }

  #establish(): void {
    if (this.#phase !== 'handshaking') return
    this.#phase = 'established'
    this.#handshake?.stop()
    const result = this.#handshake?.result
    if (result === undefined) return
    this.#session = new LinkSession(this.#host, {
      peer: this.peer,
      role: this.initiator ? 'dialler' : 'acceptor',
      connection: this.connection,
      result,
      busy: () => this.channels.busy,
      send: message => this.#channel?.send(message),
      idle: () => {
        this.#host.counters.add('idleClosed')
        this.#host.input(this, { type: 'drop', attempt: this.attempt, code: 'idle' })
      },
      silent: () => this.abort('silent'),
      unproven: () => this.#host.revoke(this, new AdmissionError(this.peer, 'secretGone')),
      health: health => this.#host.health(this, health)
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
    this.#peerEnd.resolve()
    if (this.#phase === 'ending') return
    if (end.type === 'broken' && isOpen(this.connection) && this.#phase !== 'handshaking') {
      return this.abort('the session channel broke')
    }
    this.#broken(new PeerUnavailableError(this.peer, 'it ended the session channel without a goodbye'))
  }

  /** From here on there is no session: nothing comes in, nothing beats. */
  #endPhase(): void {
    this.#phase = 'ending'
    this.#handshake?.stop()
    this.#session?.stop()
    this.channels.shut()
  }

  #leaving(): Leaving {
    const { connection } = this
    return { timers: this.#host.timers, connection, channel: this.#channel, gone: this.#gone.promise }
  }
}

function goodbyeCode(code: CloseCode): GoodbyeCode {
  return code === 'unwanted' || code === 'busy' ? 'idle' : code
}
