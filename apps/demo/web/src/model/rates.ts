import type { Pulse } from '../../../src/api/types.ts'
import { PLOT_SAMPLES_MAX, PLOT_STEP_MS } from '../config.ts'

/** Per second. */
export interface Rates {
  readonly messagesSent: number
  readonly messagesReceived: number
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly writes: number
}

export const NO_RATES: Rates = {
  messagesSent: 0,
  messagesReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  writes: 0
}

/** Seconds since 1970 and, for each of the counters, its rate then: columns, as the plots take them. */
export interface RateColumns {
  readonly seconds: readonly number[]
  readonly rates: readonly Rates[]
}

/** Turns the totals in pulses into rates, per node and for all together, over the last ten minutes. */
export class RateHistory {
  #last = new Map<string, { readonly pulse: Pulse; readonly rates: Rates }>()
  #seconds: number[] = []
  #rates: Rates[] = []

  /** The pulses of all nodes that are running. One that is missing counts nothing and is forgotten. */
  sample(atMs: number, pulses: readonly Pulse[]): void {
    const next = new Map<string, { readonly pulse: Pulse; readonly rates: Rates }>()
    for (const pulse of pulses) {
      const last = this.#last.get(pulse.id)
      if (last === undefined) next.set(pulse.id, { pulse, rates: NO_RATES })
      else if (pulse.atMs <= last.pulse.atMs) next.set(pulse.id, last)
      else next.set(pulse.id, { pulse, rates: between(last.pulse, pulse) })
    }
    this.#last = next
    const newest = this.#seconds.at(-1)
    if (newest !== undefined && atMs / 1_000 - newest < PLOT_STEP_MS / 1_000) return
    this.#seconds.push(atMs / 1_000)
    this.#rates.push(sum([...next.values()].map(({ rates }) => rates)))
    if (this.#seconds.length > PLOT_SAMPLES_MAX) {
      this.#seconds.shift()
      this.#rates.shift()
    }
  }

  of(id: string): Rates {
    return this.#last.get(id)?.rates ?? NO_RATES
  }

  columns(): RateColumns {
    return { seconds: [...this.#seconds], rates: [...this.#rates] }
  }
}

/** Totals that went down are those of a process started anew. */
function between(before: Pulse, after: Pulse): Rates {
  const seconds = (after.atMs - before.atMs) / 1_000
  const rate = (name: keyof Rates): number => {
    const difference = after.counters[name] - before.counters[name]
    return difference < 0 ? 0 : difference / seconds
  }
  return {
    messagesSent: rate('messagesSent'),
    messagesReceived: rate('messagesReceived'),
    bytesSent: rate('bytesSent'),
    bytesReceived: rate('bytesReceived'),
    writes: rate('writes')
  }
}

function sum(all: readonly Rates[]): Rates {
  return all.reduce(
    (a, b) => ({
      messagesSent: a.messagesSent + b.messagesSent,
      messagesReceived: a.messagesReceived + b.messagesReceived,
      bytesSent: a.bytesSent + b.bytesSent,
      bytesReceived: a.bytesReceived + b.bytesReceived,
      writes: a.writes + b.writes
    }),
    NO_RATES
  )
}
