import type { Core } from './core.ts'
import type { PendingRequest } from './requests.ts'
import type { PeerInfo, PeerKey } from './types.ts'

/** Losses within this time count as one blow, ms. */
const BLOW_MS = 1_000
/** Losses in one blow after which requests go out in greater numbers. */
const BLOW_LOSSES = 3
/** Requests in flight at once after a blow. */
const BLOW_PARALLEL = 4

/** Of the rounds that are no longer patient, every so many begin with a join. A join costs about twenty messages. */
const JOIN_EVERY_ROUNDS = 4

/**
 * Keeps the active view full (paper §4.2). It works in rounds: ask passive peers, a few at a time, until the view is full,
 * enough have refused, or nobody is left; then pause, longer each time, and begin again. It never stops while a slot is free.
 */
export class Refill {
  readonly #core: Core
  readonly #tried = new Set<PeerKey>()
  #refusals = 0
  /** Rounds in a row that left a slot free. */
  #rounds = 0
  #parallel: number
  #pausedUntilMs = 0
  #attempt = 0
  /** Whom the last to refuse named first: likely one with a free slot too. */
  #hint: PeerInfo | undefined
  /** Whether the last round ended because nobody was left to ask. */
  #exhausted = false
  #blowStartMs = -Infinity
  #blowLosses = 0

  constructor(core: Core) {
    this.#core = core
    this.#parallel = core.config.refillParallel
  }

  /** Begins: joins a contact, and looks after the result when the walks have had time. */
  start(): void {
    this.reset()
    this.#joinThrough('both')
    this.#pause(this.#core.config.joinSettleMs)
  }

  reset(): void {
    this.#tried.clear()
    this.#refusals = 0
    this.#rounds = 0
    this.#parallel = this.#core.config.refillParallel
    this.#pausedUntilMs = 0
    this.#exhausted = false
    this.#attempt++
  }

  /** Whether round after round has found nobody with room. */
  get impatient(): boolean {
    return this.#rounds > this.#core.config.refillRoundsPatient
  }

  /** Asks as many peers as may be asked now. Harmless at any time. */
  run(): void {
    const core = this.#core
    const { active, requests, config, nowMs } = core
    if (
      !core.joined ||
      active.size === active.capacity ||
      core.freeSlots === 0 ||
      nowMs < this.#pausedUntilMs
    )
      return
    const isolated = active.size === 0
    const patient = this.#rounds < config.refillRoundsPatient
    this.#exhausted = false
    const triesMax = patient ? config.refillTriesMax : config.refillRefusalsMax
    while (
      requests.count('refill') < this.#parallel &&
      this.#refusals < config.refillRefusalsMax &&
      this.#tried.size < triesMax &&
      requests.hasRoom
    ) {
      const peer = this.#candidate()
      if (peer === undefined) {
        this.#exhausted = true
        break
      }
      this.#tried.add(peer.id)
      core.request(peer, 'refill', {
        priority: isolated ? 'high' : 'low',
        checkTriangle: patient && !isolated
      })
    }
    if (requests.count('refill') === 0) this.#endRound()
  }

  onTimer(attempt: number): void {
    if (attempt !== this.#attempt) return
    this.#pausedUntilMs = 0
    this.run()
  }

  /** A link ended. A fresh loss does not wait for the end of a pause. */
  lost(): void {
    const { nowMs, config } = this.#core
    if (nowMs - this.#blowStartMs > BLOW_MS) {
      this.#blowStartMs = nowMs
      this.#blowLosses = 0
    }
    this.#blowLosses++
    if (this.#blowLosses >= BLOW_LOSSES) {
      this.#parallel = Math.max(this.#parallel, Math.min(BLOW_PARALLEL, config.refillParallelMax))
    }
    if (this.#rounds > 0) {
      this.#rounds = 0
      this.#refusals = 0
      this.#tried.clear()
      this.#pausedUntilMs = 0
    }
    this.run()
  }

  /** The passive view has a new peer: a round that ended because nobody was left to ask goes on. */
  learned(): void {
    if (!this.#exhausted) return
    this.#pausedUntilMs = 0
    this.run()
  }

  /** A link came up. */
  filled(): void {
    const { active, config } = this.#core
    this.#parallel = config.refillParallel
    if (active.size < active.capacity) return this.run()
    this.#rounds = 0
    this.#refusals = 0
    this.#tried.clear()
  }

  /** A peer answered no. */
  refused(request: PendingRequest, hint: PeerInfo | undefined): void {
    this.#parallel = this.#core.config.refillParallel
    if (request.purpose === 'refill') {
      this.#refusals++
      this.#hint = hint
    }
    this.run()
  }

  /** A request found nobody: the transport said so, or time ran out. */
  failed(request: PendingRequest): void {
    const { active, config } = this.#core
    if (request.purpose === 'join' && active.size === 0) this.#joinThrough('both')
    if (request.purpose === 'refill' && (this.#parallel > config.refillParallel || active.size <= 1)) {
      this.#parallel = Math.min(config.refillParallelMax, this.#parallel * 2)
    }
    this.run()
  }

  #endRound(): void {
    const { active, config, random } = this.#core
    this.#rounds++
    this.#refusals = 0
    this.#tried.clear()
    const isolated = active.size === 0
    // Nobody known has room. A contact can find a place for this node; one on another island joins the two.
    const impatience = this.#rounds - config.refillRoundsPatient
    if (isolated || (impatience > 0 && impatience % JOIN_EVERY_ROUNDS === 1)) this.#joinThrough('both')
    else if (impatience > 0) this.#joinThrough('lost')
    const first = isolated ? config.isolatedPauseMs : config.refillPauseMs
    const max = isolated ? config.isolatedPauseMsMax : config.refillPauseMsMax
    const pause = Math.min(max, first * 1.5 ** Math.min(this.#rounds - 1, 20))
    this.#pause(pause * (0.75 + random.float() / 2))
  }

  #pause(ms: number): void {
    const core = this.#core
    this.#pausedUntilMs = core.nowMs + ms
    core.schedule(ms, { type: 'refill', attempt: ++this.#attempt })
  }

  /**
   * A lost peer that answers is lost no longer, so that joining through one costs little as long as it is. A node that is alone
   * tries everybody it ever heard of as well: its contacts may be gone for good, and a join alone finds room among full views.
   */
  #joinThrough(among: 'lost' | 'both'): void {
    const { requests, book, random, active } = this.#core
    if (requests.count('join') > 0) return
    const excluded = (peer: PeerKey): boolean => this.#excluded(peer)
    const anybody = active.size === 0 && this.#rounds > 0 && random.float() < 0.5
    const contact = anybody ? book.any(random, excluded) : book.probe(random, excluded, among)
    if (contact === undefined) return
    this.#tried.add(contact.id)
    this.#core.request(contact, 'join')
  }

  #candidate(): PeerInfo | undefined {
    const core = this.#core
    const excluded = (peer: PeerKey): boolean => this.#excluded(peer)
    const hint = this.#hint
    this.#hint = undefined
    if (hint !== undefined && hint.data.length <= core.config.dataBytesMax && !excluded(hint.id)) return hint
    const peer = core.passive.candidate(core.nowMs, excluded)
    // The address book is for those in need: when the passive view is exhausted and at most one link is left.
    return peer ?? (core.active.size <= 1 ? core.book.any(core.random, excluded) : undefined)
  }

  #excluded(peer: PeerKey): boolean {
    const { self, active, requests } = this.#core
    return peer === self || this.#tried.has(peer) || active.has(peer) || requests.get(peer) !== undefined
  }
}
