import { ADDRESS_BOOK_PEERS_MAX, ADDRESS_CHARS_MAX, ADDRESSES_PER_PEER_MAX } from './config.ts'

/**
 * Addresses of peers, those of former peers included, so that they can be tried again. Bounded: per peer the newest stay, and
 * of the peers those used last.
 */
export class AddressBook {
  /** Insertion order is order of use. */
  readonly #peers = new Map<string, readonly string[]>()
  readonly #peersMax: number

  constructor(peersMax: number = ADDRESS_BOOK_PEERS_MAX) {
    this.#peersMax = peersMax
  }

  get size(): number {
    return this.#peers.size
  }

  /** The addresses of a peer, the most recently learned or proven first. */
  get(peer: string): readonly string[] {
    return this.#peers.get(peer) ?? []
  }

  /** Adds addresses, newest first; too long or empty ones are left out. Returns whether there is a new one. */
  add(peer: string, addresses: readonly string[]): boolean {
    const fresh = addresses.filter(address => address.length > 0 && address.length <= ADDRESS_CHARS_MAX)
    if (fresh.length === 0) return false
    const before = this.get(peer)
    // A caller that repeats what it said must not push aside the address that worked last.
    const added = fresh.filter(address => !before.includes(address))
    const all = [...new Set([...before.slice(0, 1), ...added, ...before.slice(1)])]
    this.#store(peer, all.slice(0, ADDRESSES_PER_PEER_MAX))
    return added.length > 0
  }

  /** An address that worked comes first from now on. */
  prove(peer: string, address: string): void {
    const before = this.#peers.get(peer)
    if (before === undefined || !before.includes(address)) return
    this.#store(peer, [address, ...before.filter(other => other !== address)])
  }

  /** All peers with their addresses, the one used last at the end. */
  entries(): IterableIterator<[string, readonly string[]]> {
    return this.#peers.entries()
  }

  #store(peer: string, addresses: readonly string[]): void {
    this.#peers.delete(peer)
    this.#peers.set(peer, addresses)
    if (this.#peers.size <= this.#peersMax) return
    const oldest = this.#peers.keys().next()
    if (oldest.done !== true) this.#peers.delete(oldest.value)
  }
}
