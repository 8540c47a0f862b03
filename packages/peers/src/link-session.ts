import type { Connection } from '@libp2p/interface'
import { Heartbeat } from './heartbeat.ts'
import type { HandshakeResult } from './handshake-machine.ts'
import type { LinkHost } from './link-host.ts'
import type { Health } from './liveness.ts'
import type { Metadata } from './metadata.ts'
import type { SessionMessage } from './messages.ts'
import type { Role } from './proof.ts'
import { Renewal } from './renewal.ts'

export interface LinkSessionInit {
  readonly peer: string
  readonly role: Role
  readonly connection: Connection
  /** What the handshake found out. */
  readonly result: HandshakeResult
  /** A channel is open, so the session is in use. */
  busy(): boolean
  send(message: SessionMessage): void
  idle(): void
  silent(): void
  /** The peer did not prove itself again. */
  unproven(): void
  health(health: Health): void
}

/** What runs on a link from its handshake to its end: heartbeats, and new proofs when secrets are taken away. */
export class LinkSession {
  readonly result: HandshakeResult
  readonly sinceMs: number
  readonly heartbeat: Heartbeat
  readonly renewal: Renewal
  #metadata: Metadata | undefined

  constructor(host: LinkHost, init: LinkSessionInit) {
    const { result, role, peer, connection } = init
    this.result = result
    this.sinceMs = host.clock.wallMs()
    if (Object.keys(host.metadata).length > 0) init.send({ type: 'about', metadata: host.metadata })
    this.renewal = new Renewal(host, {
      role,
      subject: result.subject,
      secret: result.secret,
      send: message => init.send(message),
      failed: () => init.unproven()
    })
    this.heartbeat = new Heartbeat(host, {
      peer,
      connection,
      busy: () => init.busy(),
      beat: (number, wanted) => init.send({ type: 'beat', number, wanted }),
      idle: () => init.idle(),
      silent: () => init.silent(),
      health: health => init.health(health)
    })
    // The operator may have taken the secret away while the handshake ran.
    this.renewal.check()
  }

  /** What the peer says of itself; empty until it has. */
  get metadata(): Metadata {
    return this.#metadata ?? {}
  }

  /** Returns false when it has said so before. */
  onAbout(metadata: Metadata): boolean {
    if (this.#metadata !== undefined) return false
    this.#metadata = metadata
    return true
  }

  stop(): void {
    this.heartbeat.stop()
    this.renewal.stop()
  }
}
