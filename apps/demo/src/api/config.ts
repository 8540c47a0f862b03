/** What the HTTP server of a node or of a local cluster takes and holds. */
export interface HttpLimits {
  /** Connections at a time; further ones are closed at once. */
  readonly connectionsMax: number
  /** Streams of server-sent events at a time, over all endpoints. */
  readonly readersMax: number
  /** Bytes of a request's body. */
  readonly bodyBytesMax: number
  /** Entries on one page of a map. */
  readonly pageEntriesMax: number
  /** Characters of the entries of one page as JSON; a page has at least one entry, however long. */
  readonly pageCharactersMax: number
  /** Lines of the event log that are kept for whoever comes later. */
  readonly logLinesMax: number
  /** Lines that wait for one reader; one that is slower loses the oldest and is told so. */
  readonly readerLinesMax: number
  /** Broadcasts told in one pulse; the rest is counted. */
  readonly pulseBroadcastsMax: number
  /** How long a request's headers may take to arrive, ms. */
  readonly headersTimeoutMs: number
  /** How long a whole request may take to arrive, ms. */
  readonly requestTimeoutMs: number
  /** Between two pulses, ms. */
  readonly pulseMs: number
  /** Between two heartbeats of a stream of events with nothing to say, ms. */
  readonly heartbeatMs: number
  /** How long a client may leave what it was sent before its connection is closed, ms. */
  readonly stalledReaderMs: number
}

/**
 * The limits a server has unless told otherwise. Source: guesses for a page and a few scripts per node. A body is the longest value
 * of 64 KiB as JSON, where a byte may take six characters. A page of 4 MiB is one that a server with many readers can hold. A heartbeat of 15 s keeps what common proxies cut after 30 s.
 */
export const HTTP_LIMITS: HttpLimits = {
  connectionsMax: 256,
  readersMax: 64,
  bodyBytesMax: 512 * 1024,
  pageEntriesMax: 1000,
  pageCharactersMax: 4 * 1024 * 1024,
  logLinesMax: 256,
  readerLinesMax: 256,
  pulseBroadcastsMax: 64,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  pulseMs: 1000,
  heartbeatMs: 15_000,
  stalledReaderMs: 60_000
}

/** Entries on a page when the reader names no limit. */
export const PAGE_ENTRIES = 100

/** The least length of a token, in bytes: as for a cluster's secret. */
export const TOKEN_BYTES_MIN = 16
