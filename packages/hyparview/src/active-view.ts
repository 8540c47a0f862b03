import type { PeerKey } from './types.ts'

/** A neighbour and the ids of the requests that made the link: one, or two when requests crossed. */
export interface Link {
  readonly id: PeerKey
  readonly data: Uint8Array
  readonly sinceMs: number
  requestIds: readonly number[]
}

/** The neighbours of a node. Small, so that a plain list is the quickest set. */
export class ActiveView {
  readonly capacity: number
  readonly #links: Link[] = []

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get size(): number {
    return this.#links.length
  }

  get links(): readonly Link[] {
    return this.#links
  }

  get(peer: PeerKey): Link | undefined {
    for (const link of this.#links) if (link.id === peer) return link
    return undefined
  }

  has(peer: PeerKey): boolean {
    return this.get(peer) !== undefined
  }

  /** Adds a neighbour that is none yet, within capacity: both are the caller's duty. */
  add(link: Link): void {
    if (this.#links.length >= this.capacity) throw new Error('invariant: the active view is full')
    if (this.has(link.id)) throw new Error('invariant: already a neighbour')
    this.#links.push(link)
  }

  remove(peer: PeerKey): Link | undefined {
    const at = this.#links.findIndex(link => link.id === peer)
    return at < 0 ? undefined : this.#links.splice(at, 1)[0]
  }

  keys(): PeerKey[] {
    return this.#links.map(link => link.id)
  }
}
