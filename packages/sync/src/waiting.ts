import type { TimerHandle, Timers } from '@starling/ports'
import type { PeerKey } from './ports.ts'
import type { RoundSlots, SlotRequest } from './round-slots.ts'

/** What a link waits for before it opens a round: time, after a failure or for the peer to be first, or its turn. */
export class Waiting {
  readonly #timers: Timers
  #time: { readonly timer: TimerHandle; readonly state: 'waiting' | 'backoff' } | undefined
  #turn: SlotRequest | undefined

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Why it waits; `undefined` when it does not. */
  get state(): 'waiting' | 'backoff' | undefined {
    return this.#time?.state ?? (this.#turn === undefined ? undefined : 'waiting')
  }

  /** For a while, instead of whatever it waited for. */
  for(delayMs: number, state: 'waiting' | 'backoff', then: () => void): void {
    this.stop()
    const timer = this.#timers.schedule(delayMs, () => {
      this.#time = undefined
      then()
    })
    this.#time = { timer, state }
  }

  /** For a turn with the peer, which may come at once. Whoever gets it gives it back. */
  forTurn(slots: RoundSlots, peer: PeerKey, then: () => void): void {
    this.stop()
    let granted = false
    const turn = slots.request(peer, () => {
      granted = true
      this.#turn = undefined
      then()
    })
    if (!granted) this.#turn = turn
  }

  stop(): void {
    this.#time?.timer.cancel()
    this.#turn?.cancel()
    this.#time = this.#turn = undefined
  }
}
