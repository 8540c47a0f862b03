/**
 * What a row holds. `live` and `evidence`: the two rows of a key. `known`: up to where one replica id's writes are known, and one
 * row about those. `setAside`: a value that was taken away without its removal being at hand.
 */
export type RowKind = 'live' | 'evidence' | 'known' | 'setAside'

/** One row of a batch. Key, value and hash are opaque to the log. */
export interface LogRow {
  readonly kind: RowKind
  readonly key: Uint8Array
  /** The new row, or `undefined` to delete it. */
  readonly value: Uint8Array | undefined
  /** 32 bytes: the hash of the new row, `undefined` when the row is deleted. */
  readonly hash: Uint8Array | undefined
  /** 32 bytes: the hash of the row this one takes the place of, `undefined` when there was none. */
  readonly replaces: Uint8Array | undefined
}

/** Rows that become durable together, and a stamp below which no clock of this replica may start again. */
export interface LogBatch {
  readonly rows: readonly LogRow[]
  readonly clockMark: bigint
}

/** A row that was read back and whose checksum held. */
export interface RecoveredRow {
  readonly kind: RowKind
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly hash: Uint8Array
}

/** What was on disk when the log was opened, or recovered. */
export interface FoundLog {
  readonly rows: Iterable<RecoveredRow>
  readonly clockMark: bigint
  /** Rows that were there and could not be trusted. */
  readonly quarantined: readonly { readonly kind: RowKind | 'unknown'; readonly key: Uint8Array }[]
  /** Set when the log could not be proven whole. */
  readonly damaged?: Error | undefined
}

/** What a replica is given to make its writes durable. `@starling/log` fits it. */
export interface LogPort {
  /** When an append resolves: once it survives a power cut (the default), once it survives this process, or at once. */
  readonly durability?: 'sync' | 'async' | 'memory'
  /** What was on disk when the log was opened. Read once, during `createReplica`. */
  readonly recovered: FoundLog
  /** Lets go of the recovered rows, once they are loaded. */
  releaseRecovered?(): void
  /** Resolves when the batch is durable, in the order of the calls. After one rejection nothing more is appended. */
  append(batch: LogBatch): Promise<void>
  /**
   * After a rejection: opens what failed again, writes the batches that `restore` makes of what was found, synced, and takes
   * appends again. `proven` says that the disk held what had been acknowledged. A log without it stays as it is.
   */
  recover?(
    restore: (found: FoundLog) => Iterable<LogBatch> | void
  ): Promise<{ readonly found: FoundLog; readonly rowsRestored: number; readonly proven: boolean }>
  close(): Promise<void>
  /** Deletes every row of the closed log, durably. */
  destroy?(): Promise<void>
}

/** The peers that hold the same thing, to ask them for more than a hint. A handle of `@starling/sync` fits it. */
export interface PeerPort {
  /** Those with a live session. */
  peers(): readonly string[]
  /** Hands `payload` to the `answer` of the peer's replica, and resolves with what that gave. */
  push(peer: string, payload: Uint8Array, options: { readonly signal: AbortSignal }): Promise<Uint8Array>
}

/** What a replica is given to tell its neighbours. A gossip topic fits it. Delivery is a hint: messages may be lost. */
export interface BroadcastPort {
  /** Largest payload `broadcast` takes, when the carrier has a limit smaller than ours. */
  readonly messageBytesMax?: number
  /** Sends to everyone but ourselves. */
  broadcast(payload: Uint8Array): void
  /** `from` is the authenticated neighbour the payload came from. Returns the function that stops listening. */
  onMessage(listener: (payload: Uint8Array, from: string) => void): () => void
}

/** One conversation with one peer, as a sync session hands it to its protocol. */
export interface SyncExchange extends AsyncIterable<Uint8Array> {
  /** Largest message `send` takes. */
  readonly messageBytesMax: number
  /** Waits for room, then queues the message. Rejects when the conversation has ended. */
  send(message: Uint8Array): Promise<void>
}

/** What one round did. */
export interface SyncOutcome {
  /** Both sides compared everything, and nothing that was received was refused. */
  readonly complete: boolean
  /** Entries, or parts of long ones, that this side sent. */
  readonly entriesSent: number
  /** Entries, or parts of long ones, that this side received and could read. */
  readonly entriesReceived: number
  /** Something changed here that a broadcast should have brought before: other neighbours may lack it too. */
  readonly news: boolean
  /** It cost much and made no difference here. A peer with which that happens again and again is to be kept waiting. */
  readonly vain?: boolean
}

/** Makes two replicas equal, one round at a time. `@starling/sync` runs it. */
export interface SyncProtocol {
  /** Both ends call it on the two ends of one exchange, and both return. */
  reconcile(
    exchange: SyncExchange,
    context: { readonly peer: string; readonly initiator: boolean; readonly signal: AbortSignal }
  ): Promise<SyncOutcome>
  /** Answers what a peer pushed. Rejects when it cannot; the peer is told no more than that. */
  answer?(payload: Uint8Array, peer: string): Promise<Uint8Array>
}
