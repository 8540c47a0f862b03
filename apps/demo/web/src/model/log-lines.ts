import type { LogLine } from '../../../src/api/types.ts'
import { LOG_LINES_MAX } from '../config.ts'

/** A line with a number of its own, so that a list of lines can be drawn without drawing all of it again. */
export interface NumberedLine extends LogLine {
  readonly number: number
}

/** The newest lines of the event log, newest first. */
export class LogLines {
  #lines: readonly NumberedLine[] = []
  #arrived: NumberedLine[] = []
  #count = 0

  add(line: LogLine): void {
    this.#arrived.push({ ...line, number: this.#count++ })
    if (this.#arrived.length > LOG_LINES_MAX) this.#arrived.shift()
  }

  /** What to draw. The same array as before when nothing has come. */
  newestFirst(): readonly NumberedLine[] {
    if (this.#arrived.length > 0) {
      this.#lines = [...this.#arrived.reverse(), ...this.#lines].slice(0, LOG_LINES_MAX)
      this.#arrived = []
    }
    return this.#lines
  }
}
