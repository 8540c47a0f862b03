import type { NodeRow, Reporter, Verdict } from './reporter.ts'

/** Lines of JSON on standard output; the last is the verdict. */
export class JsonReporter implements Reporter {
  readonly #startedMs = performance.now()

  dashboard(url: string): void {
    this.#line({ dashboard: url })
  }

  chapter(title: string): void {
    this.#line({ chapter: title })
  }

  event(text: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.#line({ event: text, ...details })
  }

  table(rows: readonly NodeRow[]): void {
    this.#line({ table: rows })
  }

  verdict(verdict: Verdict): void {
    process.stdout.write(`${JSON.stringify(verdict)}\n`)
  }

  #line(fields: Readonly<Record<string, unknown>>): void {
    process.stdout.write(
      `${JSON.stringify({ atMs: Math.round(performance.now() - this.#startedMs), ...fields })}\n`
    )
  }
}
