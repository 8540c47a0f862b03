/** What the command line needs of the machine it runs on. */
export interface Platform {
  out(line: string): void
  err(line: string): void
  /** Milliseconds from any start, for the wall time of the report. */
  nowMs(): number
  readFile(path: string): string
  writeFile(path: string, text: string): void
  /** The folder of the corpus: plans that once broke a promise, and have to keep all. */
  readonly corpus: string
  /** Names of the files of a folder, in order. */
  listFiles(folder: string): readonly string[]
  /** Runs this program with these arguments in another process and returns the last line of its output. */
  elsewhere(args: readonly string[]): string
}

/** How the program ends. */
export const EXIT = { held: 0, violated: 1, usage: 2, nondeterminism: 3, budget: 4 } as const

/** A mistake of the person at the keyboard: said in one sentence. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
