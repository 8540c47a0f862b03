import type { TimerHandle } from '@starling/ports'
import type { LinkHost } from './link-host.ts'
import { Liveness, type Health } from './liveness.ts'

/** What the heartbeat of a link acts on. */
export interface HeartbeatActions {
  readonly peer: string
  /** A channel is open, so the session is in use. */
  busy(): boolean
  beat(number: number, wanted: boolean): void
  /** Nobody has wanted the session for the whole grace. */
  idle(): void
  /** The peer has been silent for too long. */
  silent(): void
}

/** Beats, listens for the answers and watches for idleness: one timer per session. */
export class Heartbeat {
  readonly #host: LinkHost
  readonly #actions: HeartbeatActions
  readonly #liveness: Liveness
  #timer: TimerHandle | undefined
  #number = 0
  #sentMs = 0
  #rttMs: number | undefined
  #health: Health = 'alive'
  /** Until the first beat says otherwise the peer is taken to want the session. */
  #peerWants = true
  #idleSinceMs: number | undefined
  #stopped = false

  constructor(host: LinkHost, actions: HeartbeatActions) {
    this.#host = host
    this.#actions = actions
    this.#liveness = new Liveness(host.timings, host.clock.monotonicMs())
    this.#beat()
    this.#schedule()
  }

  get rttMs(): number | undefined {
    return this.#rttMs
  }

  get health(): Health {
    return this.#health
  }

  get silentMs(): number {
    return Math.max(0, this.#host.clock.monotonicMs() - this.#liveness.heardMs)
  }

  heard(): void {
    this.#liveness.heard(this.#host.clock.monotonicMs())
    this.#health = 'alive'
  }

  onBeat(wanted: boolean): void {
    this.#peerWants = wanted
  }

  onReply(number: number): void {
    if (number === this.#number) this.#rttMs = this.#host.clock.monotonicMs() - this.#sentMs
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    this.#timer = this.#host.timers.schedule(this.#host.timings.beatIntervalMs, () => this.#tick())
  }

  #tick(): void {
    if (this.#stopped) return
    const { counters } = this.#host
    const nowMs = this.#host.clock.monotonicMs()
    const { health, stalled } = this.#liveness.tick(nowMs)
    if (stalled) counters.add('selfStalls')
    if (health === 'suspect' && this.#health === 'alive') counters.add('suspicions')
    this.#health = health
    if (health === 'down') {
      counters.add('silences')
      return this.#actions.silent()
    }
    this.#beat()
    this.#schedule()
    this.#watchIdle(nowMs)
  }

  #beat(): void {
    this.#number = (this.#number + 1) >>> 0
    this.#sentMs = this.#host.clock.monotonicMs()
    this.#actions.beat(this.#number, this.#wanted())
  }

  #wanted(): boolean {
    return this.#host.wanted(this.#actions.peer) || this.#actions.busy()
  }

  #watchIdle(nowMs: number): void {
    if (this.#wanted() || this.#peerWants) {
      this.#idleSinceMs = undefined
      return
    }
    this.#idleSinceMs ??= nowMs
    if (nowMs - this.#idleSinceMs >= this.#host.timings.idleGraceMs) this.#actions.idle()
  }
}
