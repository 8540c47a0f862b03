import type { Connection } from '@libp2p/interface'
import type { TimerHandle } from '@starling/ports'
import { PROBE_MS } from './config.ts'
import type { LinkHost } from './link-host.ts'
import { Liveness, type Health } from './liveness.ts'
import { TrafficTap } from './traffic-tap.ts'

/** What the heartbeat of a link acts on. */
export interface HeartbeatActions {
  readonly peer: string
  readonly connection: Pick<Connection, 'streams'>
  /** A channel is open, so the session is in use. */
  busy(): boolean
  beat(number: number, wanted: boolean): void
  /** Nobody has wanted the session for the whole grace. */
  idle(): void
  /** The peer has been silent for too long. */
  silent(): void
  /** The grade changed between alive and suspect. */
  health(health: Health): void
}

/** Beats, listens for anything the peer sends, and watches for idleness: one timer per session. */
export class Heartbeat {
  readonly #host: LinkHost
  readonly #actions: HeartbeatActions
  readonly #liveness: Liveness
  readonly #tap: TrafficTap
  #timer: TimerHandle | undefined
  #probe: TimerHandle | undefined
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
    this.#tap = new TrafficTap(actions.connection, () => this.heard())
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

  /** Anything arrived on the connection; or nothing could have, because this process did not run. */
  heard(): void {
    if (this.#stopped) return
    this.#liveness.heard(this.#host.clock.monotonicMs())
    this.#probe?.cancel()
    this.#probe = undefined
    this.#tap.disarm()
    this.#grade('alive')
  }

  onBeat(wanted: boolean): void {
    this.#peerWants = wanted
  }

  onReply(number: number): void {
    if (number === this.#number) this.#rttMs = this.#host.clock.monotonicMs() - this.#sentMs
  }

  /** The connection is in doubt: unless the peer is heard within a second it is silent. */
  probe(): void {
    if (this.#stopped || this.#probe !== undefined) return
    this.#host.counters.add('probes')
    const { clock, timers, timings } = this.#host
    const startedMs = clock.monotonicMs()
    this.#probe = timers.schedule(PROBE_MS, () => {
      this.#probe = undefined
      // A timer this late means that we have not read, not that nothing came.
      if (clock.monotonicMs() - startedMs - PROBE_MS > timings.beatIntervalMs) return
      this.#silent()
    })
    this.#beat()
    this.#tap.arm()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#probe?.cancel()
    this.#tap.disarm()
  }

  #schedule(): void {
    this.#timer = this.#host.timers.schedule(this.#host.timings.beatIntervalMs, () => this.#tick())
  }

  #tick(): void {
    if (this.#stopped) return
    const nowMs = this.#host.clock.monotonicMs()
    const { health, stalledMs } = this.#liveness.tick(nowMs)
    if (stalledMs > 0) this.#host.stalled(stalledMs)
    if (health === 'down') return this.#silent()
    this.#grade(health)
    if (this.#stopped) return
    // Beats of a busy connection may be stuck behind its other traffic, which is as good a sign of life.
    if (nowMs - this.#liveness.heardMs >= this.#host.timings.beatIntervalMs) this.#tap.arm()
    this.#beat()
    this.#schedule()
    this.#watchIdle(nowMs)
  }

  #silent(): void {
    this.#host.counters.add('silences')
    this.#actions.silent()
  }

  #grade(health: Health): void {
    if (health === this.#health) return
    this.#health = health
    if (health === 'suspect') this.#host.counters.add('suspicions')
    this.#actions.health(health)
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
