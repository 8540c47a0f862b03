import type { NodeRow, Reporter, Verdict } from './reporter.ts'

/** The widest table that is redrawn in place: above that many nodes it would scroll off the screen. */
const LIVE_ROWS_MAX = 16

/**
 * The story for a person: chapters and events scroll by, and on a terminal the table of nodes stays below them and is redrawn
 * in place. Where output goes to a file or a pipe, the table is printed at the end of each chapter instead.
 */
export class TerminalReporter implements Reporter {
  readonly #live: boolean
  readonly #colour: boolean
  readonly #startedMs = performance.now()
  #rows: readonly NodeRow[] = []
  #drawnLines = 0

  constructor(terminal: boolean, colour: boolean) {
    this.#live = terminal
    this.#colour = colour
  }

  dashboard(url: string): void {
    this.#print(`\nThe cluster's page: ${this.#paint('1;4', url)}\n`)
  }

  chapter(title: string): void {
    if (!this.#live && this.#rows.length > 0) this.#print(`${this.#tableText()}\n`)
    this.#print(`\n${this.#paint('1', title)}\n`)
  }

  event(text: string): void {
    const seconds = ((performance.now() - this.#startedMs) / 1000).toFixed(1).padStart(5)
    this.#print(`${this.#paint('2', `${seconds} s`)}  ${text}\n`)
  }

  table(rows: readonly NodeRow[]): void {
    this.#rows = rows
    if (this.#live && rows.length <= LIVE_ROWS_MAX) this.#print('')
  }

  verdict(verdict: Verdict): void {
    const good = verdict.converged && verdict.lostAcknowledged === 0
    if (!this.#live && this.#rows.length > 0) this.#print(`${this.#tableText()}\n`)
    this.#print('')
    this.#drawnLines = 0
    const { uncheckedAcknowledged } = verdict
    const unchecked =
      uncheckedAcknowledged === 0 ? '' : `, too many to remember and not checked: ${uncheckedAcknowledged}`
    const lines = [
      `all ${verdict.nodes} nodes hold the same content: ${verdict.converged ? 'yes' : 'NO'}`,
      `acknowledged writes: ${verdict.acknowledged}, lost: ${verdict.lostAcknowledged}${unchecked}`,
      `keys with concurrent values, all kept: ${verdict.concurrentKeys}`,
      `processes killed and started again: ${verdict.killed}; agreed ${(verdict.convergenceMs / 1000).toFixed(1)} s after the last write`
    ]
    const title = good ? this.#paint('1;32', 'It holds.') : this.#paint('1;31', 'It does NOT hold.')
    process.stdout.write(`\n${title}\n${lines.map(line => `  ${line}`).join('\n')}\n`)
  }

  /** Writes text above the live table: the old table is erased first and drawn again after. */
  #print(text: string): void {
    const erase = this.#drawnLines > 0 ? `\u001B[${this.#drawnLines}A\u001B[J` : ''
    const table =
      this.#live && this.#rows.length > 0 && this.#rows.length <= LIVE_ROWS_MAX
        ? `${this.#tableText()}\n`
        : ''
    this.#drawnLines = table === '' ? 0 : table.split('\n').length - 1
    process.stdout.write(erase + text + table)
  }

  #tableText(): string {
    const header = `  ${'node'.padEnd(6)}${'state'.padEnd(10)}${'peers'.padStart(6)}${'keys'.padStart(8)}${'messages'.padStart(10)}`
    const rows = this.#rows.map(({ node, state, peers, keys, messages }) => {
      const shown = `${state.padEnd(10)}${String(peers).padStart(6)}${String(keys).padStart(8)}${String(messages).padStart(10)}`
      return `  ${String(node).padEnd(6)}${state === 'killed' ? this.#paint('31', shown) : shown}`
    })
    return ['', this.#paint('2', header), ...rows].join('\n')
  }

  #paint(code: string, text: string): string {
    return this.#colour ? `\u001B[${code}m${text}\u001B[0m` : text
  }
}
