import type { Log, MetricHistogram, Observers } from '@starling/ports'
import { guardedHistogram } from '@starling/ports/guarded'
import { ROUND_SECONDS } from './figures.ts'
import type { RoundEvent, SyncStats } from './types.ts'

/** Counts rounds, and tells whoever watches of each. */
export class RoundTally {
  readonly #log: Log | undefined
  readonly #seconds: MetricHistogram | undefined
  #completed = 0
  #failed = 0
  #equal = 0
  #incomplete = 0
  #entriesSent = 0
  #entriesReceived = 0

  constructor(log: Log | undefined, { metrics }: Observers) {
    this.#log = log
    if (metrics === undefined) return
    const options = { help: 'How long rounds took', buckets: [...ROUND_SECONDS] }
    this.#seconds = guardedHistogram(metrics, 'starling_sync_round_seconds', options)
  }

  get counts(): Pick<
    SyncStats,
    | 'roundsCompleted'
    | 'roundsFailed'
    | 'roundsEqual'
    | 'roundsIncomplete'
    | 'entriesSent'
    | 'entriesReceived'
  > {
    return {
      roundsCompleted: this.#completed,
      roundsFailed: this.#failed,
      roundsEqual: this.#equal,
      roundsIncomplete: this.#incomplete,
      entriesSent: this.#entriesSent,
      entriesReceived: this.#entriesReceived
    }
  }

  add(topic: string, { peer, durationMs, outcome, error }: RoundEvent): void {
    this.#seconds?.observe(durationMs / 1_000)
    if (outcome === undefined) {
      this.#failed++
      this.#log?.('%s: a round with %s failed - %e', topic, peer, error)
      return
    }
    const { complete, entriesSent, entriesReceived } = outcome
    this.#completed++
    this.#entriesSent += entriesSent
    this.#entriesReceived += entriesReceived
    if (!complete) this.#incomplete++
    else if (entriesSent + entriesReceived === 0) this.#equal++
    this.#log?.trace('%s: a round with %s, sent %d, got %d', topic, peer, entriesSent, entriesReceived)
  }
}
