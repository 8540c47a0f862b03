import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Ask, Content, Reply, Started, StartOptions, Status } from './worker-protocol.ts'

/** How long a node's process may take for one answer before the demo calls it stuck. */
const ANSWER_TIMEOUT_MS = 30_000
/** How long a node's process may take to end by itself after it was stopped. */
const EXIT_TIMEOUT_MS = 15_000

/** The process died, or never answered. */
export class NodeGoneError extends Error {
  override readonly name = 'NodeGoneError'
}

/** A node of the cluster refused a request; `errorName` is the name of its error. */
export class NodeRefusedError extends Error {
  override readonly name = 'NodeRefusedError'
  readonly errorName: string

  constructor(node: number, errorName: string, message: string) {
    super(`node ${node + 1}: ${message}`)
    this.errorName = errorName
  }
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

export type NodeState = 'starting' | 'running' | 'killed' | 'stopped'

/** One node of the cluster as the launcher sees it: a process, started, asked, killed and started again on its store. */
export class ClusterNode {
  readonly index: number
  readonly #onIssued: (write: string, seen: readonly string[]) => void
  readonly #options: Omit<StartOptions, 'contacts'>
  #child: ChildProcess | undefined
  #waiting = new Map<number, Waiting>()
  #lastId = 0
  #ended = false
  state: NodeState = 'stopped'
  addresses: readonly string[] = []

  constructor(
    index: number,
    options: Omit<StartOptions, 'contacts'>,
    onIssued: (write: string, seen: readonly string[]) => void
  ) {
    this.index = index
    this.#options = options
    this.#onIssued = onIssued
  }

  async start(contacts: readonly string[]): Promise<Started> {
    if (this.#ended) throw new NodeGoneError(`node ${this.index + 1} is stopped for good`)
    this.state = 'starting'
    const child = fork(fileURLToPath(new URL('worker.js', import.meta.url)), {
      stdio: ['ignore', 2, 2, 'ipc']
    })
    this.#child = child
    child.on('message', (reply: Reply) => this.#onReply(reply))
    child.on('exit', () => {
      if (this.#child === child) this.#settleAll()
    })
    const started = (await this.#ask({ type: 'start', options: { ...this.#options, contacts } })) as Started
    this.addresses = started.addresses
    this.state = 'running'
    return started
  }

  set(key: string, write: string): Promise<unknown> {
    return this.#ask({ type: 'set', key, write })
  }

  delete(key: string, write: string): Promise<unknown> {
    return this.#ask({ type: 'delete', key, write })
  }

  status(): Promise<Status> {
    return this.#ask({ type: 'status' }) as Promise<Status>
  }

  content(): Promise<Content> {
    return this.#ask({ type: 'content' }) as Promise<Content>
  }

  /** SIGKILL: no goodbye, no flush. Resolves when the process is gone. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.state = 'killed'
    const gone = new Promise<void>(resolve => child.once('exit', () => resolve()))
    child.kill('SIGKILL')
    await gone
    this.#child = undefined
    this.#settleAll()
  }

  /** Asks the node to stop and waits for its process to end by itself; one that does not is killed and reported. */
  async stop(): Promise<{ endedByItself: boolean }> {
    this.#ended = true
    const child = this.#child
    if (child === undefined || child.exitCode !== null) return { endedByItself: true }
    const gone = new Promise<boolean>(resolve => {
      const timer = setTimeout(() => resolve(false), EXIT_TIMEOUT_MS)
      child.once('exit', () => {
        clearTimeout(timer)
        resolve(true)
      })
    })
    await this.#ask({ type: 'stop' }).catch(() => {})
    const endedByItself = await gone
    if (!endedByItself) child.kill('SIGKILL')
    this.#child = undefined
    this.state = 'stopped'
    return { endedByItself }
  }

  #ask(request: Ask): Promise<unknown> {
    const child = this.#child
    if (child === undefined || !child.connected) {
      return Promise.reject(new NodeGoneError(`node ${this.index + 1} is not running`))
    }
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id)
        reject(
          new NodeGoneError(
            `node ${this.index + 1} did not answer "${request.type}" within ${ANSWER_TIMEOUT_MS / 1000} s`
          )
        )
      }, ANSWER_TIMEOUT_MS)
      this.#waiting.set(id, { resolve, reject, timer })
      // A failed send is followed by the exit event, which settles everything.
      child.send({ ...request, id }, () => {})
    })
  }

  #onReply(reply: Reply): void {
    if (reply.type === 'issued') {
      this.#onIssued(reply.write, reply.seen)
      return
    }
    const waiting = this.#waiting.get(reply.id)
    if (waiting === undefined) return
    this.#waiting.delete(reply.id)
    clearTimeout(waiting.timer)
    if (reply.type === 'answer') waiting.resolve(reply.value)
    else waiting.reject(new NodeRefusedError(this.index, reply.name, reply.message))
  }

  #settleAll(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject, timer } of waiting) {
      clearTimeout(timer)
      reject(new NodeGoneError(`the process of node ${this.index + 1} ended`))
    }
  }
}
