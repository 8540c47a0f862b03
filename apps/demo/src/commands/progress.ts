/** Nothing is drawn for what is done sooner, ms. */
const QUIET_MS = 1000
/** Between two drawings, ms. */
const DRAW_MS = 100
const WIDTH = 30

/** Where a bar is drawn. */
export interface ProgressOutput {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** A bar on standard error for what takes longer than a second, on a terminal only. */
export class Progress {
  readonly #what: string
  readonly #total: number
  readonly #output: ProgressOutput
  readonly #now: () => number
  readonly #startedMs: number
  #drawnMs: number

  constructor(
    what: string,
    total: number,
    output: ProgressOutput = process.stderr,
    now: () => number = () => performance.now()
  ) {
    this.#what = what
    this.#total = total
    this.#output = output
    this.#now = now
    this.#startedMs = now()
    this.#drawnMs = -Infinity
  }

  /** So much is done. */
  at(done: number): void {
    const nowMs = this.#now()
    const elapsedMs = nowMs - this.#startedMs
    if (this.#output.isTTY !== true || elapsedMs < QUIET_MS || nowMs - this.#drawnMs < DRAW_MS) return
    this.#drawnMs = nowMs
    const share = this.#total === 0 ? 1 : Math.min(1, done / this.#total)
    const filled = Math.round(share * WIDTH)
    const left = share === 0 ? '' : `, ${Math.ceil((elapsedMs * (1 - share)) / share / 1000)} s left`
    const bar = `${'#'.repeat(filled)}${'-'.repeat(WIDTH - filled)}`
    this.#output.write(`\r\u001B[K[${bar}] ${Math.floor(share * 100)} % ${this.#what}${left}`)
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#drawnMs !== -Infinity) this.#output.write('\r\u001B[K')
  }
}
