import { joinEntries, type EntryChange } from '@starling/ormap'
import { announce } from './announce.ts'
import type { CommitQueueTarget, Group, Staged } from './commit-queue.ts'
import type { Core } from './core.ts'
import { formRows } from './form-rows.ts'
import type { Write } from './stage-commit.ts'
import type { Change } from './types.ts'

/** What the queue drives: batches on their way to the log, and from there to the state, the owner and the others. */
export class BatchWriter implements CommitQueueTarget<Write> {
  readonly #core: Core
  readonly #failed: CommitQueueTarget<Write>['failed']

  constructor(core: Core, failed: CommitQueueTarget<Write>['failed']) {
    this.#core = core
    this.#failed = failed
  }

  async append(group: Group<Write>): Promise<void> {
    const { state, side, limits } = this.#core
    const rows = formRows(group, state)
    this.#noteOwn(group)
    // What is said about writes never follows them: the rows beside the keys' come first, or with them.
    const lists = side.take(limits.groupRowsMax, limits.groupBytesMax)
    const last = lists.pop() ?? []
    for (const list of lists) await this.#write(list)
    await this.#write([...last, ...rows])
  }

  /** Applies by join, so that whatever arrived meanwhile stays; then tells the owner, then the others. */
  durable(group: Group<Write>): void {
    const { state, identity, queue, counters } = this.#core
    const changes: Change[] = []
    const writes = group.commits.flatMap(commit => commit.writes)
    for (const write of writes) {
      const { key, growth, replica, stamp } = write
      const change = this.#apply(write)
      state.land(key, growth)
      if (replica === identity.current) identity.known.applied(stamp)
      if (change !== undefined) changes.push({ ...change, cause: 'written', origin: 'local' })
    }
    for (const key of [...writes.map(write => write.key), ...group.touched]) {
      if (!queue.isTouched(key)) state.ledger.meet(key)
    }
    counters.localWrites += writes.length
    this.#core.tell(changes)
    this.#broadcast(writes)
  }

  failed(error: unknown, inFlight: Group<Write>, waiting: readonly Staged<Write>[]): void {
    this.#failed(error, inFlight, waiting)
  }

  #apply({ key, entry, encoded, repair }: Write): EntryChange | undefined {
    const { state } = this.#core
    const held = state.map.get(key)
    if (repair === undefined || held === undefined) {
      return state.join(key, entry, encoded.live?.hash, encoded.wire)
    }
    return state.replace(key, joinEntries(repair(held), entry))
  }

  /** Every write of the own id up to the greatest one here is applied once this batch is. */
  #noteOwn(group: Group<Write>): void {
    const { identity, forgetting, loaded } = this.#core
    if (forgetting.type === 'byAge') return
    let greatest = 0n
    for (const { writes } of group.commits) {
      for (const { replica, stamp } of writes) {
        if (replica === identity.current && stamp > greatest) greatest = stamp
      }
    }
    if (greatest > 0n && identity.current !== undefined) loaded.knownRows.note([[identity.current, greatest]])
  }

  async #write(rows: Parameters<Core['components']['log']['append']>[0]['rows']): Promise<void> {
    if (rows.length === 0) return
    const { components, counters, identity } = this.#core
    counters.batches++
    counters.rows += rows.length
    await components.log.append({ rows, clockMark: identity.mark })
  }

  #broadcast(writes: readonly Write[]): void {
    const { components, counters, limits } = this.#core
    const announced = announce(writes, components.broadcast, limits.broadcastBytesMax)
    counters.broadcasts += announced.messages
    counters.broadcastOversize += announced.oversize
    for (const error of announced.errors) this.#core.emit({ type: 'broadcastFailed', error })
  }
}
