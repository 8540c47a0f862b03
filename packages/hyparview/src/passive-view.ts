import type { Random } from '@starling/ports'
import type { PeerInfo, PeerKey } from './types.ts'

/** A peer held in reserve. */
interface PassiveEntry {
  info: PeerInfo
  /** Whether the data came from the peer itself; hearsay neither overwrites nor displaces it. */
  verified: boolean
  failures: number
  /** Not asked before this time. */
  retryAtMs: number
}

/** Failures recorded for a peer, and when it may be tried again. */
interface FailureRules {
  readonly backoffMs: number
  readonly backoffMsMax: number
  readonly failuresMax: number
}

/**
 * The peers a node could turn to. Bounded: a new entry displaces one that failed, else hearsay, else any. Entries of peers that were
 * really met may fill at most half of the view for good, so that shuffles keep mixing.
 */
export class PassiveView {
  readonly #capacity: number
  readonly #random: Random
  readonly #rules: FailureRules
  readonly #entries: PassiveEntry[] = []
  #verified = 0

  constructor(capacity: number, random: Random, rules: FailureRules) {
    this.#capacity = capacity
    this.#random = random
    this.#rules = rules
  }

  get size(): number {
    return this.#entries.length
  }

  has(peer: PeerKey): boolean {
    return this.#find(peer) !== undefined
  }

  peers(): PeerInfo[] {
    return this.#entries.map(entry => entry.info)
  }

  /** The peers worth telling others about: those that have not failed since they were last met or heard of. */
  healthy(): PeerInfo[] {
    const healthy: PeerInfo[] = []
    for (const { info, failures } of this.#entries) if (failures === 0) healthy.push(info)
    return healthy
  }

  get(peer: PeerKey): PeerInfo | undefined {
    return this.#find(peer)?.info
  }

  failuresOf(peer: PeerKey): number {
    return this.#find(peer)?.failures ?? 0
  }

  /**
   * Adds or refreshes a peer. In a full view one of `expendable` goes first (paper §4.3: what was sent away in the
   * shuffle), then a peer that failed, then a random entry.
   */
  add(info: PeerInfo, verified: boolean, expendable: readonly PeerKey[] = []): void {
    const known = this.#find(info.id)
    if (known !== undefined) {
      if (!verified && known.verified) return
      if (verified && !known.verified) this.#verified++
      known.info = info
      known.verified = verified
      return
    }
    if (this.#capacity === 0) return
    if (this.#entries.length >= this.#capacity) this.#evict(expendable)
    if (verified) this.#verified++
    this.#entries.push({ info, verified, failures: 0, retryAtMs: 0 })
  }

  remove(peer: PeerKey): boolean {
    const at = this.#entries.findIndex(entry => entry.info.id === peer)
    if (at < 0) return false
    this.#removeAt(at)
    return true
  }

  /** Counts a failure. Returns true when that was one too many and the peer is out. */
  recordFailure(peer: PeerKey, nowMs: number): boolean {
    const entry = this.#find(peer)
    if (entry === undefined) return false
    entry.failures++
    if (entry.failures >= this.#rules.failuresMax) return this.remove(peer)
    const backoff = this.#rules.backoffMs * 2 ** (entry.failures - 1)
    entry.retryAtMs = nowMs + Math.min(backoff, this.#rules.backoffMsMax)
    return false
  }

  /** The peer answered: earlier failures no longer count. */
  recordAnswer(peer: PeerKey): void {
    const entry = this.#find(peer)
    if (entry === undefined) return
    entry.failures = 0
    entry.retryAtMs = 0
  }

  /** A random peer that may be asked now and is not excluded. */
  candidate(nowMs: number, excluded: (peer: PeerKey) => boolean): PeerInfo | undefined {
    const size = this.#entries.length
    if (size === 0) return undefined
    const start = this.#random.below(size)
    for (let i = 0; i < size; i++) {
      const entry = this.#entries[(start + i) % size] as PassiveEntry
      if (entry.retryAtMs <= nowMs && !excluded(entry.info.id)) return entry.info
    }
    return undefined
  }

  /** When the next peer that failed may be tried again, or `Infinity`. */
  nextRetryMs(nowMs: number): number {
    let next = Infinity
    for (const { retryAtMs } of this.#entries) if (retryAtMs > nowMs && retryAtMs < next) next = retryAtMs
    return next
  }

  clear(): void {
    this.#entries.length = 0
    this.#verified = 0
  }

  #evict(expendable: readonly PeerKey[]): void {
    const entries = this.#entries
    const sparesVerified = this.#verified * 2 <= this.#capacity && this.#verified < entries.length
    for (const peer of expendable) {
      const at = entries.findIndex(entry => entry.info.id === peer)
      if (at >= 0 && !(sparesVerified && entries[at]?.verified === true)) return this.#removeAt(at)
    }
    const failing = entries.findIndex(entry => entry.failures > 0)
    if (failing >= 0) return this.#removeAt(failing)
    let at = this.#random.below(entries.length)
    if (sparesVerified) {
      while (entries[at]?.verified === true) at = (at + 1) % entries.length
    }
    this.#removeAt(at)
  }

  /** Order does not matter, so the last entry fills the gap. */
  #removeAt(at: number): void {
    const last = this.#entries.pop() as PassiveEntry
    const gone = at === this.#entries.length ? last : (this.#entries[at] as PassiveEntry)
    if (gone !== last) this.#entries[at] = last
    if (gone.verified) this.#verified--
  }

  #find(peer: PeerKey): PassiveEntry | undefined {
    for (const entry of this.#entries) if (entry.info.id === peer) return entry
    return undefined
  }
}
