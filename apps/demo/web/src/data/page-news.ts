import { signal, type ReadonlySignal } from '@preact/signals'
import type { ClusterState, LogLine, Pulse } from '../../../src/api/types.ts'
import { DRAW_EVERY_MS, SILENCE_MS_MAX } from '../config.ts'
import { Differences } from '../model/convergence.ts'
import { LogLines, type NumberedLine } from '../model/log-lines.ts'
import { RateHistory, type RateColumns } from '../model/rates.ts'
import { Traffic } from '../model/traffic.ts'
import { CLUSTER_EVENTS, NODE_EVENTS } from './api-client.ts'
import { LiveStream, type Connection } from './live-stream.ts'

/** What both kinds of page draw from. It changes at most every `DRAW_EVERY_MS`, however fast news comes. */
export class PageNews {
  readonly #connection = signal<Connection>({ type: 'connecting' })
  readonly #log = signal<readonly NumberedLine[]>([])
  readonly #columns = signal<RateColumns>({ seconds: [], rates: [] })
  readonly #cluster = signal<ClusterState | undefined>(undefined)
  readonly #differing = signal<ReadonlyMap<number, number>>(new Map())
  readonly #pulse = signal<Pulse | undefined>(undefined)
  readonly #lines = new LogLines()
  readonly #differences = new Differences()
  readonly #stream: LiveStream
  #newestCluster: ClusterState | undefined
  #newestPulse: Pulse | undefined
  #newestDiffering: ReadonlyMap<number, number> = new Map()
  #drawing: ReturnType<typeof setTimeout> | undefined
  #drawnMs = -Infinity
  readonly rates: RateHistory = new RateHistory()
  readonly traffic: Traffic = new Traffic()

  constructor(role: 'node' | 'cluster') {
    this.#stream = new LiveStream({
      address: role === 'cluster' ? CLUSTER_EVENTS : NODE_EVENTS,
      silenceMsMax: SILENCE_MS_MAX,
      onConnection: connection => (this.#connection.value = connection),
      events: {
        cluster: data => this.#takeCluster(data as ClusterState),
        pulse: data => this.#takePulse(data as Pulse),
        event: (data, id) => {
          this.#lines.add(data as LogLine, id)
          this.#draw()
        }
      }
    })
  }

  get connection(): ReadonlySignal<Connection> {
    return this.#connection
  }
  get log(): ReadonlySignal<readonly NumberedLine[]> {
    return this.#log
  }
  get columns(): ReadonlySignal<RateColumns> {
    return this.#columns
  }
  get cluster(): ReadonlySignal<ClusterState | undefined> {
    return this.#cluster
  }
  /** Index of a member → since when its maps have differed from what most hold. */
  get differing(): ReadonlySignal<ReadonlyMap<number, number>> {
    return this.#differing
  }
  get pulse(): ReadonlySignal<Pulse | undefined> {
    return this.#pulse
  }

  retry(): void {
    this.#stream.retry()
  }

  #takeCluster(state: ClusterState): void {
    this.#newestCluster = state
    this.#newestDiffering = this.#differences.update(state.members, state.atMs)
    const pulses = state.members.flatMap(({ state, pulse }) =>
      state === 'running' && pulse !== undefined ? [pulse] : []
    )
    const now = performance.now()
    for (const pulse of pulses) this.traffic.see(pulse, now)
    this.traffic.retain(new Set(pulses.map(({ id }) => id)))
    this.rates.sample(state.atMs, pulses)
    this.#draw()
  }

  #takePulse(pulse: Pulse): void {
    this.#newestPulse = pulse
    this.traffic.see(pulse, performance.now())
    this.rates.sample(pulse.atMs, [pulse])
    this.#draw()
  }

  #draw(): void {
    if (this.#drawing !== undefined) return
    const waitMs = Math.max(0, this.#drawnMs + DRAW_EVERY_MS - performance.now())
    this.#drawing = setTimeout(() => {
      this.#drawing = undefined
      this.#drawnMs = performance.now()
      this.#differing.value = this.#newestDiffering
      this.#cluster.value = this.#newestCluster
      this.#pulse.value = this.#newestPulse
      this.#log.value = this.#lines.newestFirst()
      this.#columns.value = this.rates.columns()
    }, waitMs)
  }
}
