/** A peer as the transport authenticated it. Never taken from a message. */
export type PeerKey = string

/** Thirty-two lowercase hex digits: the first 16 bytes of a hash over origin, sequence and payload. */
export type MessageId = string

/** One announced message: "I hold this id, and have held it for so long". */
export interface Announcement {
  readonly id: MessageId
  /** Milliseconds between the announcer's own receipt and the sending of this announcement; advisory. */
  readonly heldMs: number
}

/** A payload on its way down the tree. */
export interface GossipMessage {
  readonly type: 'gossip'
  readonly id: MessageId
  /** Sixteen lowercase hex digits, drawn once per machine: an incarnation, not an identity, and not to be trusted as one. */
  readonly origin: string
  /** Counts the origin's own broadcasts from 0. */
  readonly sequence: number
  /** Hops travelled so far; advisory, saturates at 65,535. */
  readonly round: number
  readonly payload: Uint8Array
}

/** Lazy push: ids the sender can supply. */
export interface IHaveMessage {
  readonly type: 'ihave'
  readonly announcements: readonly Announcement[]
}

/** Asks for payloads and, when `eager`, for the link to become part of the tree. An empty list asks for the link alone. */
export interface GraftMessage {
  readonly type: 'graft'
  readonly ids: readonly MessageId[]
  readonly eager: boolean
}

/** Takes the link out of the tree. */
export interface PruneMessage {
  readonly type: 'prune'
}

/** The answer to a graft for ids that are not in the payload cache, so that the asker turns to the next announcer. */
export interface UnavailableMessage {
  readonly type: 'unavailable'
  readonly ids: readonly MessageId[]
}

/** What two machines say to each other. */
export type Message = GossipMessage | IHaveMessage | GraftMessage | PruneMessage | UnavailableMessage

/** A timer is a value: the driver hands it back after the delay, and the machine ignores it when it is stale. */
export type Timer =
  | { readonly type: 'graft'; readonly turn: number }
  | { readonly type: 'announce'; readonly turn: number }
  | { readonly type: 'rest'; readonly turn: number }
  | { readonly type: 'expire'; readonly turn: number }

/** What happened. */
export type Input =
  /** The overlay made `peer` a neighbour. A second one for the same peer changes nothing. */
  | { readonly type: 'neighborUp'; readonly peer: PeerKey }
  /** The overlay ended the link; `failed` (default true) tells a loss from an agreed end. */
  | { readonly type: 'neighborDown'; readonly peer: PeerKey; readonly failed?: boolean }
  | { readonly type: 'message'; readonly from: PeerKey; readonly message: Message }
  /** The payload is kept by reference and must not be changed afterwards. */
  | { readonly type: 'broadcast'; readonly payload: Uint8Array }
  | { readonly type: 'timer'; readonly timer: Timer }
  /** Forgets everything; outstanding timers become stale. */
  | { readonly type: 'leave' }

/** Why a message was refused. */
export type RejectionReason = 'idMismatch' | 'oversize' | 'tooManyIds'

/** What the driver must do. */
export type Output =
  | { readonly type: 'send'; readonly to: PeerKey; readonly message: Message }
  /** A payload of somebody else, once per id. `from` is the neighbour it came from. */
  | {
      readonly type: 'deliver'
      readonly id: MessageId
      readonly payload: Uint8Array
      readonly from: PeerKey
      readonly round: number
    }
  | { readonly type: 'schedule'; readonly timer: Timer; readonly delayMs: number }
  /** A message that no honest peer sends; the driver charges it to the peer. */
  | { readonly type: 'rejected'; readonly from: PeerKey; readonly reason: RejectionReason }
  /** A peer that is no neighbour behaves like one and should be told that the link is gone. */
  | { readonly type: 'stranger'; readonly peer: PeerKey }
