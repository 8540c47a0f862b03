import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * How often something long was done, kept in a file when `STARLING_RESULTS` names a folder: a run that is cut short goes on where
 * it was.
 */
export class Counts {
  readonly #path: string | undefined
  #counts: Record<string, number> = {}

  constructor(name: string) {
    const folder = process.env['STARLING_RESULTS']
    if (folder === undefined) return
    mkdirSync(folder, { recursive: true })
    this.#path = join(folder, `${name}.json`)
    if (existsSync(this.#path)) {
      this.#counts = JSON.parse(readFileSync(this.#path, 'utf8')) as Record<string, number>
    }
  }

  of(what: string): number {
    return this.#counts[what] ?? 0
  }

  add(what: string, amount: number = 1): void {
    this.#counts[what] = this.of(what) + amount
    if (this.#path !== undefined) writeFileSync(this.#path, `${JSON.stringify(this.#counts, null, 2)}\n`)
  }

  toString(): string {
    return Object.entries(this.#counts)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ')
  }
}
