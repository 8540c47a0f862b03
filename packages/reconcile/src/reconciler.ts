import { DecodeError, equalBytes } from '@starling/codec'
import type { Hash, Random } from '@starling/ports'
import { AskedRanges } from './asked-ranges.ts'
import { INFINITY_BOUND, START_BOUND } from './bound.ts'
import {
  FRAME_BYTES_MAX,
  FRAME_BYTES_MIN,
  RECONCILER_LIMITS,
  SALT_BYTES,
  type ReconcilerLimits
} from './config.ts'
import type { FingerprintTree } from './fingerprint-tree.ts'
import type { Frame, Slice } from './frame.ts'
import { ItemRanges } from './item-ranges.ts'
import { orderedDigest, sumDigest, type RangeDigest } from './range-digest.ts'
import { RangeTurn } from './range-turn.ts'
import { decodeFrame } from './read-frame.ts'
import { agreesOn, equalDigest, makeSlice } from './slice.ts'
import { encodeFrame } from './write-frame.ts'

/** What a session is given. */
export interface ReconcilerInit {
  /** The initiator begins. */
  readonly role: 'initiator' | 'responder'
  readonly hash: Hash
  readonly random: Random
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  /**
   * Of an initiator: fingerprints are hashes of the items in order instead of sums, which takes O(n) for each level and cannot
   * be made to collide. For the session after one that ended in `collision`. Default false. The responder follows.
   */
  readonly ordered?: boolean
  readonly limits?: Partial<ReconcilerLimits>
}

/**
 * Why a session failed. The peer is to blame for all but `overdue` and, among honest ones, `bytes`.
 *
 * - `malformed`: a frame that cannot be decoded, or a record that cannot belong to what it answers.
 * - `unexpected`: a frame that has no place here.
 * - `unasked`: a range that was not asked about.
 * - `bytes`, `overdue`: more bytes or time than the limits allow.
 */
export type ReconcileFailure = 'malformed' | 'unexpected' | 'unasked' | 'bytes' | 'overdue'

/**
 * How a session ended at this side.
 *
 * - `complete`: everything was compared.
 * - `partial`: a frame was full; what was found is right, and another session finds more.
 * - `collision`: the sums of some range are equal and its items are not, so somebody made them so: another session must be an
 *   ordered one.
 * - `failed`: nothing of the last frame counts.
 */
export type ReconcileEnd =
  | { readonly type: 'complete' | 'partial' | 'collision' }
  | { readonly type: 'failed'; readonly reason: ReconcileFailure; readonly detail: string }

/** What one frame led to. */
export interface ReconcileStep {
  /** To be sent, if anything. */
  readonly reply: Uint8Array | undefined
  /** Items that the other side lacks. Over a session each comes once, and all are right. */
  readonly have: ItemRanges
  /** How many items this side lacks: so many does the other have as {@link have}. */
  readonly need: number
  /** Set when the session is over. What must still be sent is in {@link reply}. */
  readonly end: ReconcileEnd | undefined
}

/**
 * One end of a range-based set reconciliation: two such ends, their frames carried between them in turns, find which items each
 * has that the other lacks. It compares the set as it was when the session began; later changes do not show. Each question is about
 * a fraction of the items of the one before, so a side takes at most ceil(log22(n + 1)) + 4 turns, whatever the other side says.
 *
 * @see docs/wire/reconcile.md
 */
export class Reconciler {
  readonly #tree: FingerprintTree
  readonly #init: ReconcilerInit
  readonly #limits: ReconcilerLimits
  #state: 'new' | 'opened' | 'running' | 'ended' = 'new'
  #digest: RangeDigest
  #asked = new AskedRanges()
  #salt: Uint8Array | undefined
  #startedAt: number | undefined
  #bytes = 0
  #truncated = false

  /**
   * @param tree the items of this side. Items that are in it and refused elsewhere (see {@link ItemRanges}) are the caller's to
   * tell apart by their references.
   * @throws RangeError when a limit is out of its bounds.
   */
  constructor(tree: FingerprintTree, init: ReconcilerInit) {
    this.#limits = { ...RECONCILER_LIMITS, ...init.limits }
    const { frameBytesMax } = this.#limits
    if (!(frameBytesMax >= FRAME_BYTES_MIN && frameBytesMax <= FRAME_BYTES_MAX)) {
      throw new RangeError(
        `frameBytesMax must be from ${FRAME_BYTES_MIN} to ${FRAME_BYTES_MAX}, got ${frameBytesMax}`
      )
    }
    this.#tree = tree.clone()
    this.#init = init
    this.#digest = sumDigest(this.#tree, init.hash)
  }

  /**
   * The initiator's first frame.
   *
   * @throws TypeError at the responder, and when called twice.
   */
  start(): Uint8Array {
    const { role, ordered = false, random } = this.#init
    if (role !== 'initiator' || this.#state !== 'new')
      throw new TypeError('Only an initiator starts, and once')
    this.#state = 'opened'
    this.#startedAt = this.#init.now()
    this.#salt = random.bytes(SALT_BYTES)
    if (ordered) this.#useOrder(this.#salt)
    const count = this.#tree.count
    const fingerprint = count === 0 ? undefined : this.#digest.range(0, count)
    this.#asked.add({ kind: count === 0 ? 'list' : 'fingerprint', from: 0, to: count })
    return this.#count(encodeFrame({ type: 'open', ordered, salt: this.#salt, fingerprint }))
  }

  /** Takes a frame of the other side. Never throws for what it holds: a bad frame ends the session. */
  receive(bytes: Uint8Array): ReconcileStep {
    this.#startedAt ??= this.#init.now()
    try {
      const over = this.#overLimit(bytes)
      if (over !== undefined) return this.#fail(over, 'limit')
      return this.#handle(decodeFrame(bytes))
    } catch (error) {
      if (error instanceof DecodeError) return this.#fail('malformed', error.message)
      throw error
    }
  }

  #handle(frame: Frame): ReconcileStep {
    if (this.#state === 'new' && this.#init.role === 'responder' && frame.type === 'open') {
      return this.#handleOpen(frame)
    }
    if (this.#state === 'opened' && frame.type === 'equal') return this.#handleEqual(frame)
    if (this.#state === 'opened' || this.#state === 'running') {
      if (frame.type === 'done') {
        this.#truncated ||= frame.truncated
        return this.#end(this.#result())
      }
      if (frame.type === 'collision') return this.#end({ type: 'collision' })
      if (frame.type === 'ranges') return this.#handleRanges(frame)
    }
    return this.#fail('unexpected', frame.type)
  }

  #handleOpen(frame: Extract<Frame, { type: 'open' }>): ReconcileStep {
    this.#state = 'running'
    const { ordered, salt, fingerprint } = frame
    this.#salt = salt.slice()
    if (ordered) this.#useOrder(this.#salt)
    const count = this.#tree.count
    const whole = { lower: START_BOUND, upper: INFINITY_BOUND }
    const isEqual =
      fingerprint === undefined ? count === 0 : equalBytes(fingerprint, this.#digest.range(0, count))
    if (isEqual) return this.#sayEqual()
    const turn = this.#turn()
    turn.handle(
      fingerprint === undefined
        ? { type: 'list', prefixes: new Uint32Array(0), ...whole }
        : { type: 'fingerprint', fingerprint, ...whole },
      { from: 0, to: count }
    )
    if (ordered || count === 0 || fingerprint === undefined) return this.#finish(turn)
    return this.#finish(turn, makeSlice(this.#tree, this.#init.hash, this.#digest, salt, this.#init.random))
  }

  /** Everything is equal by its sum; the other side compares one slice and says whether that is all. */
  #sayEqual(): ReconcileStep {
    const salt = this.#init.random.bytes(SALT_BYTES)
    this.#asked = new AskedRanges()
    const reply = encodeFrame({ type: 'equal', salt, digest: this.#equalDigest(salt) })
    return { reply: this.#count(reply), have: new ItemRanges(this.#tree), need: 0, end: undefined }
  }

  #handleEqual(frame: Extract<Frame, { type: 'equal' }>): ReconcileStep {
    if (!equalBytes(frame.digest, this.#equalDigest(frame.salt))) return this.#collide()
    return this.#end(this.#result(), this.#count(encodeFrame({ type: 'done', truncated: false })))
  }

  #equalDigest(salt: Uint8Array): Uint8Array {
    return equalDigest(this.#tree, this.#init.hash, this.#salt as Uint8Array, salt)
  }

  #handleRanges(frame: Extract<Frame, { type: 'ranges' }>): ReconcileStep {
    this.#truncated ||= frame.truncated
    if (frame.slice !== undefined) {
      // The responder's first frame has one, and only that.
      if (this.#state !== 'opened') return this.#fail('unexpected', 'slice')
      const { hash } = this.#init
      const salt = this.#salt as Uint8Array
      if (!agreesOn(frame.slice, this.#tree, hash, this.#digest, salt)) return this.#collide()
    }
    this.#state = 'running'
    const turn = this.#turn()
    for (const record of frame.records) {
      const from = this.#tree.rank(record.lower)
      const to = this.#tree.rank(record.upper)
      const asked = this.#asked.find(record.type, from, to)
      if (asked === undefined) return this.#fail('unasked', record.type)
      turn.handle(record, { from, to, items: asked.items })
    }
    return this.#finish(turn)
  }

  #turn(): RangeTurn {
    return new RangeTurn(this.#tree, this.#digest, this.#limits.frameBytesMax)
  }

  /** Sends what a turn wrote, or says that there is nothing more. */
  #finish(turn: RangeTurn, slice?: Slice): ReconcileStep {
    this.#truncated ||= turn.truncated
    this.#asked = turn.asked
    if (turn.isEmpty) {
      const reply = this.#count(encodeFrame({ type: 'done', truncated: turn.truncated }))
      return { ...this.#end(this.#result(), reply), have: turn.have, need: turn.need }
    }
    return { reply: this.#count(turn.finish(slice)), have: turn.have, need: turn.need, end: undefined }
  }

  #result(): ReconcileEnd {
    return { type: this.#truncated ? 'partial' : 'complete' }
  }

  #collide(): ReconcileStep {
    return this.#end({ type: 'collision' }, this.#count(encodeFrame({ type: 'collision' })))
  }

  #fail(reason: ReconcileFailure, detail: string): ReconcileStep {
    return this.#end({ type: 'failed', reason, detail })
  }

  #end(end: ReconcileEnd, reply?: Uint8Array): ReconcileStep {
    this.#state = 'ended'
    return { reply, have: new ItemRanges(this.#tree), need: 0, end }
  }

  #useOrder(salt: Uint8Array): void {
    this.#digest = orderedDigest(this.#tree, this.#init.hash, salt)
  }

  #overLimit(bytes: Uint8Array): ReconcileFailure | undefined {
    this.#bytes += bytes.length
    if (this.#bytes > this.#limits.bytesMax) return 'bytes'
    if (this.#init.now() - (this.#startedAt as number) > this.#limits.timeMsMax) return 'overdue'
    return undefined
  }

  #count(frame: Uint8Array): Uint8Array {
    this.#bytes += frame.length
    return frame
  }
}
