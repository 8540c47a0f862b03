import { REQUESTS_MAX } from './config.ts'
import type { PeerKey } from './types.ts'

/**
 * Why a neighbour request was sent.
 *
 * - `join`: to a contact.
 * - `refill`: to a passive peer, for a free slot.
 * - `offer`: to a joiner, a free slot.
 * - `split`: to a joiner, the place of a neighbour that becomes the joiner's too.
 * - `walkEnd`: to a joiner, by the rule of the paper: a place, if need be that of a random neighbour.
 * - `swap`: to the end of a shuffle, in exchange for a neighbour.
 * - `replacement`: to the peer that takes a neighbour's place.
 */
export type Purpose = 'join' | 'refill' | 'offer' | 'split' | 'walkEnd' | 'swap' | 'replacement'

/** A neighbour request that has not been answered. At most one for each peer. */
export interface PendingRequest {
  readonly peer: PeerKey
  readonly requestId: number
  readonly purpose: Purpose
  readonly sentMs: number
  /** The own neighbour whose place the peer would take (`split`, `swap`). */
  readonly replaces: PeerKey | undefined
}

/** Requests in flight and slots kept for announced peers: both bounded, both with an end. */
export class Requests {
  readonly #pending = new Map<PeerKey, PendingRequest>()
  readonly #reserved = new Map<PeerKey, number>()

  get size(): number {
    return this.#pending.size
  }

  /** Whether another request fits. */
  get hasRoom(): boolean {
    return this.#pending.size < REQUESTS_MAX
  }

  add(request: PendingRequest): void {
    this.#pending.set(request.peer, request)
  }

  get(peer: PeerKey): PendingRequest | undefined {
    return this.#pending.get(peer)
  }

  /** Removes and returns the request to `peer`, if it is the one with this id (when given). */
  take(peer: PeerKey, requestId?: number): PendingRequest | undefined {
    const request = this.#pending.get(peer)
    if (request === undefined || (requestId !== undefined && request.requestId !== requestId))
      return undefined
    this.#pending.delete(peer)
    return request
  }

  count(purpose: Purpose): number {
    let count = 0
    for (const request of this.#pending.values()) if (request.purpose === purpose) count++
    return count
  }

  all(): PendingRequest[] {
    return [...this.#pending.values()]
  }

  /** Slots that requests in flight will fill: a peer that was offered one must find it free. */
  get offered(): number {
    return this.count('offer') + this.count('replacement')
  }

  /** Keeps a slot for a peer that will ask, until `untilMs`. */
  reserve(peer: PeerKey, untilMs: number): void {
    this.#reserved.set(peer, untilMs)
  }

  /** Ends a reservation. Returns whether there was one. */
  unreserve(peer: PeerKey): boolean {
    return this.#reserved.delete(peer)
  }

  get reserved(): number {
    return this.#reserved.size
  }

  /** Drops reservations that are over. Returns whether there were any. */
  expire(nowMs: number): boolean {
    let expired = false
    for (const [peer, untilMs] of this.#reserved) {
      if (untilMs <= nowMs) expired = this.#reserved.delete(peer)
    }
    return expired
  }

  clear(): void {
    this.#pending.clear()
    this.#reserved.clear()
  }
}
