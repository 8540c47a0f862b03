import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'

/** How long a process may take for one answer, ms: a bound for a stuck test, not a measure. */
const ANSWER_TIMEOUT_MS = 60_000

export interface Started {
  readonly id: string
  readonly addresses: readonly string[]
  readonly size: number
}

/** What a node's process tells of itself. */
export interface Inspection {
  readonly sessions: number
  readonly connections: number
  readonly failuresByError: Readonly<Record<string, number>>
  readonly errors: readonly (string | undefined)[]
  readonly streams: { readonly inbound: number; readonly outbound: number }
  readonly neighbors: readonly string[]
}

/** A node in a child process. Every one made is ended by `endAll`, by its own id, whatever the test did. */
export class NodeProcess {
  static readonly #all = new Set<NodeProcess>()
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  readonly exited: Promise<number | string>
  #lastId = 0

  /** Runs `worker.mjs`, or another program of this folder that answers in the same way. */
  constructor(env: Readonly<Record<string, string>> = {}, program = 'worker.mjs') {
    this.#child = fork(join(import.meta.dirname, program), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...env }
    })
    this.#child.on(
      'message',
      ({ id, value, error }: { id: number; value?: unknown; error?: { name: string; message: string } }) => {
        const waiting = this.#waiting.get(id)
        this.#waiting.delete(id)
        if (error === undefined) waiting?.resolve(value)
        else waiting?.reject(Object.assign(new Error(error.message), { name: error.name }))
      }
    )
    this.exited = new Promise(resolve => {
      this.#child.on('exit', (code, signal) => {
        for (const { reject } of this.#waiting.values()) reject(new Error('the process ended'))
        this.#waiting.clear()
        NodeProcess.#all.delete(this)
        resolve(code ?? signal ?? 'unknown')
      })
    })
    NodeProcess.#all.add(this)
  }

  static async endAll(): Promise<void> {
    await Promise.all([...NodeProcess.#all].map(each => each.kill()))
  }

  start(options: Record<string, unknown>): Promise<Started> {
    return this.call('start', options)
  }

  /** SIGSTOP, SIGCONT: the whole process, native threads included. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal)
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.exited
  }

  call<T>(method: string, ...args: unknown[]): Promise<T> {
    const id = ++this.#lastId
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${method}`)), ANSWER_TIMEOUT_MS)
      const settled =
        <A extends unknown[]>(settle: (...values: A) => void) =>
        (...values: A): void => {
          clearTimeout(timer)
          settle(...values)
        }
      this.#waiting.set(id, {
        resolve: settled(resolve as (value: unknown) => void),
        reject: settled(reject)
      })
      this.#child.send({ id, method, args }, error => {
        if (error !== null) this.#waiting.get(id)?.reject(error)
      })
    })
  }
}

/** Asks until the answer is right; the test's own timeout is the bound. */
export async function eventually<T>(
  ask: () => Promise<T>,
  right: (answer: T) => boolean,
  pauseMs = 20
): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (right(answer)) return answer
    await new Promise(resolve => setTimeout(resolve, pauseMs))
  }
}
