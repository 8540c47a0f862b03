import { PEERS_MAX } from './config.ts'
import type { Link } from './link.ts'
import { isForgettable } from './peer-draft.ts'
import { PeerRecord } from './peer-record.ts'
import type { PeerSession } from './session.ts'

/** What is kept of each peer, for so many peers at most. */
export class PeerRecords {
  readonly #records = new Map<string, PeerRecord>()

  get size(): number {
    return this.#records.size
  }

  get sessionCount(): number {
    let count = 0
    for (const { session } of this.#records.values()) if (session !== undefined) count++
    return count
  }

  get(peer: string): PeerRecord | undefined {
    return this.#records.get(peer)
  }

  values(): Iterable<PeerRecord> {
    return this.#records.values()
  }

  /**
   * The record of a peer, made when there is room for another.
   *
   * @param attempts the number of the last attempt of any peer, from which a new record counts on.
   */
  of(peer: string, attempts: number): PeerRecord | undefined {
    const known = this.#records.get(peer)
    if (known !== undefined) return known
    if (this.#records.size >= PEERS_MAX) return undefined
    const record = new PeerRecord(peer, attempts)
    this.#records.set(peer, record)
    return record
  }

  /** The session this link carries. */
  sessionOf(link: Link): PeerSession | undefined {
    const session = this.#records.get(link.peer)?.session
    return session?.link === link ? session : undefined
  }

  /** A record that holds nothing is dropped; the address book keeps the addresses. */
  forget(record: PeerRecord): void {
    if (record.handling || record.intents.size > 0 || record.links.size > 0) return
    if (isForgettable(record.state) && this.#records.get(record.peer) === record)
      this.#records.delete(record.peer)
  }

  clear(): void {
    this.#records.clear()
  }
}
