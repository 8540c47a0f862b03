import { announceTo } from './announce.ts'
import { ACKNOWLEDGE_MS, PUSH_BYTES_MAX, PUSH_PATIENCE_MS, PUSHES_MAX } from './config.ts'
import type { Core } from './core.ts'
import { ReplicaClosedError, ReplicationTimeoutError } from './errors.ts'
import { readBroadcast } from './frames.ts'
import type { Intake } from './intake.ts'
import type { PeerPort } from './ports.ts'
import type { StagedCommit } from './stage-commit.ts'
import type { CommitOptions } from './types.ts'

/** What an answer says: everything is durable there, or something was refused. */
const DURABLE = 1
const REFUSED = 0

/** Asks other nodes to make writes durable before this one answers, and answers when others ask. */
export class Acknowledgements {
  readonly #core: Core
  readonly #intake: Intake
  /** Ends the waiting of each commit that waits for others. */
  readonly #waiting = new Set<(cause: unknown) => void>()
  #stopped = false
  peers: PeerPort | undefined

  constructor(core: Core, intake: Intake) {
    this.#core = core
    this.#intake = intake
  }

  /** The replica closes: nobody waits for others any more. */
  stop(): void {
    this.#stopped = true
    for (const give of this.#waiting) give(this.#closed())
  }

  /** Takes in what a peer pushed, and answers once it is durable here. */
  async answer(payload: Uint8Array, peer: string): Promise<Uint8Array> {
    const { queue, limits } = this.#core
    this.#core.assertWorks()
    await queue.room(limits.backlogBytesMax)
    this.#core.assertWorks()
    const entries = readBroadcast(payload, limits.frameBytesMax)
    if (entries === undefined) return Uint8Array.of(REFUSED)
    const { rejectedCount, answers } = this.#intake.take(entries, peer)
    const durable = await queue.settled()
    // What is known here to be long dead is not kept, and the next session says so.
    return Uint8Array.of(durable && rejectedCount === 0 && answers.length === 0 ? DURABLE : REFUSED)
  }

  /**
   * Resolves once so many other nodes have the writes on their disks.
   *
   * @throws ReplicationTimeoutError
   */
  async collect({ writes, results }: StagedCommit, others: number, options: CommitOptions): Promise<void> {
    const { limits, components } = this.#core
    const { timeoutMs = ACKNOWLEDGE_MS, signal } = options
    const messages = announceTo(writes, Math.min(limits.frameBytesMax, PUSH_BYTES_MAX))
    const enough = Promise.withResolvers<void>()
    const ended = new AbortController()
    const acknowledgedBy: string[] = []
    const give = (cause: unknown): void =>
      enough.reject(new ReplicationTimeoutError(others + 1, [...acknowledgedBy], results, { cause }))
    const onAbort = (): void => give(signal?.reason)
    const timer = components.timers.schedule(timeoutMs, () => give(undefined))
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted === true) onAbort()
    this.#waiting.add(give)
    if (this.#stopped) give(this.#closed())
    const peers = [...new Set(this.peers?.peers())]
    let next = 0
    const ask = async (): Promise<void> => {
      for (let peer = peers[next++]; peer !== undefined && !ended.signal.aborted; peer = peers[next++]) {
        const asked = peer
        const answered = this.#push(asked, messages, ended.signal).then(isDurable => {
          if (isDurable) acknowledgedBy.push(asked)
          if (acknowledgedBy.length >= others) enough.resolve()
        })
        await this.#patiently(answered, ended.signal)
      }
    }
    for (let i = 0; i < PUSHES_MAX; i++) void ask()
    try {
      await enough.promise
    } finally {
      timer.cancel()
      this.#waiting.delete(give)
      signal?.removeEventListener('abort', onAbort)
      ended.abort()
    }
  }

  #closed(): ReplicaClosedError {
    return new ReplicaClosedError(this.#core.init.name)
  }

  /** Resolves with the answer, or once it has been waited for long enough: a silent peer must not keep others from being asked. */
  #patiently(answered: Promise<void>, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const timer = this.#core.components.timers.schedule(PUSH_PATIENCE_MS, resolve)
      const over = (): void => {
        timer.cancel()
        resolve()
      }
      signal.addEventListener('abort', over, { once: true })
      void answered.then(over)
    })
  }

  /** Says whether everything is durable there. Never rejects. */
  async #push(
    peer: string,
    messages: readonly Uint8Array[] | undefined,
    signal: AbortSignal
  ): Promise<boolean> {
    // What no message holds travels by reconciliation only, which acknowledges nothing.
    if (messages === undefined) return false
    try {
      for (const message of messages) {
        const answer = await this.peers?.push(peer, message, { signal })
        if (answer?.length !== 1 || answer[0] !== DURABLE) return false
      }
      return true
    } catch {
      return false
    }
  }
}
