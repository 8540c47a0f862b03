import type { Connection } from '@libp2p/interface'
import type { TimerHandle } from '@starling/ports'
import { NONCE_BYTES, REVOKE_MS, SESSION_TAG, SESSION_WINDOW_BYTES } from './config.ts'
import { limited } from './deadline.ts'
import {
  AdmissionError,
  HandshakeTimeoutError,
  PeerUnavailableError,
  SessionProtocolError
} from './errors.ts'
import { dismiss, sayGoodbye, type Leaving } from './farewell.ts'
import {
  HandshakeMachine,
  refusalOf,
  type HandshakeInput,
  type HandshakeOutput
} from './handshake-machine.ts'
import { LinkChannels } from './link-channels.ts'
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
  #machine: HandshakeMachine | undefined
  #channel: SessionChannel | undefined
  #session: LinkSession | undefined
  #deadline: TimerHandle | undefined
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

  async #openSessionChannel(): Promise<void> {
    const { mux, timings, timers } = this.#host
    const limit = limited(timers, timings.handshakeTimeoutMs)
    try {
      const channel = await mux.openChannel(this.connection, SESSION_TAG, {
        signal: limit.signal,
        internal: true,
        windowBytes: SESSION_WINDOW_BYTES
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
    this.#session?.heartbeat.heard()
    if (this.#phase === 'handshaking') return this.#handshake({ type: 'message', message })
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
      default:
        return this.#misplaced(message)
    }
  }

  #misplaced(message: SessionMessage): void {
    if (this.#phase === 'ending') return
    this.#broken(new SessionProtocolError(this.peer, `'${message.type}' after the handshake`))
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
          .admit(this.peer, this.#inbound())
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
    const result = this.#machine?.result
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

  /** What the accept rule is told about an inbound connection. */
  #inbound(): { readonly remoteAddress: string; readonly sessions: number } | undefined {
    if (this.initiator) return undefined
    return { remoteAddress: this.connection.remoteAddr.toString(), sessions: this.#host.sessions() }
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
    this.#deadline?.cancel()
    this.#session?.stop()
    this.channels.shut()
  }

  #leaving(): Leaving {
    const { connection } = this
    return { timers: this.#host.timers, connection, channel: this.#channel, gone: this.#gone.promise }
  }
}

function plain(error: Error): Failure {
  return { error, refused: false, duplicate: false }
}

function goodbyeCode(code: CloseCode): GoodbyeCode {
  return code === 'unwanted' || code === 'busy' ? 'idle' : code
}
