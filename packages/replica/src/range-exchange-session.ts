import { DecodeError } from '@starling/codec'
import { DRIFT_MS_MAX, STAMP_COUNTER_MAX, STAMP_WALL_MS_MAX, stampOf, type Stamp } from '@starling/hlc'
import { Reconciler, RECONCILER_LIMITS } from '@starling/reconcile'
import { pipe } from 'it-pipe'
import { SyncFrameError } from './errors.ts'
import type { ExchangeEnd, ExchangeSession, Incoming } from './exchange-state.ts'
import type { SyncExchange } from './ports.ts'
import { orAbort } from './range-exchange-abort.ts'
import { decodeSessionFrame, type SessionFrame } from './range-exchange-frames.ts'
import { KnownHandshake, type KnownMemory } from './range-exchange-known.ts'
import { ENTRY_PARTS_MAX } from './range-exchange-limits.ts'
import { Outbox } from './range-exchange-outbox.ts'
import type { RangeExchangeInit, RangeOutcome, RoundContext } from './range-exchange.ts'

type FrameOf<Type extends SessionFrame['type']> = Extract<SessionFrame, { type: Type }>

/** Received entries of one kind. */
interface Inbound {
  /** Entries that have begun to arrive. */
  count: number
  /** The other side has sent all of them. */
  ended: boolean
}

/**
 * One session at one side. Frames are read by one loop and sent by another, since each side may wait for the other's progress;
 * the frames of the comparison go first, so that entries flow while it goes on.
 */
export class RangeSession {
  readonly #exchange: SyncExchange
  readonly #context: RoundContext
  readonly #session: ExchangeSession
  readonly #init: RangeExchangeInit
  readonly #bytesMax: number
  readonly #known: KnownHandshake
  readonly #stop = new AbortController()
  readonly #outbox: Outbox
  readonly #found: Inbound = { count: 0, ended: false }
  readonly #back: Inbound = { count: 0, ended: false }
  #comparison: Reconciler
  #ordered = false
  #compared: 'complete' | 'partial' | undefined
  /** Items that the other side lacks, and that this side lacks, by what the comparison has said so far. */
  #have = 0
  #need = 0
  #refused = 0
  #leftOut = false
  #news = false
  #changed = false
  #parts = 0
  #partRefused = false

  constructor(
    exchange: SyncExchange,
    context: RoundContext,
    session: ExchangeSession,
    memory: KnownMemory,
    init: RangeExchangeInit
  ) {
    const { hash, limits } = init
    this.#exchange = exchange
    this.#context = context
    this.#session = session
    this.#init = init
    this.#bytesMax = Math.min(exchange.messageBytesMax, limits.frameBytesMax)
    this.#known = new KnownHandshake(session.known, {
      peer: context.peer,
      memory,
      hash,
      frameBytesMax: this.#bytesMax,
      stampMax: () => this.#stampMax(),
      broken: detail => this.#broken(detail)
    })
    this.#comparison = this.#newComparison()
    this.#outbox = new Outbox({
      session,
      send: frame => orAbort(exchange.send(frame), this.#stop.signal),
      frameBytesTarget: Math.min(this.#bytesMax, limits.frameBytesTarget),
      frameBytesMax: this.#bytesMax
    })
  }

  /** Runs to the end. Rejects when it was cut; then everything that uses the state has come to rest. */
  async run(): Promise<void> {
    const { signal } = this.#context
    const stop = (reason: unknown): void => this.#stop.abort(reason)
    const onAbort = (): void => stop(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    this.#outbox.frame(this.#known.hello)
    if (this.#context.initiator) this.#outbox.frame(this.#comparison.start())
    const both = [this.#receive(), this.#outbox.run(this.#stop.signal)]
    try {
      for (const one of both) one.catch(stop)
      await Promise.allSettled(both)
      if (this.#stop.signal.aborted) throw this.#stop.signal.reason
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** What it did, once it has run to the end. */
  result(): { readonly outcome: RangeOutcome; readonly changed: boolean; readonly end: ExchangeEnd } {
    // An item that was refused before is either lacked by the other side as well, or not fetched from it.
    const refused = this.#session.skipped - this.#outbox.skipped
    const wholeRange = this.#compared === 'complete' && !this.#leftOut && !this.#outbox.leftOut
    const outcome = {
      complete: wholeRange && this.#refused + refused + this.#outbox.tooLong === 0,
      entriesSent: this.#outbox.sent,
      entriesReceived: this.#found.count + this.#back.count,
      news: this.#news,
      more: this.#compared === 'partial' || this.#outbox.leftOut,
      vain: false
    }
    return { outcome, changed: this.#changed, end: { wholeRange, refused } }
  }

  async #receive(): Promise<void> {
    await pipe(
      this.#messages(),
      messages => this.#decode(messages),
      frames => this.#handleAll(frames)
    )
  }

  async *#messages(): AsyncGenerator<Uint8Array> {
    const messages = this.#exchange[Symbol.asyncIterator]()
    try {
      for (;;) {
        const { done, value } = await orAbort(messages.next(), this.#stop.signal)
        if (done === true) return
        yield value
      }
    } finally {
      // Not awaited: after an abort the iterator may be waiting for a message that never comes.
      messages.return?.().catch(() => {})
    }
  }

  async *#decode(messages: AsyncIterable<Uint8Array>): AsyncGenerator<SessionFrame> {
    for await (const bytes of messages) {
      if (bytes.length > this.#init.limits.frameBytesMax)
        throw this.#broken(`a frame of ${bytes.length} bytes`)
      yield this.#read(() => decodeSessionFrame(bytes))
    }
  }

  async #handleAll(frames: AsyncIterable<SessionFrame>): Promise<void> {
    for await (const frame of frames) {
      await this.#handle(frame)
      this.#context.progress?.({
        toSend: Math.max(0, this.#have - this.#outbox.foundSent - this.#outbox.skipped),
        toReceive: Math.max(0, this.#need - this.#found.count)
      })
      if (this.#isThrough) return
    }
    throw this.#broken('the peer stopped before its end')
  }

  /** Whether the other side has nothing more to say. */
  get #isThrough(): boolean {
    if (this.#compared === undefined) return false
    return (this.#need === 0 || this.#found.ended) && (this.#have === 0 || this.#back.ended)
  }

  async #handle(frame: SessionFrame): Promise<void> {
    if (frame.type !== 'hello' && !this.#known.hasBegun) throw this.#broken(`${frame.type} before the hello`)
    switch (frame.type) {
      case 'hello':
      case 'known':
        return this.#onKnown(frame)
      case 'comparison':
        return this.#onComparison(frame.bytes)
      case 'entries':
        return this.#onEntries(frame.entries, frame.back)
      case 'part':
        return this.#onPart(frame)
      case 'found':
      case 'end':
        return this.#onEnd(frame)
    }
  }

  /** What the peer knows is set as soon as it is certain, which is before its first entry. */
  #onKnown(frame: FrameOf<'hello'> | FrameOf<'known'>): void {
    const wasKnown = this.#known.theirs !== undefined
    const reply = this.#read(() =>
      frame.type === 'hello' ? this.#known.onHello(frame) : this.#known.onKnown(frame)
    )
    if (reply !== undefined) this.#outbox.frame(reply)
    const { theirs } = this.#known
    if (!wasKnown && theirs !== undefined) this.#session.setPeerKnown(theirs)
  }

  /** The greatest stamp that an entry could have now. */
  #stampMax(): Stamp {
    const { clock, driftMsMax = DRIFT_MS_MAX } = this.#init
    const latestMs = Math.floor(clock.wallMs()) + driftMsMax
    return stampOf(Math.min(Math.max(latestMs, 0), STAMP_WALL_MS_MAX), STAMP_COUNTER_MAX)
  }

  #onComparison(bytes: Uint8Array): void {
    if (this.#compared !== undefined) throw this.#broken('a comparison after its end')
    const { reply, have, need, end } = this.#comparison.receive(bytes)
    this.#need += need
    this.#have += have.count
    if (reply !== undefined) this.#outbox.frame(reply)
    if (have.count > 0) this.#outbox.found(have)
    if (end === undefined) return
    if (end.type === 'failed') throw this.#broken(`the comparison failed: ${end.reason} (${end.detail})`)
    if (end.type === 'collision') {
      this.#compareInOrder()
      return
    }
    if (this.#known.theirs === undefined) throw this.#broken('it did not say what it knows')
    this.#compared = end.type
    this.#outbox.closeFound(this.#have > 0)
    if (this.#need === 0) this.#outbox.closeBack(false)
  }

  /** Sums were made to collide, so they say nothing: everything is compared once more, without them. */
  #compareInOrder(): void {
    if (this.#ordered) throw this.#broken('a collision of items in order')
    this.#ordered = true
    this.#session.collided()
    this.#comparison = this.#newComparison()
    if (this.#context.initiator) this.#outbox.frame(this.#comparison.start())
  }

  #newComparison(): Reconciler {
    const { hash, random, clock } = this.#init
    return new Reconciler(this.#session.tree, {
      role: this.#context.initiator ? 'initiator' : 'responder',
      hash,
      random,
      now: () => clock.monotonicMs(),
      ordered: this.#ordered,
      limits: { frameBytesMax: Math.min(this.#bytesMax, RECONCILER_LIMITS.frameBytesMax) }
    })
  }

  async #onEntries(entries: readonly Incoming[], back: boolean): Promise<void> {
    this.#count(entries.length, back)
    this.#refused += await this.#take(entries, back)
  }

  async #onPart({ first, back, entry }: FrameOf<'part'>): Promise<void> {
    if (first) {
      this.#count(1, back)
      this.#parts = 0
      this.#partRefused = false
    }
    if (++this.#parts > ENTRY_PARTS_MAX) throw this.#broken('an entry in too many parts')
    // Evidence without the live items that come before it would remove what they replace.
    const refused = this.#partRefused ? 1 : await this.#take([entry], back)
    this.#partRefused = refused > 0
    this.#refused += refused
  }

  /** No side may send more than the comparison has found, nor more back than it was sent. */
  #count(entries: number, back: boolean): void {
    if (this.#known.theirs === undefined) throw this.#broken('entries before what it knows')
    const inbound = back ? this.#back : this.#found
    inbound.count += entries
    const most = back ? this.#outbox.foundSent : this.#need
    if (inbound.ended || inbound.count > most) throw this.#broken('entries that were not asked for')
  }

  /** @returns how many were refused. */
  async #take(entries: readonly Incoming[], back: boolean): Promise<number> {
    if (!back && !this.#outbox.takesBack) {
      this.#outbox.leave()
      return 0
    }
    const taken = await this.#session.receive(entries)
    this.#news ||= taken.news
    this.#changed ||= taken.changed
    if (!back) for (const key of taken.back) this.#outbox.back(key)
    return taken.refused
  }

  #onEnd({ type, count, leftOut }: FrameOf<'found' | 'end'>): void {
    const inbound = type === 'found' ? this.#found : this.#back
    const isDue = this.#compared !== undefined && (type === 'found' ? this.#need > 0 : this.#have > 0)
    if (!isDue || inbound.ended) throw this.#broken(`${type} without anything before it`)
    if (count !== inbound.count) throw this.#broken(`it sent ${count} entries, ${inbound.count} arrived`)
    inbound.ended = true
    this.#leftOut ||= leftOut
    if (type === 'found') this.#outbox.closeBack(true)
  }

  #read<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      throw this.#broken(`a frame cannot be read (${error.reason})`, error)
    }
  }

  #broken(detail: string, cause?: unknown): SyncFrameError {
    return new SyncFrameError(this.#context.peer, detail, cause)
  }
}
