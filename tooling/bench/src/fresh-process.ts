import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A module that measures in a process of its own. */
export interface FreshModule<Input, Output> {
  readonly measure: (input: Input) => Promise<Output>
}

export type FreshAnswer = { readonly output: unknown } | { readonly error: string }

export interface FreshRequest {
  readonly module: string
  readonly input: unknown
}

const TIMEOUT_MS = 120_000

/**
 * Runs the `measure` of a module in a fresh process with a clean heap, where a contender is alone with what it keeps.
 *
 * @param module the address of the module, as in `import.meta.resolve`.
 * @param input plain data, as for JSON.
 */
export function runFresh(module: string, input: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('fresh-child.js', import.meta.url)), {
      // The report is on our standard output; a library that prints there must not spoil it.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      timeout: TIMEOUT_MS
    })
    child.once('error', reject)
    child.once('message', (answer: FreshAnswer) => {
      if ('error' in answer) reject(new Error(answer.error))
      else resolve(answer.output)
    })
    child.once('exit', (code, signal) =>
      reject(new Error(`its process ended with ${signal ?? `code ${code}`} before it answered`))
    )
    child.send({ module, input } satisfies FreshRequest)
  })
}
