import type { ReceiveResult } from './clock.ts'
import { SKEW_SOURCES_MAX } from './config.ts'
import { stampWallMs, type Stamp } from './stamp.ts'

/** What one source's stamps say about its clock. */
export interface SourceSkew {
  readonly source: string
  /** How far the last stamp was ahead of the local wall when it came, in ms; negative when it was behind. */
  readonly lastAheadMs: number
  /** The greatest of these. Stamps of old writes lie behind whatever the clock says, so this is the one to watch. */
  readonly greatestAheadMs: number
  /** How many of its stamps, or batches of them, were accepted. */
  readonly accepted: number
  /** How many were refused. */
  readonly refused: number
}

/** What a report may hold. */
export interface SkewReportInit {
  /** How many sources it remembers; beyond it the one not heard from for longest is forgotten. Default {@link SKEW_SOURCES_MAX}. */
  readonly sourcesMax?: number
}

/**
 * Whose stamps run ahead, for an operator who wonders which host's time is wrong: one clock cannot tell, and several peers
 * together can. It only counts; what is accepted is the clock's decision.
 */
export class SkewReport {
  readonly #sourcesMax: number
  // In the order in which they were heard from.
  readonly #sources = new Map<string, SourceSkew>()

  /** @throws RangeError when `sourcesMax` is not a whole number from 1. */
  constructor(init: SkewReportInit = {}) {
    const { sourcesMax = SKEW_SOURCES_MAX } = init
    if (!Number.isSafeInteger(sourcesMax) || sourcesMax < 1) {
      throw new RangeError(`sourcesMax must be a whole number from 1, got ${sourcesMax}`)
    }
    this.#sourcesMax = sourcesMax
  }

  /** How many sources it remembers. */
  get size(): number {
    return this.#sources.size
  }

  /**
   * Notes a stamp and what the clock said to it.
   *
   * @param source who sent it, as the transport knows it and not as a message claims.
   * @param stamp the stamp, or the greatest of a batch.
   * @param wallMs the local wall time at which it was received, in ms since the epoch.
   */
  note(source: string, stamp: Stamp, wallMs: number, { ok }: ReceiveResult): void {
    const before = this.#sources.get(source)
    const lastAheadMs = stampWallMs(stamp) - Math.floor(wallMs)
    // Taken out and put in again, it is the one heard from last.
    this.#sources.delete(source)
    this.#sources.set(source, {
      source,
      lastAheadMs,
      greatestAheadMs: Math.max(before?.greatestAheadMs ?? lastAheadMs, lastAheadMs),
      accepted: (before?.accepted ?? 0) + Number(ok),
      refused: (before?.refused ?? 0) + Number(!ok)
    })
    if (this.#sources.size <= this.#sourcesMax) return
    for (const oldest of this.#sources.keys()) {
      this.#sources.delete(oldest)
      break
    }
  }

  /** What is known of one source. */
  get(source: string): SourceSkew | undefined {
    return this.#sources.get(source)
  }

  /** All sources, the one furthest ahead first. */
  all(): readonly SourceSkew[] {
    return [...this.#sources.values()].sort((a, b) => b.greatestAheadMs - a.greatestAheadMs)
  }

  /** Forgets a source, for example a peer that left. */
  forget(source: string): void {
    this.#sources.delete(source)
  }
}
