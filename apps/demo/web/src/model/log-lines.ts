import type { LogLine } from '../../../src/api/types.ts'
import { LOG_LINES_MAX } from '../config.ts'
import { count } from './wording.ts'

/** A line with a number of its own, so that a list of lines can be drawn without drawing all of it again. */
export interface NumberedLine extends LogLine {
  readonly number: number
}

/** The newest lines of the event log, newest first. */
export class LogLines {
  #lines: readonly NumberedLine[] = []
  #arrived: NumberedLine[] = []
  #count = 0
  #feed = ''
  #lastNumber = 0

  /**
   * `id` is the event's, a feed and a number in it: with each connection the server tells again what it keeps, and a line that was there
   * before is not added twice. Another feed is another process; a gap in the numbers is told as a line.
   */
  add(line: LogLine, id: string): void {
    const [feed = '', digits = ''] = id.split('-')
    const number = Number(digits)
    if (feed === this.#feed && number <= this.#lastNumber) return
    const missed = feed === this.#feed ? number - this.#lastNumber - 1 : 0
    this.#feed = feed
    this.#lastNumber = number
    if (missed > 0)
      this.#push({ atMs: line.atMs, node: '', type: 'missed', text: `${count(missed, 'event')} not shown` })
    this.#push(line)
  }

  #push(line: LogLine): void {
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
