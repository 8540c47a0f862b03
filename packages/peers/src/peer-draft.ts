import { backoffMs } from './backoff.ts'
import type { CloseCode, LinkState, PeerEffect, PeerState, Rank } from './peer-types.ts'

/** What one step needs from outside. */
export interface PeerContext {
  /** Our peer id is the greater of the two. */
  readonly selfGreater: boolean
  /** Monotonic ms. */
  readonly nowMs: number
  /** A draw in [0, 1) per call. */
  readonly random: () => number
}

/** A peer nothing is known about. `attempts` continues a count, so that numbers are never used twice in a process. */
export function createPeerState(attempts: number): PeerState {
  return {
    wanted: 'none',
    dialling: undefined,
    redial: undefined,
    failures: 0,
    flaps: 0,
    refusals: 0,
    proven: false,
    lastFailure: undefined,
    links: [],
    attempts,
    stopped: false
  }
}

/** Whether the state holds nothing that a fresh one would not. */
export function isForgettable(state: PeerState): boolean {
  return (
    state.wanted === 'none' &&
    state.dialling === undefined &&
    state.redial === undefined &&
    state.links.length === 0
  )
}

/** The link that carries the session, if there is one. */
export function currentLink(state: PeerState): LinkState | undefined {
  return state.links.find(link => link.phase === 'established')
}

/** Whether `a` survives against `b`: newer remote process, then dialled by the greater id, then the newer dial. */
export function outranks(a: Rank, b: Rank): boolean {
  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation
  if (a.dialledByGreater !== b.dialledByGreater) return a.dialledByGreater
  return a.dialAttempt > b.dialAttempt
}

/** One step under way: the state so far, the effects so far, and the changes every rule is made of. */
export class PeerDraft {
  state: PeerState
  readonly effects: PeerEffect[] = []
  protected readonly context: PeerContext

  constructor(state: PeerState, context: PeerContext) {
    this.state = state
    this.context = context
  }

  protected discard(attempt: number, code: CloseCode): void {
    if (this.link(attempt)?.phase === 'held') {
      this.effects.push({ type: 'unschedule', timer: 'hold', number: attempt })
    }
    this.update(attempt, { phase: 'draining' })
    this.effects.push({ type: 'close', attempt, code })
  }

  protected scheduleRedial(delayMs: number): void {
    this.unscheduleRedial()
    const number = this.state.attempts + 1
    this.set({ attempts: number, redial: number })
    this.effects.push({ type: 'schedule', timer: 'redial', number, delayMs })
  }

  protected unscheduleRedial(): void {
    const { redial } = this.state
    if (redial === undefined) return
    this.set({ redial: undefined })
    this.effects.push({ type: 'unschedule', timer: 'redial', number: redial })
  }

  /** Redials after a pause, unless something may still become the session. */
  protected planRedial(): void {
    if (this.state.stopped || this.inProgress() || currentLink(this.state) !== undefined) return
    const failures = this.state.failures + this.state.flaps
    this.scheduleRedial(backoffMs({ ...this.state, failures }, this.context.random()))
  }

  protected dial(): void {
    this.unscheduleRedial()
    const attempt = this.state.attempts + 1
    this.set({ attempts: attempt, dialling: attempt })
    this.effects.push({ type: 'dial', attempt })
  }

  /** A dial or a handshake that may still become the session. */
  protected inProgress(): boolean {
    return (
      this.state.dialling !== undefined ||
      this.state.links.some(link => link.phase === 'handshaking' || link.phase === 'held')
    )
  }

  protected ownHandshake(): boolean {
    return this.state.links.some(link => link.initiator && link.phase === 'handshaking')
  }

  protected link(attempt: number): LinkState | undefined {
    return this.state.links.find(link => link.attempt === attempt)
  }

  protected addLink(attempt: number, initiator: boolean): void {
    const link: LinkState = {
      attempt,
      initiator,
      phase: 'handshaking',
      rank: undefined,
      establishedAtMs: 0
    }
    this.set({ links: [...this.state.links, link] })
  }

  protected update(attempt: number, change: Partial<LinkState>): void {
    this.set({
      links: this.state.links.map(link => (link.attempt === attempt ? { ...link, ...change } : link))
    })
  }

  protected set(change: Partial<PeerState>): void {
    this.state = { ...this.state, ...change }
  }
}
