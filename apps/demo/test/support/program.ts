import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { cleanEnvironment } from './run.ts'

/** A program that runs until told to end, read line by line. */
export class Program {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #ended: Promise<number | null>

  constructor(program: 'demo' | 'node' | 'starling', args: readonly string[]) {
    const file = join(import.meta.dirname, `../../dist/${program}.js`)
    this.#child = spawn(process.execPath, [file, ...args], {
      env: cleanEnvironment(),
      stdio: ['pipe', 'pipe', 'inherit']
    })
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })[
      Symbol.asyncIterator
    ]()
    this.#ended = new Promise(resolve => this.#child.on('close', resolve))
  }

  async line(): Promise<string> {
    const { done, value } = await this.#lines.next()
    if (done === true) throw new Error('the program has ended')
    return value
  }

  /** The next line that fits. */
  async lineLike(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = await this.line()
      if (pattern.test(line)) return line
    }
  }

  /** Resolves with the exit code once the program has ended by itself. */
  ended(): Promise<number | null> {
    return this.#ended
  }

  /** Sends a signal and resolves with the exit code. */
  async end(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    if (this.#child.exitCode === null) this.#child.kill(signal)
    return await this.#ended
  }
}
