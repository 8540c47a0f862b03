/** A node of a network: a small whole number, given by `SimNetwork.attach` in order from 0. */
export type NodeIndex = number

/** What a node does with what the network tells it. */
export interface NetworkNode<M> {
  /** A message from `from`. The object is the sender's own: treat it as read-only. */
  message(from: NodeIndex, message: M): void
  /** A watched peer is lost (`SimNetwork.watch`). The watch has ended. */
  peerLost?(peer: NodeIndex): void
}

/** How a network behaves. Every chance is in 0 … 1. */
export interface SimNetworkInit<M> {
  /** Bounds of the one-way delay, ms. Each pair of nodes draws one delay, for ever, the same both ways. */
  readonly latencyMs?: { readonly min: number; readonly max: number }
  /** Most ms added to single messages, uniformly. Default 0. Links stay first in, first out unless `fifo` is false. */
  readonly jitterMsMax?: number
  /** Whether messages of a link keep their order. Default true. */
  readonly fifo?: boolean
  /** Chance that a message is lost. Default 0. */
  readonly loss?: number
  /** Chance that a message arrives twice. Default 0. */
  readonly duplication?: number
  /** Whether watchers are told of crashes. Default true: an ideal detector, one link delay after the crash. */
  readonly detector?: boolean
  /**
   * Silence after which a watcher gives up a peer that is paused or behind a partition, ms; each watcher waits up to a fifth
   * longer, so that the two ends of a link notice at different times. Default `PARTITION_DETECTION_MS`.
   */
  readonly partitionDetectionMs?: number
  /** A 32-bit digest of a message for the trace hash. Default `digest`. */
  readonly digest?: (message: M) => number
  /** A message as text for a recording trace. Default JSON. */
  readonly describe?: (message: M) => string
  /** Part of the label of this network's randomness. Default `net`. */
  readonly label?: string
}

/** What became of all messages: `sent + duplicated = delivered + lost + blocked + dead + inFlight`. */
export interface NetworkCounters {
  sent: number
  delivered: number
  duplicated: number
  /** Lost by chance. */
  lost: number
  /** Held back by a partition when sent or when due. */
  blocked: number
  /** Addressed to a process that had ended by the time the message came. */
  dead: number
  /** On their way, or waiting for a paused process. */
  inFlight: number
}
