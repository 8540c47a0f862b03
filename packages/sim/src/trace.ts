import { finish, mix, mixNumber, mixText } from './digest.ts'

/**
 * What happened, in order: a rolling hash over every event and, when asked for, its last lines as text.
 *
 * Two runs of the same program with the same seed have the same hash; a different hash means that something outside the
 * seed took part.
 */
export class Trace {
  readonly #linesMax: number
  readonly #lines: string[] = []
  #start = 0
  #low = 0x5bd1e995
  #high = 0x27d4eb2f
  #events = 0

  /** @param linesMax most lines of text kept; 0 keeps none and {@link Trace.recording} is false. */
  constructor(linesMax: number) {
    this.#linesMax = linesMax
  }

  /** Whether text is kept; callers skip making the text otherwise. */
  get recording(): boolean {
    return this.#linesMax > 0
  }

  /** Events folded so far. */
  get events(): number {
    return this.#events
  }

  /** The rolling hash of everything so far: 16 hex digits. */
  get hash(): string {
    return hex(finish(this.#high)) + hex(finish(mix(this.#low, this.#events)))
  }

  /** Folds one event: when, at which node (any integer) and a digest of what. */
  fold(timeMs: number, node: number, eventDigest: number): void {
    this.#events++
    this.#low = mix(mix(mixNumber(this.#low, timeMs), node), eventDigest)
    this.#high = mix(this.#high ^ this.#low, eventDigest + node)
  }

  /** Folds a text and keeps it as a line when recording. */
  note(timeMs: number, node: number, text: string): void {
    this.fold(timeMs, node, mixText(0, text))
    if (this.recording) this.line(timeMs, `${node}`, text)
  }

  /** Keeps a line without folding it; dropped unless recording. */
  line(timeMs: number, subject: string, text: string): void {
    if (!this.recording) return
    const line = `${timeMs.toFixed(3)} ${subject} ${text}`
    if (this.#lines.length < this.#linesMax) {
      this.#lines.push(line)
      return
    }
    this.#lines[this.#start] = line
    this.#start = (this.#start + 1) % this.#linesMax
  }

  /** The kept lines, oldest first. */
  lines(): string[] {
    return [...this.#lines.slice(this.#start), ...this.#lines.slice(0, this.#start)]
  }
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0')
}
