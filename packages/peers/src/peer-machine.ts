import { backoffMs } from './backoff.ts'
import { DUPLICATE_GRACE_MS, HOLD_MS, LINKS_PER_PEER_MAX, STABLE_MS } from './config.ts'
import { currentLink, outranks, PeerDraft, type PeerContext } from './peer-draft.ts'
import type {
  CloseCode,
  Failure,
  LinkState,
  PeerEffect,
  PeerInput,
  PeerState,
  Rank,
  Wanted
} from './peer-types.ts'

/** Applies one input and returns the next state with the effects to carry out, in order. Never throws. */
export function stepPeer(
  state: PeerState,
  input: PeerInput,
  context: PeerContext
): { readonly state: PeerState; readonly effects: readonly PeerEffect[] } {
  const step = new Step(state, context)
  step.apply(input)
  return { state: step.state, effects: step.effects }
}

/** The rules, one method per input. */
class Step extends PeerDraft {
  apply(input: PeerInput): void {
    switch (input.type) {
      case 'want':
        return this.#onWant(input.wanted, input.fresh)
      case 'dialled':
        return this.#onDialled(input.attempt)
      case 'dialFailed':
        return this.#onDialFailed(input.attempt, input.failure)
      case 'accepted':
        return this.#onAccepted(input.attempt)
      case 'verified':
        return this.#onVerified(input.attempt, input.incarnation, input.dialAttempt)
      case 'established':
        return this.#onEstablished(input.attempt, input.incarnation)
      case 'handshakeFailed':
        return this.#onHandshakeFailed(input.attempt, input.failure)
      case 'goodbye':
        return this.#endSession(input.attempt, 'goodbye', 'replaced')
      case 'closed':
        return this.#onClosed(input.attempt, input.reason)
      case 'drop':
        return this.#endSession(input.attempt, input.code, input.code)
      case 'revoke':
        return this.#onRevoke(input.failure)
      case 'restore':
        return this.#onRestore()
      case 'timer':
        return input.timer === 'redial' ? this.#onRedial(input.number) : this.#onHoldEnd(input.number)
      case 'stop':
        return this.#onStop()
    }
  }

  #onWant(wanted: Wanted, fresh: boolean): void {
    if (this.state.stopped) return
    this.set({ wanted })
    if (wanted === 'none') return this.unscheduleRedial()
    if (currentLink(this.state) !== undefined || this.inProgress()) return
    if (this.state.redial === undefined) {
      if (fresh || wanted === 'continuous') this.dial()
      return
    }
    if (!fresh) return
    const { lastFailure, refusals } = this.state
    if (refusals > 0) {
      // A new wish does not change a wrong secret: the caller learns the known reason at once, and the slow redial stays.
      if (lastFailure !== undefined) this.effects.push({ type: 'failed', failure: lastFailure })
      return
    }
    this.scheduleRedial(backoffMs({ ...this.state, failures: 1 }, this.context.random()))
  }

  #onDialled(attempt: number): void {
    if (this.state.dialling !== attempt) {
      this.effects.push({ type: 'close', attempt, code: 'unwanted' })
      return
    }
    this.set({ dialling: undefined })
    this.addLink(attempt, true)
    // An inbound connection may have become the session while this dial ran. Its handshake never began, so the other end has
    // no opinion about it, and closing it here leaves both ends with the same one connection.
    const useless =
      this.state.stopped || this.state.wanted === 'none' || currentLink(this.state) !== undefined
    if (useless)
      return this.discard(attempt, currentLink(this.state) === undefined ? 'unwanted' : 'duplicate')
    this.effects.push({ type: 'handshake', attempt })
  }

  #onDialFailed(attempt: number, failure: Failure): void {
    if (this.state.dialling !== attempt) return
    this.set({ dialling: undefined })
    this.#fail(failure)
  }

  #onAccepted(attempt: number): void {
    if (this.link(attempt) !== undefined) return
    const room = this.state.links.length < LINKS_PER_PEER_MAX
    this.addLink(attempt, false)
    if (this.state.stopped) return this.discard(attempt, 'shutdown')
    if (!room) return this.discard(attempt, 'busy')
    this.effects.push({ type: 'handshake', attempt })
  }

  #onVerified(attempt: number, incarnation: bigint, dialAttempt: number): void {
    const link = this.link(attempt)
    if (link === undefined || link.phase !== 'handshaking' || link.initiator) return
    const rank: Rank = { incarnation, dialledByGreater: !this.context.selfGreater, dialAttempt }
    this.update(attempt, { rank })
    // Our own connection would win and its handshake is under way: waiting for it saves a session that lives for a moment.
    // The other end never waits for us in turn, because its own dial cannot win, so this cannot lock up.
    if (this.context.selfGreater && this.ownHandshake() && currentLink(this.state) === undefined) {
      this.update(attempt, { phase: 'held' })
      this.effects.push({ type: 'schedule', timer: 'hold', number: attempt, delayMs: HOLD_MS })
      return
    }
    this.#settle(attempt)
  }

  /** Gives the verdict on a verified inbound link. */
  #settle(attempt: number): void {
    const link = this.link(attempt)
    if (link?.rank === undefined) return
    if (link.phase === 'held') this.effects.push({ type: 'unschedule', timer: 'hold', number: attempt })
    const current = currentLink(this.state)
    const accept = current?.rank === undefined || outranks(link.rank, current.rank)
    this.effects.push({ type: 'decide', attempt, accept })
    if (accept) return this.#establish(attempt)
    this.update(attempt, { phase: 'draining' })
    if (current !== undefined && this.#inDoubt(current, link.rank)) {
      this.effects.push({ type: 'probe', attempt: current.attempt })
    }
  }

  /** The same process would not dial with a session that works, unless both dialled at once: its end is gone, or we are late. */
  #inDoubt(current: LinkState, challenger: Rank): boolean {
    const settled = this.context.nowMs - current.establishedAtMs >= HOLD_MS
    return settled && current.rank?.incarnation === challenger.incarnation
  }

  #onEstablished(attempt: number, incarnation: bigint): void {
    const link = this.link(attempt)
    if (link === undefined || link.phase !== 'handshaking' || !link.initiator) return
    const rank: Rank = { incarnation, dialledByGreater: this.context.selfGreater, dialAttempt: attempt }
    this.update(attempt, { rank })
    const current = currentLink(this.state)
    if (current?.rank !== undefined && !outranks(rank, current.rank)) {
      this.update(attempt, { phase: 'draining' })
      this.effects.push({ type: 'drain', attempt, code: 'duplicate' })
      return
    }
    this.#establish(attempt)
  }

  #establish(attempt: number): void {
    const loser = currentLink(this.state)
    if (loser !== undefined) {
      this.update(loser.attempt, { phase: 'draining' })
      this.effects.push({ type: 'down', attempt: loser.attempt, reason: 'replaced' })
    }
    this.update(attempt, { phase: 'established', establishedAtMs: this.context.nowMs })
    this.set({ proven: true, failures: 0, refusals: 0, lastFailure: undefined })
    this.unscheduleRedial()
    this.effects.push({ type: 'up', attempt })
    if (loser !== undefined) {
      this.effects.push({ type: 'drain', attempt: loser.attempt, code: 'replaced' })
    }
    this.#settleHeld()
  }

  #onHandshakeFailed(attempt: number, failure: Failure): void {
    const link = this.link(attempt)
    if (link === undefined || (link.phase !== 'handshaking' && link.phase !== 'held')) return
    this.discard(attempt, failure.refused ? 'refused' : failure.duplicate ? 'duplicate' : 'protocol')
    this.#afterLostHandshake(link, failure)
  }

  /** An unfinished link is gone: whoever waited for it moves on. */
  #afterLostHandshake(link: LinkState, failure: Failure): void {
    if (link.initiator) {
      this.#settleHeld()
      return this.#fail(failure)
    }
    // Whoever still wants the peer has waited for this link, a once intent too: it was not worth a dial of its own.
    if (this.state.wanted !== 'none' && this.state.redial === undefined) this.planRedial()
  }

  #onClosed(attempt: number, reason: string): void {
    const link = this.link(attempt)
    if (link === undefined) return
    if (link.phase === 'established') {
      this.#noteEnd(link)
      this.effects.push({ type: 'down', attempt, reason })
    }
    if (link.phase === 'held') this.effects.push({ type: 'unschedule', timer: 'hold', number: attempt })
    this.set({ links: this.state.links.filter(other => other.attempt !== attempt) })
    if (link.phase === 'established') return this.#afterLostSession()
    if (link.phase === 'draining') return
    const error = new Error(`the connection was lost during the handshake: ${reason}`)
    this.#afterLostHandshake(link, { error, refused: false, duplicate: false })
  }

  /** Ends the session on a link that still works: down at once, then goodbye. */
  #endSession(attempt: number, reason: string, code: CloseCode): void {
    const link = this.link(attempt)
    if (link === undefined || link.phase !== 'established') return
    this.#noteEnd(link)
    this.update(attempt, { phase: 'draining' })
    this.effects.push({ type: 'down', attempt, reason }, { type: 'drain', attempt, code })
    this.#afterLostSession()
  }

  /** A session that did not last counts as a failure, else a flapping link would be redialled without a pause. */
  #noteEnd(link: LinkState): void {
    const stable = this.context.nowMs - link.establishedAtMs >= STABLE_MS
    this.set({ flaps: stable ? 0 : this.state.flaps + 1 })
  }

  #afterLostSession(): void {
    this.#settleHeld()
    if (this.state.wanted === 'continuous') this.planRedial()
  }

  #fail(failure: Failure): void {
    if (currentLink(this.state) !== undefined) return
    const { failures, refusals, wanted } = this.state
    this.set({
      failures: failures + 1,
      refusals: failure.refused ? refusals + 1 : 0,
      lastFailure: failure
    })
    if (this.inProgress()) return
    if (wanted === 'none' || this.state.stopped) return
    if (failure.duplicate) {
      // The peer believes in a connection that we do not have. It will notice; then a dial succeeds.
      const random = this.context.random()
      const graceMs = ((1 + random) * DUPLICATE_GRACE_MS) / 2
      return this.scheduleRedial(Math.max(graceMs, backoffMs(this.state, random)))
    }
    this.effects.push({ type: 'failed', failure })
    if (this.state.wanted === 'continuous') this.planRedial()
  }

  #onRedial(number: number): void {
    if (this.state.redial !== number) return
    this.set({ redial: undefined })
    if (this.state.wanted === 'none' || this.inProgress() || currentLink(this.state) !== undefined) return
    this.dial()
  }

  #onHoldEnd(attempt: number): void {
    if (this.link(attempt)?.phase === 'held') this.#settle(attempt)
  }

  #onRevoke(failure: Failure): void {
    if (this.state.stopped) return
    const { refusals, links, dialling, wanted } = this.state
    if (dialling === undefined && links.length === 0 && wanted === 'none') return
    this.set({ refusals: failure.refused ? refusals + 1 : refusals, lastFailure: failure })
    this.unscheduleRedial()
    for (const { attempt, phase } of links) {
      if (phase === 'handshaking' || phase === 'held') {
        this.discard(attempt, 'refused')
        continue
      }
      // On a connection that is only draining the last words of an earlier session may still be in flight.
      this.effects.push({ type: 'cut', attempt })
      if (phase === 'draining') continue
      this.update(attempt, { phase: 'draining' })
      this.effects.push({ type: 'down', attempt, reason: 'revoked' })
    }
    if (wanted !== 'none') this.effects.push({ type: 'failed', failure })
    if (wanted === 'continuous') this.planRedial()
  }

  #onRestore(): void {
    if (this.state.refusals === 0) return
    this.set({ refusals: 0 })
    if (this.state.redial === undefined) return
    this.scheduleRedial(backoffMs({ ...this.state, failures: 1 }, this.context.random()))
  }

  #onStop(): void {
    if (this.state.stopped) return
    this.unscheduleRedial()
    this.set({ stopped: true, wanted: 'none' })
    if (this.state.dialling !== undefined) {
      this.effects.push({ type: 'cancelDial', attempt: this.state.dialling })
    }
    for (const link of this.state.links) {
      if (link.phase === 'established') this.#endSession(link.attempt, 'stopped', 'shutdown')
      else if (link.phase !== 'draining') this.discard(link.attempt, 'shutdown')
    }
  }

  #settleHeld(): void {
    if (this.state.stopped) return
    for (const { attempt } of this.state.links)
      if (this.link(attempt)?.phase === 'held') this.#settle(attempt)
  }
}
