import type { Connection, Stream } from '@libp2p/interface'
import type { TimerHandle } from '@starling/ports'
import type { PeerKey } from './types.ts'

/** An inbound stream whose preamble is incomplete or whose accept rule has not answered. */
export interface Parked {
  readonly stream: Stream
  readonly connection: Connection
  readonly peer: PeerKey
  /** The deadline of the present wait. */
  deadline: TimerHandle | undefined
  /** Takes this stream's listeners away. */
  release: () => void
}

/** Whether a newcomer may park: not at all, or at once, or in the place of another. */
export type Admission =
  | { readonly type: 'refused' }
  | { readonly type: 'admitted'; readonly evicted: Parked | undefined }

/**
 * The parked streams, bounded for each peer and over all peers. When all places are taken, a peer with fewer streams takes the
 * place of the newest stream of the peer with most, so that no peer's silence keeps another one out.
 */
export class Parking {
  readonly #perPeerMax: number
  readonly #max: number
  readonly #peers = new Map<PeerKey, Set<Parked>>()
  #size = 0

  constructor(limits: { readonly parkedPerPeerMax: number; readonly parkedMax: number }) {
    this.#perPeerMax = limits.parkedPerPeerMax
    this.#max = limits.parkedMax
  }

  get size(): number {
    return this.#size
  }

  all(): Parked[] {
    return [...this.#peers.values()].flatMap(parked => [...parked])
  }

  /** Whether `parked` still waits. */
  has(parked: Parked): boolean {
    return this.#peers.get(parked.peer)?.has(parked) === true
  }

  /** Adds `parked` if there is a place. An evicted stream is taken out, and is the caller's to refuse. */
  add(parked: Parked): Admission {
    const own = this.#peers.get(parked.peer)
    const count = own?.size ?? 0
    if (count >= this.#perPeerMax) return { type: 'refused' }
    let evicted: Parked | undefined
    if (this.#size >= this.#max) {
      const most = this.#largest()
      if (most === undefined || most.size <= count + 1) return { type: 'refused' }
      evicted = [...most].at(-1) as Parked
      this.remove(evicted)
    }
    if (own === undefined) this.#peers.set(parked.peer, new Set([parked]))
    else own.add(parked)
    this.#size++
    return { type: 'admitted', evicted }
  }

  /** Takes `parked` out, its deadline and listeners with it. False when it was out already. */
  remove(parked: Parked): boolean {
    const own = this.#peers.get(parked.peer)
    if (own === undefined || !own.delete(parked)) return false
    if (own.size === 0) this.#peers.delete(parked.peer)
    this.#size--
    parked.deadline?.cancel()
    parked.release()
    return true
  }

  #largest(): Set<Parked> | undefined {
    let most: Set<Parked> | undefined
    for (const parked of this.#peers.values()) {
      if (most === undefined || parked.size > most.size) most = parked
    }
    return most
  }
}
