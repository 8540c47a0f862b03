import type { PeerKey } from './ports.ts'

/** A place in the queue of a peer, until it is granted or given up. */
export interface SlotRequest {
  cancel(): void
}

interface PeerSlots {
  running: number
  readonly waiting: Set<() => void>
}

/**
 * The rounds that this end runs with each peer: so many at a time, and the topics take turns. Each topic asks for one round at a
 * time, so that first come, first served lets none wait for another twice.
 */
export class RoundSlots {
  readonly #perPeerMax: number
  readonly #peers = new Map<PeerKey, PeerSlots>()

  constructor(perPeerMax: number) {
    this.#perPeerMax = perPeerMax
  }

  get running(): number {
    let running = 0
    for (const slots of this.#peers.values()) running += slots.running
    return running
  }

  get waiting(): number {
    let waiting = 0
    for (const slots of this.#peers.values()) waiting += slots.waiting.size
    return waiting
  }

  /** Calls `granted` as soon as a slot is free, perhaps at once; it is held until `release`. */
  request(peer: PeerKey, granted: () => void): SlotRequest {
    let slots = this.#peers.get(peer)
    if (slots === undefined) {
      slots = { running: 0, waiting: new Set() }
      this.#peers.set(peer, slots)
    }
    const { waiting } = slots
    // Another function each time, so that nobody is taken for somebody else.
    const entry = (): void => granted()
    waiting.add(entry)
    this.#grant(slots)
    return {
      cancel: () => {
        waiting.delete(entry)
        this.#forget(peer)
      }
    }
  }

  release(peer: PeerKey): void {
    const slots = this.#peers.get(peer)
    if (slots === undefined || slots.running === 0) throw new Error(`no round runs with ${peer}`)
    slots.running--
    this.#grant(slots)
    this.#forget(peer)
  }

  #grant(slots: PeerSlots): void {
    for (const next of slots.waiting) {
      if (slots.running >= this.#perPeerMax) return
      slots.waiting.delete(next)
      slots.running++
      next()
    }
  }

  #forget(peer: PeerKey): void {
    const slots = this.#peers.get(peer)
    if (slots !== undefined && slots.running === 0 && slots.waiting.size === 0) this.#peers.delete(peer)
  }
}
