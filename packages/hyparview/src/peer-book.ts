import { pick, type Random } from '@starling/ports'
import type { PeerInfo, PeerKey } from './types.ts'

/**
 * Every address worth keeping beyond the views: configured contacts, which stay; peers that were lost, which may live on
 * behind a partition; and peers heard of, the longest known going first.
 */
export class PeerBook {
  readonly #capacity: number
  readonly #contactsMax: number
  readonly #contacts = new Map<PeerKey, PeerInfo>()
  readonly #lost = new Map<PeerKey, PeerInfo>()
  readonly #heard = new Map<PeerKey, PeerInfo>()

  constructor(capacity: number, contactsMax: number) {
    this.#capacity = capacity
    this.#contactsMax = contactsMax
  }

  get size(): number {
    return this.#contacts.size + this.#lost.size + this.#heard.size
  }

  /** A contact given again without data, by a caller that only saw it, keeps the data it has. */
  addContact(info: PeerInfo): void {
    const known = info.data.length === 0 ? this.#contacts.get(info.id) : undefined
    putBounded(this.#contacts, known ?? info, this.#contactsMax)
  }

  addHeard(info: PeerInfo): void {
    if (this.#heard.has(info.id) || this.#capacity === 0) return
    putBounded(this.#heard, info, this.#capacity)
  }

  /** Remembers a peer that could not be reached. Takes at most a quarter of the book. */
  addLost(info: PeerInfo): void {
    const lostMax = this.#capacity >> 2
    if (lostMax > 0) putBounded(this.#lost, info, lostMax)
  }

  /** The peer was reached again. */
  found(peer: PeerKey): void {
    this.#lost.delete(peer)
  }

  /** The peer left for good. A contact stays a contact: it may come back under the same address. */
  forget(peer: PeerKey): void {
    this.#lost.delete(peer)
    this.#heard.delete(peer)
  }

  get contacts(): readonly PeerInfo[] {
    return [...this.#contacts.values()]
  }

  /** A random peer of those that were lost, of the contacts, or of both: someone who may live on another island. */
  probe(
    random: Random,
    excluded: (peer: PeerKey) => boolean,
    among: 'lost' | 'contacts' | 'both'
  ): PeerInfo | undefined {
    const pool: PeerInfo[] = []
    if (among !== 'contacts') pool.push(...this.#lost.values())
    if (among !== 'lost') pool.push(...this.#contacts.values())
    return pick(
      random,
      pool.filter(info => !excluded(info.id))
    )
  }

  /** A random peer of the whole book. */
  any(random: Random, excluded: (peer: PeerKey) => boolean): PeerInfo | undefined {
    return pick(
      random,
      this.peers().filter(info => !excluded(info.id))
    )
  }

  /** All of it, contacts first. */
  peers(): PeerInfo[] {
    const all = new Map(this.#heard)
    for (const [id, info] of this.#lost) all.set(id, info)
    for (const [id, info] of this.#contacts) all.set(id, info)
    return [...all.values()].reverse()
  }
}

function putBounded(map: Map<PeerKey, PeerInfo>, info: PeerInfo, max: number): void {
  map.delete(info.id)
  map.set(info.id, info)
  if (map.size > max) {
    for (const oldest of map.keys()) {
      map.delete(oldest)
      break
    }
  }
}
