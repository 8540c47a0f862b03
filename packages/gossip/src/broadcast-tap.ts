import type { Clock, Log } from '@starling/ports'
import type { Counters } from './counters.ts'
import type { PeerKey } from './ports.ts'
import type { BroadcastSeen } from './types.ts'

/** Tells whoever watches of the broadcasts of all topics. */
export class BroadcastTap {
  readonly #listeners = new Set<(seen: BroadcastSeen) => void>()
  readonly #clock: Clock
  readonly #counters: Counters
  readonly #log: Log | undefined

  constructor(clock: Clock, counters: Counters, log: Log | undefined) {
    this.#clock = clock
    this.#counters = counters
    this.#log = log
  }

  listen(listener: (seen: BroadcastSeen) => void): () => void {
    // Wrapped, so that one function added twice is called twice and removed once.
    const own = (seen: BroadcastSeen): void => listener(seen)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /** @param came how it came; undefined for this node's own. */
  tell(
    topic: string,
    id: string,
    payload: Uint8Array,
    came?: { readonly from: PeerKey; readonly round: number }
  ): void {
    if (this.#listeners.size === 0) return
    const about = { topic, id, bytes: payload.length, atMs: this.#clock.wallMs() }
    const seen = came === undefined ? { ...about, hops: 0 } : { ...about, from: came.from, hops: came.round }
    for (const listener of [...this.#listeners]) {
      try {
        listener(seen)
      } catch (error) {
        this.#counters.listenersFailed++
        this.#log?.error('a broadcast listener threw - %e', error)
      }
    }
  }

  close(): void {
    this.#listeners.clear()
  }
}
