import type { Connection } from '@libp2p/interface'
import type { AddressBook } from './address-book.ts'
import { LATE_DIAL_MS, PEERS_MAX, type PeersTimings } from './config.ts'
import type { Counters } from './counters.ts'
import { DialPlaces } from './dial-places.ts'
import { dial } from './dialler.ts'
import { AdmissionError, DialError } from './errors.ts'
import type { Names } from './names.ts'
import type { PeerRecord } from './peer-record.ts'
import type { PeersComponents } from './ports.ts'

export interface DialsHost {
  readonly parts: Pick<PeersComponents, 'connectionManager' | 'timers' | 'clock'>
  readonly book: AddressBook
  readonly names: Names
  /** Why this peer must not be dialled at all. */
  refusalOf(peer: string): Error | undefined
  readonly timings: PeersTimings
  readonly counters: Counters
  /** Whether this connection is one of the manager's. */
  owns(connection: Connection): boolean
  opened(record: PeerRecord, attempt: number, connection: Connection): void
  failed(record: PeerRecord, attempt: number, error: Error): void
  /** A dial is over. */
  settled(): void
}

/** The dials in flight, and the connections of those that were given up. */
export class Dials {
  readonly #host: DialsHost
  readonly #places = new DialPlaces()
  /** Until when, in monotonic ms, the connection of a given-up dial may still turn up; the earliest first. */
  readonly #late = new Map<string, number>()
  #running = 0

  constructor(host: DialsHost) {
    this.#host = host
  }

  /** Dials in flight or waiting for a place. */
  get running(): number {
    return this.#running
  }

  /** Ends in exactly one of `opened` and `failed`, never inside this call. */
  async run(record: PeerRecord, attempt: number): Promise<void> {
    const { book, counters } = this.#host
    const { peer } = record
    const abort = new AbortController()
    record.dialAbort = abort
    counters.add('dials')
    this.#running++
    try {
      const { connection, address } = await this.#dial(record, attempt, abort.signal)
      book.prove(peer, address)
      this.#host.opened(record, attempt, connection)
    } catch (cause) {
      counters.add('dialsFailed')
      const known = cause instanceof DialError || cause instanceof AdmissionError
      const error = known ? cause : new DialError(peer, [], 'the dial failed', { cause })
      this.#host.failed(record, attempt, error)
    } finally {
      this.#running--
      if (record.dialAbort === abort) record.dialAbort = undefined
      this.#sweep(record)
      this.#host.settled()
    }
  }

  async #dial(
    record: PeerRecord,
    attempt: number,
    signal: AbortSignal
  ): Promise<{ readonly connection: Connection; readonly address: string }> {
    const { parts, book, names, timings } = this.#host
    const { peer } = record
    await this.#places.take(signal)
    try {
      const refusal = this.#host.refusalOf(peer)
      if (refusal !== undefined) throw refusal
      if (record.wanted === 'none') throw new DialError(peer, [], 'nobody wants it any more')
      return await dial(parts.connectionManager, parts.timers, names, {
        peer,
        addresses: book.get(peer),
        turn: attempt,
        timeoutMs: timings.dialTimeoutMs,
        signal,
        givenUp: () => this.#expectLate(peer)
      })
    } finally {
      this.#places.free()
    }
  }

  #expectLate(peer: string): void {
    const nowMs = this.#host.parts.clock.monotonicMs()
    this.#late.delete(peer)
    this.#late.set(peer, nowMs + LATE_DIAL_MS)
    for (const [other, untilMs] of this.#late) {
      if (untilMs >= nowMs && this.#late.size <= PEERS_MAX) break
      this.#late.delete(other)
    }
  }

  /** What turned up while a dial was in flight could have been that dial's own; now it is known not to be. */
  #sweep(record: PeerRecord): void {
    if (!this.#late.has(record.peer)) return
    for (const connection of this.#host.parts.connectionManager.getConnections()) {
      const theirs = connection.direction === 'outbound' && connection.remotePeer.toString() === record.peer
      if (theirs && !this.#host.owns(connection)) this.closeLate(record, connection)
    }
  }

  /**
   * Closes a connection of our own that nobody waits for any more: libp2p's QUIC goes on dialling after the signal. Others in
   * the same process may use libp2p too, so a connection is taken for a late one only for a while after a given-up dial.
   */
  closeLate(record: PeerRecord | undefined, connection: Connection): void {
    const untilMs = this.#late.get(connection.remotePeer.toString())
    if (untilMs === undefined || record?.state.dialling !== undefined) return
    if (this.#host.parts.clock.monotonicMs() > untilMs) return
    this.#host.counters.add('lateDialsClosed')
    void connection.close().catch(() => connection.abort(new Error('the dial was given up')))
  }
}
