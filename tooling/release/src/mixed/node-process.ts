import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Answer, NodeStart, Order } from './orders.ts'

const ANSWER_TIMEOUT_MS = 60_000

/** Kept of what a process prints as errors, characters. */
const STDERR_CHARS_MAX = 4_000

const running = new Set<ChildProcess>()
process.on('exit', () => NodeProcess.killAll())

/** One node in a process of its own, of whichever release is installed in its project. */
export class NodeProcess {
  readonly title: string
  readonly #child: ChildProcess
  readonly #exit: Promise<number | null>
  #stderr = ''

  private constructor(title: string, project: string, start: NodeStart) {
    this.title = title
    this.#child = fork(join(project, 'mixed-node.js'), [JSON.stringify(start)], {
      cwd: project,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc']
    })
    const child = this.#child
    running.add(child)
    child.stderr?.on('data', chunk => (this.#stderr = (this.#stderr + chunk).slice(-STDERR_CHARS_MAX)))
    this.#exit = new Promise(resolve => {
      child.on('exit', code => {
        running.delete(child)
        resolve(code)
      })
    })
  }

  /** Starts it and waits until it can take orders. */
  static async start(
    title: string,
    project: string,
    start: NodeStart
  ): Promise<{ readonly node: NodeProcess; readonly addresses: readonly string[] }> {
    const node = new NodeProcess(title, project, start)
    const answer = await node.#answer()
    if (answer.type !== 'up') throw new Error(`${title} began with ${answer.type}`)
    return { node, addresses: answer.addresses }
  }

  /** Gives one order and waits for its answer. Rejects when it failed, or the process ended. */
  async tell(order: Order): Promise<Answer> {
    const answer = this.#answer()
    this.#child.send(order)
    return await answer
  }

  /** Ends every process that is still there: also one that answers nothing any more keeps the launcher from ending. */
  static killAll(): void {
    for (const child of running) child.kill('SIGKILL')
  }

  /** Stops the node and waits for the end of its process. */
  async stop(): Promise<void> {
    this.#child.send({ type: 'stop' } satisfies Order)
    const code = await within(this.#exit, `${this.title} to end`)
    if (code !== 0) throw new Error(`${this.title} ended with ${code}: ${this.#stderr}`)
  }

  async #answer(): Promise<Answer> {
    const child = this.#child
    const answered = new Promise<Answer>(resolve => {
      child.once('message', message => resolve(message as Answer))
    })
    const ended = this.#exit.then(code => {
      throw new Error(`${this.title} ended with ${code}: ${this.#stderr}`)
    })
    const answer = await within(Promise.race([answered, ended]), `an answer of ${this.title}`)
    if (answer.type === 'failed') throw new Error(`${this.title}: ${answer.message}`)
    return answer
  }
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited too long for ${what}`)), ANSWER_TIMEOUT_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
