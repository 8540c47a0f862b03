import type { SyncConfig } from './config.ts'
import type { Link } from './link.ts'
import type { PeerKey, Session } from './ports.ts'
import type { RoundSlots } from './round-slots.ts'
import type { RoundEvent, SyncComponents, SyncProtocol } from './types.ts'

/** What a link needs of its topic. */
export interface LinkHost {
  readonly topic: string
  readonly protocol: SyncProtocol
  readonly components: SyncComponents
  readonly config: SyncConfig
  readonly slots: RoundSlots
  /** The transport session with a peer, when there is one. */
  transport(peer: PeerKey): Session | undefined
  onRound(event: RoundEvent): void
  onSession(): void
  /** The link has nothing left to do. */
  idle(link: Link): void
}
