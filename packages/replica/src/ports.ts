/** One row of a batch. Key, value and hash are opaque to the log: the entry's encoder made them. */
export interface LogRow {
  /** Which of the two rows of a key: the one with its live dots, or the one with its evidence. */
  readonly kind: 'live' | 'evidence'
  readonly key: Uint8Array
  /** The new row, or `undefined` to delete it. */
  readonly value: Uint8Array | undefined
  /** 32 bytes: the hash of the new row, `undefined` when the row is deleted. */
  readonly hash: Uint8Array | undefined
  /** 32 bytes: the hash of the row this one takes the place of, `undefined` when there was none. */
  readonly replaces: Uint8Array | undefined
}

/** Rows that become durable together, and the greatest stamp the clock has issued or received so far. */
export interface LogBatch {
  readonly rows: readonly LogRow[]
  readonly clockMark: bigint
}

/** A row that was read back and whose checksum held. */
export interface RecoveredRow {
  readonly kind: 'live' | 'evidence'
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly hash: Uint8Array
}

/** What a replica is given to make its writes durable. `@starling/log` fits it. */
export interface LogPort {
  /** What was on disk when the log was opened. Read once, during `createReplica`. */
  readonly recovered: {
    readonly rows: Iterable<RecoveredRow>
    readonly clockMark: bigint
    /** Rows that were there and could not be trusted. Only their number is used. */
    readonly quarantined: readonly unknown[]
    /** Set when the log could not be proven whole. */
    readonly damaged?: Error | undefined
  }
  /** Lets go of the recovered rows, once they are loaded. */
  releaseRecovered?(): void
  /** Resolves when the batch is durable, in the order of the calls. After one rejection nothing more is appended. */
  append(batch: LogBatch): Promise<void>
  close(): Promise<void>
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
}

/** Makes two replicas equal, one round at a time. `@starling/sync` runs it. */
export interface SyncProtocol {
  /** Both ends call it on the two ends of one exchange, and both return. */
  reconcile(
    exchange: SyncExchange,
    context: { readonly peer: string; readonly initiator: boolean; readonly signal: AbortSignal }
  ): Promise<SyncOutcome>
}
