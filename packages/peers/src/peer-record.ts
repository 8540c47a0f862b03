import type { TimerHandle } from '@starling/ports'
import type { PeerIntent } from './intent.ts'
import type { Link } from './link.ts'
import { createPeerState } from './peer-draft.ts'
import type { PeerInput, PeerState, PeerTimer, Wanted } from './peer-types.ts'
import type { PeerSession } from './session.ts'

/** Everything the manager keeps about one peer. */
export class PeerRecord {
  readonly peer: string
  /** The wishes of callers that are not over. */
  readonly intents: Set<PeerIntent> = new Set()
  /** Connections by attempt number, until they are gone. */
  readonly links: Map<number, Link> = new Map()
  /** Inputs that came while an input was being handled: a listener may act on what it is told. */
  readonly inbox: PeerInput[] = []
  readonly #timers = new Map<string, TimerHandle>()
  state: PeerState
  session: PeerSession | undefined
  /** The process that `peer:join` was last told of and `peer:leave` was not. */
  joined: bigint | undefined
  /** `peer:suspect` was told and neither `peer:alive` nor `peer:leave` after it. */
  suspected = false
  dialAbort: AbortController | undefined
  handling = false

  constructor(peer: string, attempts: number) {
    this.peer = peer
    this.state = createPeerState(attempts)
  }

  /** What the intents add up to. */
  get wanted(): Wanted {
    if (this.intents.size === 0) return 'none'
    for (const intent of this.intents) if (intent.mode === 'continuous') return 'continuous'
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
