import { encodeSetAside, expireEntry, isExpired, isDot, type Entry } from '@starling/ormap'
import type { TimerHandle } from '@starling/ports'
import { SILENCE_CHECK_MS, SWEEP_ITEMS, TICK_MS, TICK_MS_MIN } from './config.ts'
import type { Core } from './core.ts'
import type { Change } from './types.ts'

/**
 * What happens because time passes: values end, evidence is collected, what fell silent is forgotten, clocks are compared. One
 * look does a bounded part of it.
 */
export class Housekeeping {
  readonly #core: Core
  #timer: TimerHandle | undefined
  #dueMs = Infinity
  #silenceCheckedMs: number
  #stopped = false

  constructor(core: Core) {
    this.#core = core
    this.#silenceCheckedMs = core.components.clock.monotonicMs()
    this.#schedule(TICK_MS)
  }

  /** Something may end sooner than the next look. */
  noticeEnds(): void {
    const { nextMs } = this.#core.state.expiry
    if (nextMs === undefined) return
    const { clock } = this.#core.components
    const inMs = Math.max(0, nextMs - clock.wallMs())
    if (clock.monotonicMs() + inMs < this.#dueMs) this.#schedule(inMs)
  }

  /** No look follows. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #schedule(inMs: number): void {
    this.#timer?.cancel()
    if (this.#stopped) return
    const { clock, timers } = this.#core.components
    this.#dueMs = clock.monotonicMs() + inMs
    this.#timer = timers.schedule(inMs, () => this.#look())
  }

  #look(): void {
    this.#dueMs = Infinity
    // While the log has failed nothing changes; what is due stays due.
    const more = this.#core.works && this.#work()
    this.#schedule(more ? TICK_MS_MIN : TICK_MS)
    if (this.#core.works) this.noticeEnds()
  }

  /** Says whether more is due at once. */
  #work(): boolean {
    const { state, queue, side, components } = this.#core
    this.#core.checkClocks()
    const expired = this.#expire()
    const swept = state.sweep(SWEEP_ITEMS)
    for (const key of swept) queue.touch(key, key.length)
    this.#forget(components.clock.monotonicMs())
    if (side.waits) queue.nudge()
    return expired >= SWEEP_ITEMS || swept.length >= SWEEP_ITEMS / 2
  }

  /** Ends what is to end, and says how many keys were looked at. */
  #expire(): number {
    const { state, wallMs, driftMsMax } = this.#core
    const changes: Change[] = []
    const keys = state.expiry.due(wallMs, SWEEP_ITEMS)
    for (const key of keys) {
      const entry = state.map.get(key)
      if (entry === undefined) continue
      const over = expireEntry(entry, wallMs, driftMsMax)
      const change = over === entry ? undefined : this.#core.take(key, over)
      if (change !== undefined) changes.push({ ...change, cause: 'expired', origin: 'local' })
      else if (hasEnded(entry, wallMs)) {
        changes.push({ key, previous: entry, entry, cause: 'expired', origin: 'local' })
      }
      if (change === undefined) state.noteEnds(key, entry)
    }
    this.#core.tell(changes)
    if (keys.length < SWEEP_ITEMS) this.#core.endsToldMs = wallMs
    return keys.length
  }

  #forget(nowMs: number): void {
    const { aside, side, refusals, identity, loaded, state, forgetting, wallMs } = this.#core
    refusals.forgetUnoffered(nowMs)
    for (const dot of aside.forget(wallMs)) side.delete('setAside', encodeSetAside(dot).rowKey)
    if (forgetting.type === 'byAge' || nowMs - this.#silenceCheckedMs < SILENCE_CHECK_MS) return
    this.#silenceCheckedMs = nowMs
    loaded.knownRows.forget(identity.known.forgetSilent(wallMs, replica => state.census.has(replica)))
  }
}

function hasEnded(entry: Entry, wallMs: number): boolean {
  return entry.items.some(item => isDot(item) && isExpired(item, wallMs))
}
