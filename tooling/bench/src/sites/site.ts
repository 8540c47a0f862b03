/** One of two processes that hold the same map. */
export interface Site {
  /** How the other one reaches it. */
  readonly address: string
  /** Entries that can be read here. */
  readonly size: number
  /** Writes; what it returns resolves when the library says that the write is done. */
  put(key: string, value: unknown): Promise<unknown> | undefined
  /** Calls back with every entry from the other site, once it can be read here. */
  onEntry(listener: (value: unknown) => void): void
  /** What its reconciliation has cost so far, for contenders that have one. */
  cost?(): Cost
  close(): Promise<void>
}

/** Bytes of all messages sent, of whatever kind, rounds ended and batches written since the site was opened; bytes of what is stored and not replaced. */
export interface Cost {
  readonly bytes: number
  readonly rounds: number
  readonly batches: number
  readonly liveBytes: number
}

/** How a site is opened. */
export interface SiteInit {
  /** An empty folder of its own, for contenders that keep anything. */
  readonly folder: string
  /** When a write counts as done, for contenders that have the choice. */
  readonly durability: 'sync' | 'async'
  /** The other site, if it is there already. */
  readonly join?: string
  /** How often two that are equal compare themselves, ms, for contenders that do. */
  readonly reconcileIntervalMs?: number
}

/** A module that opens sites: `sites/NAME-site.js`. */
export interface SiteModule {
  openSite(init: SiteInit): Promise<Site>
}

/** What a site's process is asked. Times are of the machine's monotonic clock, which all processes share, in ns. */
export type SiteRequest =
  | { readonly type: 'open'; readonly init: SiteInit }
  /** Writes so many entries, one after another with so many on their way. */
  | {
      readonly type: 'fill'
      readonly from: number
      readonly count: number
      readonly window: number
      readonly keys?: number
      readonly capMs?: number
    }
  /** Opens, and waits until so many entries can be read. Answers with the ms that it took. */
  | { readonly type: 'join'; readonly init: SiteInit; readonly count: number }
  /** Writes the time at an even pace, whether or not earlier writes are done. */
  | { readonly type: 'pace'; readonly perSecond: number; readonly count: number }
  /** From now on notes what comes. */
  | { readonly type: 'listen' }
  | { readonly type: 'heard' }
  | { readonly type: 'size' }
  | { readonly type: 'cost' }
  | { readonly type: 'memory' }
  | { readonly type: 'close' }

/** What a filling process did. */
export interface Filled {
  readonly startNs: number
  readonly endNs: number
  readonly count: number
}

/** What a listening process heard: how many entries, when the last, and how long each had been on its way. */
export interface Heard {
  readonly count: number
  readonly lastNs: number
  readonly delaysUs: readonly number[]
}

export type SiteAnswer = { readonly value: unknown } | { readonly error: string }
