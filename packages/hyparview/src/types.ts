/** A peer's identity, as the transport authenticated it: the text form of its peer id. */
export type PeerKey = string

/**
 * A peer and how to reach it. `data` is opaque to the machine (addresses, in practice), at most `dataBytesMax` bytes, and
 * travels with the peer's id wherever that goes. It is a claim until the peer itself has been met.
 */
export interface PeerInfo {
  readonly id: PeerKey
  readonly data: Uint8Array
}

/**
 * How a forwarded join finds places for the joiner.
 *
 * - `replace`: the rule of the paper (§4.1). The walk's end links to the joiner and drops one of its own links if full.
 * - `split`: the walk's end offers the joiner a place on one of its own links; both ends of that link become neighbours of
 *   the joiner and nobody loses a degree.
 * - `open`: the first node on the walk with a free slot offers it.
 */
export type WalkKind = 'replace' | 'split' | 'open'

/** Asks the contact to bring the sender into the overlay (paper §4.1). Answered with a `neighborReply`. */
export interface JoinMessage {
  readonly type: 'join'
  readonly requestId: number
  readonly data: Uint8Array
}

/** A join on its random walk (paper §4.1). `peer` is the joiner. */
export interface ForwardJoinMessage {
  readonly type: 'forwardJoin'
  readonly peer: PeerInfo
  readonly walk: WalkKind
  /** Hops left before the walk ends. */
  readonly ttl: number
  /** Hops it may still make after that because the node at its end was busy. */
  readonly spareHops: number
}

/**
 * Asks to become a neighbour (paper §4.2: `high` when the sender has no neighbour at all). Always answered.
 */
export interface NeighborMessage {
  readonly type: 'neighbor'
  readonly requestId: number
  readonly priority: 'high' | 'low'
  readonly data: Uint8Array
  /** The sender's neighbours, so that the receiver can refuse to close a triangle; empty when that does not matter. */
  readonly active: readonly PeerKey[]
  /** Split of a link: the sender's neighbour that will ask for a second slot of the receiver. */
  readonly split: PeerKey | undefined
  /** The receiver's neighbour that told, or will tell, the receiver that the sender takes its place. */
  readonly replaces: PeerKey | undefined
  /** Swap of links: the id of the shuffle that arranged it. */
  readonly swap: number | undefined
}

/** Answers `join` and `neighbor`. A refusal says nothing against the sender; the samples help it to look elsewhere. */
export interface NeighborReplyMessage {
  readonly type: 'neighborReply'
  readonly requestId: number
  readonly accepted: boolean
  readonly data: Uint8Array
  readonly samples: readonly PeerInfo[]
}

/** Ends a link. It counts only if it names the link, so that a late one cannot end a newer link. */
export interface DisconnectMessage {
  readonly type: 'disconnect'
  /** The request ids that made the link: one, or two when requests crossed. */
  readonly links: readonly number[]
  /** False when the sender leaves for good and should not be remembered. */
  readonly alive: boolean
  readonly samples: readonly PeerInfo[]
}

/** Ends a link whose place another peer takes. */
export interface ReplacedMessage {
  readonly type: 'replaced'
  readonly links: readonly number[]
  /** The receiver's new neighbour. */
  readonly by: PeerInfo
  /** Whether the receiver asks the new neighbour, or waits to be asked. */
  readonly role: 'request' | 'await'
}

/** A sample of the origin's views on its random walk (paper §4.3). */
export interface ShuffleMessage {
  readonly type: 'shuffle'
  readonly shuffleId: number
  readonly origin: PeerInfo
  readonly ttl: number
  /** The request id of the link over which this hop goes: a receiver that does not know it says so. 0 for no link. */
  readonly link: number
  readonly entries: readonly PeerInfo[]
  /** The origin's neighbour offered for a swap of links. */
  readonly swap: PeerInfo | undefined
}

/** Answers a shuffle: from the end of the walk straight to its origin. */
export interface ShuffleReplyMessage {
  readonly type: 'shuffleReply'
  readonly shuffleId: number
  readonly data: Uint8Array
  readonly entries: readonly PeerInfo[]
  /** The sender's neighbour given in exchange for the one offered, when it agrees to a swap. */
  readonly swap: PeerInfo | undefined
}

/** Everything that goes over the wire. A plain value: it may be passed by reference and must not be changed. */
export type Message =
  | JoinMessage
  | ForwardJoinMessage
  | NeighborMessage
  | NeighborReplyMessage
  | DisconnectMessage
  | ReplacedMessage
  | ShuffleMessage
  | ShuffleReplyMessage

/**
 * A timer the machine asked for. It is a value, it comes back as an input, and the machine cannot cancel it: one that has
 * been overtaken is recognised and ignored.
 */
export type Timer =
  | { readonly type: 'shuffle' | 'probe'; readonly attempt: number }
  | { readonly type: 'refill'; readonly attempt: number }
  | { readonly type: 'request'; readonly peer: PeerKey; readonly requestId: number }
  | { readonly type: 'expire' }

/** What the driver tells the machine. */
export type Input =
  /**
   * Start, or learn of more contacts. Without contacts the node waits to be joined. Idempotent. `saved` is what
   * `savedPeers()` of an earlier life returned: spare peers, tried where contacts do not answer; what of it exceeds a limit
   * is left out.
   */
  | { readonly type: 'join'; readonly contacts: readonly PeerInfo[]; readonly saved?: readonly PeerInfo[] }
  /** A decoded message. `from` is the identity the transport authenticated, never a field of the message. */
  | { readonly type: 'message'; readonly from: PeerKey; readonly message: Message }
  /** The peer cannot be reached: its connection ended, or one attempt to dial it failed. */
  | { readonly type: 'peerLost'; readonly peer: PeerKey }
  /** This node's own data (its addresses) changed. */
  | { readonly type: 'setData'; readonly data: Uint8Array }
  | { readonly type: 'timer'; readonly timer: Timer }
  /** Leave for good: neighbours are told and nothing is accepted any more, until the next `join`. */
  | { readonly type: 'leave' }

/** Why a neighbour is one no longer. */
export type DownReason =
  /** The transport lost it. */
  | 'failed'
  /** It ended the link and stays in the overlay. */
  | 'disconnected'
  /** It left the overlay. */
  | 'leftOverlay'
  /** This node, or the peer, put another neighbour in its place. */
  | 'replaced'
  /** This node left. */
  | 'left'

/** Why a message was refused. Nothing of it was applied. */
export type RejectReason =
  /** Only a neighbour may send this. */
  | 'notNeighbor'
  /** It answers nothing that was asked, or too late. */
  | 'unasked'
  /** The sender exceeds its budget for this kind of message: an honest one may, in a storm. */
  | 'tooMany'
  /** It names this node where only another can be meant, or exceeds a limit. */
  | 'invalid'
  /** This node is not in the overlay. */
  | 'notJoined'

/** What the machine wants done, in this order. */
export type Output =
  /** Deliver to `to`, connecting first if need be; `data` is the best known way to reach it, if it is no neighbour. */
  | {
      readonly type: 'send'
      readonly to: PeerKey
      readonly data: Uint8Array | undefined
      readonly message: Message
    }
  | { readonly type: 'schedule'; readonly delayMs: number; readonly timer: Timer }
  /** Alternates with `neighborDown` for each peer; the peers that are up are the active view, always. */
  | { readonly type: 'neighborUp'; readonly peer: PeerKey; readonly data: Uint8Array }
  | { readonly type: 'neighborDown'; readonly peer: PeerKey; readonly reason: DownReason }
  /** A message was refused: count it, and charge it to the peer. */
  | { readonly type: 'reject'; readonly peer: PeerKey; readonly reason: RejectReason }
