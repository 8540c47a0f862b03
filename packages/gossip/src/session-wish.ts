import type { LinkInit } from './link-init.ts'

/** For how long topics want the session with a peer, and the wish that the session port holds for them meanwhile. */
export class SessionWish {
  readonly #init: Pick<LinkInit, 'peer' | 'sessions' | 'counters'>
  /** Until when each topic wants the session. */
  readonly #holds = new Map<string, number>()
  #intent: { release(): void } | undefined
  #dialFailures = 0

  constructor(init: Pick<LinkInit, 'peer' | 'sessions' | 'counters'>) {
    this.#init = init
  }

  /** Whether a topic wants the session. */
  get held(): boolean {
    return this.#holds.size > 0
  }

  /** Wants it for a topic until then. False when it cannot be had: the port takes no such wish, or the dial fails at once. */
  hold(topic: string, untilMs: number, addresses: readonly string[]): boolean {
    if (this.#intent === undefined && !this.#want(addresses)) return false
    this.#holds.set(topic, untilMs)
    return true
  }

  /** Shortens a topic's hold, if it has one. */
  letGo(topic: string, untilMs: number): void {
    if (this.#holds.has(topic)) this.#holds.set(topic, untilMs)
  }

  /** Ends the holds whose time has come. */
  expire(nowMs: number): void {
    for (const [topic, untilMs] of this.#holds) if (untilMs <= nowMs) this.#holds.delete(topic)
    if (!this.held) this.release()
  }

  /** A dial came to nothing, and with it what was wanted. */
  dialFailed(): void {
    this.#dialFailures++
    this.clear()
    this.release()
  }

  /** No topic wants it any more. What the port holds stays until {@link SessionWish.release}. */
  clear(): void {
    this.#holds.clear()
  }

  release(): void {
    const intent = this.#intent
    this.#intent = undefined
    intent?.release()
  }

  #want(addresses: readonly string[]): boolean {
    const failures = this.#dialFailures
    const { sessions, counters, peer } = this.#init
    try {
      const intent = sessions.want(peer, { mode: 'once', addresses })
      // A wish that failed before it was handed out is over: to keep it would be to wait for ever.
      if (this.#dialFailures === failures) this.#intent = intent
      else intent.release()
    } catch {
      counters.peersRefused++
    }
    return this.#intent !== undefined
  }
}
