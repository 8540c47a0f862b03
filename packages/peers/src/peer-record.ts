import type { TimerHandle } from '@starling/ports'
import type { Link } from './link.ts'
import { createPeerState } from './peer-draft.ts'
import type { PeerInput, PeerState, PeerTimer, Wanted } from './peer-types.ts'
import type { PeerSession } from './session.ts'

/** Everything the manager keeps about one peer. */
export class PeerRecord {
  readonly peer: string
  /** The wishes of callers, by identity. */
  readonly intents: Map<object, 'once' | 'continuous'> = new Map()
  /** Connections by attempt number, until they are gone. */
  readonly links: Map<number, Link> = new Map()
  /** Inputs that came while an input was being handled: a listener may act on what it is told. */
  readonly inbox: PeerInput[] = []
  readonly #timers = new Map<string, TimerHandle>()
  state: PeerState
  session: PeerSession | undefined
  dialAbort: AbortController | undefined
  /** Until when, in monotonic ms, the connection of a given-up dial may still turn up. */
  lateDialUntilMs = 0
  handling = false

  constructor(peer: string, attempts: number) {
    this.peer = peer
    this.state = createPeerState(attempts)
  }

  /** What the intents add up to. */
  get wanted(): Wanted {
    if (this.intents.size === 0) return 'none'
    for (const mode of this.intents.values()) if (mode === 'continuous') return 'continuous'
    return 'once'
  }

  setTimer(timer: PeerTimer, number: number, handle: TimerHandle): void {
    this.#timers.set(`${timer} ${number}`, handle)
  }

  clearTimer(timer: PeerTimer, number: number): void {
    const key = `${timer} ${number}`
    this.#timers.get(key)?.cancel()
    this.#timers.delete(key)
  }

  clearTimers(): void {
    for (const handle of this.#timers.values()) handle.cancel()
    this.#timers.clear()
  }
}
