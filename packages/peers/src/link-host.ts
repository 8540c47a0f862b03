import type { Clock, Hmac, Random, Timers } from '@starling/ports'
import type { Admission } from './admission.ts'
import type { PeersTimings } from './config.ts'
import type { Counters } from './counters.ts'
import type { Health } from './liveness.ts'
import type { Link } from './link.ts'
import type { Metadata } from './metadata.ts'
import type { PeerInput } from './peer-types.ts'
import type { MuxPort } from './ports.ts'

/** What a link needs from the manager. */
export interface LinkHost {
  readonly self: string
  readonly admission: Admission
  readonly incarnation: bigint
  /** What this node says of itself. */
  readonly metadata: Metadata
  readonly mux: MuxPort
  readonly timings: PeersTimings
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly hmac: Hmac
  readonly counters: Counters
  /** Whether an intent of ours wants this peer. */
  wanted(peer: string): boolean
  /** Sessions now. */
  sessions(): number
  /** A session's peer became suspect, or alive again. */
  health(link: Link, health: Health): void
  /** This process did not run for so long that silence says nothing. */
  stalled(lateMs: number): void
  /** The peer of this session is not admitted any more. */
  revoke(link: Link, error: Error): void
  /** A machine input from this link. */
  input(link: Link, input: PeerInput): void
  /** The handshake of a connection the peer dialled failed. */
  rejected(link: Link, error: Error): void
}
