import type { Connection } from '@libp2p/interface'
import { NONCE_BYTES, SESSION_TAG, SESSION_WINDOW_BYTES } from './config.ts'
import { limited } from './deadline.ts'
import { HandshakeTimeoutError, PeerUnavailableError } from './errors.ts'
import {
  HandshakeMachine,
  type HandshakeInput,
  type HandshakeOutput,
  type HandshakeResult
} from './handshake-machine.ts'
import type { LinkHost } from './link-host.ts'
import type { SessionMessage } from './messages.ts'
import type { Failure } from './peer-types.ts'
import type { FramedChannel } from './ports.ts'

export interface LinkHandshakeInit {
  readonly peer: string
  readonly attempt: number
  readonly initiator: boolean
  readonly connection: Connection
  send(message: SessionMessage): void
  /** Acceptor: everything holds; the verdict is due. */
  verified(incarnation: bigint, dialAttempt: number): void
  /** Dialler: the acceptor accepted. */
  established(incarnation: bigint): void
  failed(failure: Failure): void
}

/** The handshake of one connection, with its deadline, its channel and the questions to the admission rules. */
export class LinkHandshake {
  readonly #host: LinkHost
  readonly #init: LinkHandshakeInit
  readonly #machine: HandshakeMachine
  readonly #limit: ReturnType<typeof limited>
  #over = false

  constructor(host: LinkHost, init: LinkHandshakeInit) {
    this.#host = host
    this.#init = init
    const { self, admission, incarnation, timings, timers, random, hmac } = host
    const { peer, attempt, initiator } = init
    this.#machine = new HandshakeMachine({
      role: initiator ? 'dialler' : 'acceptor',
      self,
      peer,
      cluster: admission.name,
      clusterHash: admission.hash,
      secrets: admission.secrets,
      incarnation,
      nonce: random.bytes(NONCE_BYTES),
      attempt,
      driftMsMax: timings.driftMsMax,
      hmac
    })
    this.#limit = limited(timers, timings.handshakeTimeoutMs)
    this.#limit.signal.addEventListener('abort', () => {
      if (!this.#over) init.failed(plain(new HandshakeTimeoutError(peer, timings.handshakeTimeoutMs)))
    })
  }

  /** What was found out, once the session stands. */
  get result(): HandshakeResult | undefined {
    return this.#machine.result
  }

  /** Dialler: opens the session channel; undefined when that failed, or the handshake was over meanwhile. */
  async openChannel(): Promise<FramedChannel | undefined> {
    const { peer, connection } = this.#init
    try {
      const channel = await this.#host.mux.openChannel(connection, SESSION_TAG, {
        signal: this.#limit.signal,
        internal: true,
        windowBytes: SESSION_WINDOW_BYTES
      })
      if (!this.#over) return channel
      channel.abort(new PeerUnavailableError(peer, 'too late'))
    } catch (cause) {
      const detail = 'it takes no session channel; it may run other software or be closing'
      if (!this.#over) this.#init.failed(plain(new PeerUnavailableError(peer, detail, { cause })))
    }
    return undefined
  }

  handle(input: HandshakeInput): void {
    for (const output of this.#machine.handle(input, this.#host.clock.wallMs())) this.#carryOut(output)
  }

  /** Acceptor: says the verdict, which is its maker's and so no failure here. */
  decide(accept: boolean): void {
    const outputs = this.#machine.handle({ type: 'decided', accept }, this.#host.clock.wallMs())
    for (const output of outputs) if (output.type === 'send') this.#init.send(output.message)
  }

  stop(): void {
    this.#over = true
    this.#limit.dispose()
  }

  #carryOut(output: HandshakeOutput): void {
    const { peer } = this.#init
    switch (output.type) {
      case 'send':
        return this.#init.send(output.message)
      case 'admit':
        void this.#host.admission
          .admit(peer, this.#inbound())
          .then(refusal => this.handle({ type: 'admitted', refusal }))
        return
      case 'verified':
        return this.#init.verified(output.incarnation, output.dialAttempt)
      case 'established':
        return this.#init.established(output.incarnation)
      case 'failed':
        return this.#init.failed(output)
    }
  }

  /** What the accept rule is told about an inbound connection. */
  #inbound(): { readonly remoteAddress: string; readonly sessions: number } | undefined {
    const { initiator, connection } = this.#init
    if (initiator) return undefined
    return { remoteAddress: connection.remoteAddr.toString(), sessions: this.#host.sessions() }
  }
}

/** A failure that waiting may cure. */
export function plain(error: Error): Failure {
  return { error, refused: false, duplicate: false }
}
