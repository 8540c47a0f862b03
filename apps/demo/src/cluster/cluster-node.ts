import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { wakeWhenAlone } from './wake-call.ts'
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

/** What a node tells its launcher by itself. */
export type Told = Exclude<Reply, { readonly type: 'answer' | 'refusal' }>

export interface ClusterNodeListener {
  told(node: ClusterNode, reply: Told): void
  /** It has been started, for the first time or again. */
  started(node: ClusterNode): void
  /** The process has ended, by whatever cause. */
  ended(node: ClusterNode): void
}

export type NodeState = 'stopped' | 'starting' | 'running' | 'paused' | 'killed'

/** One node of the cluster as the launcher sees it: a process, started, asked, killed and started again on its store. */
export class ClusterNode {
  readonly index: number
  readonly #listener: ClusterNodeListener
  readonly #options: Omit<StartOptions, 'contacts' | 'revoked'>
  #child: ChildProcess | undefined
  #waiting = new Map<number, Waiting>()
  #lastId = 0
  #ended = false
  #stopping = false
  #state: NodeState = 'stopped'
  #started: Started | undefined
  /** Takes back the call that wakes it, while it stands still, if the launcher goes. */
  #stopWakeCall: (() => void) | undefined

  constructor(
    index: number,
    options: Omit<StartOptions, 'contacts' | 'revoked'>,
    listener: ClusterNodeListener
  ) {
    this.index = index
    this.#options = options
    this.#listener = listener
  }

  get state(): NodeState {
    return this.#state
  }

  /** What the last start said; undefined before the first. */
  get started(): Started | undefined {
    return this.#started
  }

  async start(contacts: readonly string[], revoked: readonly string[] = []): Promise<Started> {
    if (this.#ended) throw new NodeGoneError(`node ${this.index + 1} is stopped for good`)
    this.#state = 'starting'
    this.#stopping = false
    const child = fork(fileURLToPath(new URL('worker.js', import.meta.url)), {
      stdio: ['ignore', 2, 2, 'ipc']
    })
    this.#child = child
    child.on('message', (reply: Reply) => this.#onReply(reply))
    child.on('exit', () => this.#onExit(child))
    const options = { ...this.#options, contacts, revoked }
    try {
      const started = (await this.#ask({ type: 'start', options })) as Started
      this.#started = started
      this.#state = 'running'
      this.#listener.started(this)
      return started
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
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

  /** Takes these peers' admission away on this node, and gives back that of all others. */
  async revoke(peers: readonly string[]): Promise<void> {
    await this.#ask({ type: 'revoke', peers })
  }

  /** SIGSTOP: the process stands still, and its peers hear nothing of it. */
  pause(): void {
    const child = this.#child
    if (this.#state !== 'running' || child?.pid === undefined) return
    this.#stopWakeCall = wakeWhenAlone(child.pid)
    if (child.kill('SIGSTOP')) this.#state = 'paused'
    else this.#letBe()
  }

  /** SIGCONT: it goes on where it was. */
  resume(): void {
    if (this.#state !== 'paused' || this.#child?.kill('SIGCONT') !== true) return
    this.#state = 'running'
    this.#letBe()
  }

  /** SIGKILL: no goodbye, no flush. Resolves when the process is gone. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const gone = new Promise<void>(resolve => child.once('exit', () => resolve()))
    child.kill('SIGKILL')
    await gone
  }

  /** Asks the node to stop and waits for its process to end by itself; one that does not is killed and reported. */
  async stop(): Promise<{ endedByItself: boolean }> {
    const child = this.#child
    if (child === undefined) return { endedByItself: true }
    this.resume()
    this.#stopping = true
    const gone = new Promise<boolean>(resolve => {
      const timer = setTimeout(() => resolve(false), EXIT_TIMEOUT_MS)
      child.once('exit', () => {
        clearTimeout(timer)
        resolve(true)
      })
    })
    await this.#ask({ type: 'stop' }).catch(() => {})
    const endedByItself = await gone
    if (!endedByItself) await this.kill()
    return { endedByItself }
  }

  /** Stops it for good: whatever still wants to start it is refused. */
  async end(): Promise<{ endedByItself: boolean }> {
    this.#ended = true
    return await this.stop()
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
    if (reply.type !== 'answer' && reply.type !== 'refusal') {
      this.#listener.told(this, reply)
      return
    }
    const waiting = this.#waiting.get(reply.id)
    if (waiting === undefined) return
    this.#waiting.delete(reply.id)
    clearTimeout(waiting.timer)
    if (reply.type === 'answer') waiting.resolve(reply.value)
    else waiting.reject(new NodeRefusedError(this.index, reply.name, reply.message))
  }

  #letBe(): void {
    this.#stopWakeCall?.()
    this.#stopWakeCall = undefined
  }

  #onExit(child: ChildProcess): void {
    if (this.#child !== child) return
    this.#letBe()
    this.#child = undefined
    this.#state = this.#stopping ? 'stopped' : 'killed'
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject, timer } of waiting) {
      clearTimeout(timer)
      reject(new NodeGoneError(`the process of node ${this.index + 1} ended`))
    }
    this.#listener.ended(this)
  }
}
