/** One row of the table of nodes. */
export interface NodeRow {
  readonly node: number
  readonly state: string
  readonly peers: number
  readonly keys: number
  readonly messages: number
}

/** The verdict, as the last line of `--json` prints it. */
export interface Verdict {
  readonly converged: boolean
  readonly nodes: number
  readonly keys: number
  readonly lostAcknowledged: number
  /** Acknowledged writes that there was no room to remember, so that nobody can say whether they are lost. */
  readonly uncheckedAcknowledged: number
  readonly killed: number
  readonly acknowledged: number
  readonly unknownOutcome: number
  readonly concurrentKeys: number
  readonly invented: number
  /** Processes that ended by themselves when stopped; absent while the cluster stays. */
  readonly endedByThemselves?: number
  readonly convergenceMs: number
  readonly durationMs: number
}

/** Tells the story of a run as it happens. */
export interface Reporter {
  /** Where the cluster's page is. */
  dashboard(url: string): void
  /** A new chapter. */
  chapter(title: string): void
  /** One thing that happened. */
  event(text: string, details?: Readonly<Record<string, unknown>>): void
  /** How the nodes are now. */
  table(rows: readonly NodeRow[]): void
  verdict(verdict: Verdict): void
}
