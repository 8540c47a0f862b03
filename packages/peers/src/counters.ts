/** Everything that is counted, by name. */
export type CounterName =
  | 'dials'
  | 'dialsFailed'
  | 'sessionsUp'
  | 'sessionsDown'
  | 'sessionsReplaced'
  | 'handshakesFailed'
  | 'duplicatesClosed'
  | 'lateDialsClosed'
  | 'inboundRefused'
  | 'channelsHeld'
  | 'channelsRefused'
  | 'suspicions'
  | 'silences'
  | 'selfStalls'
  | 'idleClosed'
  | 'goodbyesForced'
  | 'listenerErrors'
  | 'revocations'
  | 'probes'
  | 'namesAsked'
  | 'namesCached'
  | 'namesFailed'

const NAMES: readonly CounterName[] = [
  'dials',
  'dialsFailed',
  'sessionsUp',
  'sessionsDown',
  'sessionsReplaced',
  'handshakesFailed',
  'duplicatesClosed',
  'lateDialsClosed',
  'inboundRefused',
  'channelsHeld',
  'channelsRefused',
  'suspicions',
  'silences',
  'selfStalls',
  'idleClosed',
  'goodbyesForced',
  'listenerErrors',
  'revocations',
  'probes',
  'namesAsked',
  'namesCached',
  'namesFailed'
]

/** Names of errors counted apart; further ones share one name, so that a peer cannot make the list grow. */
const ERROR_NAMES_MAX = 32

/** Named counts since construction. */
export class Counters {
  readonly #counts: Record<CounterName, number>
  readonly #byError: Record<string, number> = Object.create(null) as Record<string, number>

  constructor() {
    this.#counts = Object.fromEntries(NAMES.map(name => [name, 0])) as Record<CounterName, number>
  }

  add(name: CounterName): void {
    this.#counts[name]++
  }

  addError(error: Error): void {
    const known = error.name in this.#byError || Object.keys(this.#byError).length < ERROR_NAMES_MAX
    const name = known ? error.name : 'other'
    this.#byError[name] = (this.#byError[name] ?? 0) + 1
  }

  read(): Record<CounterName, number> & { failuresByError: Record<string, number> } {
    return { ...this.#counts, failuresByError: { ...this.#byError } }
  }
}
