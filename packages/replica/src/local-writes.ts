import { ClockAheadError } from '@starling/hlc'
import { hasLiveDot, versionOf, visibleDots, type Entry } from '@starling/ormap'
import type { Core } from './core.ts'
import { WriteQueueFullError } from './errors.ts'
import { stageCommit, type StagedCommit, type Write } from './stage-commit.ts'
import type { Operation } from './types.ts'

/** Commits of this replica, from the call until they are durable and announced. */
export class LocalWrites {
  readonly #core: Core
  #toldAhead = false

  constructor(core: Core) {
    this.#core = core
  }

  /** Stages the operations during the call, and resolves once they are durable, applied and broadcast. */
  async commit(operations: readonly Operation[]): Promise<StagedCommit> {
    const staged = this.stage(operations)
    await this.add(staged.writes, staged.bytes)
    return staged
  }

  /**
   * Queues writes that are staged. A commit that found nothing to do waits too: what it found absent may be a removal that is not
   * durable yet.
   */
  add(writes: readonly Write[], bytes: number): Promise<void> {
    const { state, identity, queue } = this.#core
    for (const { key, entry, growth, stamp } of writes) {
      state.stage(key, entry, growth)
      identity.known.issued(stamp)
    }
    return new Promise((resolve, reject) => queue.add({ writes, bytes, resolve, reject }))
  }

  /** The version of what is shown of an entry. */
  versionOf(entry: Entry): string | undefined {
    const { wallMs, components } = this.#core
    if (!hasLiveDot(entry)) return undefined
    if (entry.items.every(item => item.expiresAtMs === undefined)) return versionOf(entry, components.hash)
    const items = visibleDots(entry, wallMs)
    return items.length === 0 ? undefined : versionOf({ items }, components.hash)
  }

  /** Makes the writes of operations, which {@link add} then queues. Throws before any effect. */
  stage(operations: readonly Operation[]): StagedCommit {
    const { state, identity, queue, limits, components, wallMs } = this.#core
    this.#core.checkClocks()
    if (queue.commitBytes > limits.queueBytesMax) {
      throw new WriteQueueFullError(queue.commitBytes, limits.queueBytesMax)
    }
    try {
      const staged = stageCommit(operations, {
        base: state,
        clock: identity.clock,
        wallMs,
        limits,
        hash: components.hash,
        quota: state.quota,
        staged: state.staged,
        replicaId: () => identity.writer(),
        versionOf: entry => this.versionOf(entry)
      })
      this.#toldAhead = false
      return staged
    } catch (error) {
      if (error instanceof ClockAheadError && !this.#toldAhead) {
        this.#toldAhead = true
        this.#core.emit({ type: 'clockAhead', aheadMs: error.aheadMs })
      }
      throw error
    }
  }
}
