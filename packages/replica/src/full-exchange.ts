import { DecodeError, equalBytes } from '@starling/codec'
import { pipe } from 'it-pipe'
import type { ReplicaLimits } from './config.ts'
import { SyncFrameError } from './errors.ts'
import {
  decodeFrame,
  encodeEnd,
  encodeHello,
  encodePart,
  EntryPacker,
  MESSAGE_OVERHEAD_BYTES,
  type Frame
} from './frames.ts'
import type { SyncExchange, SyncOutcome, SyncProtocol } from './ports.ts'

/** What the exchange reads and writes: the replica's applied state. */
export interface ExchangeState {
  /** Throws the typed error of a replica that takes nothing in. */
  assertReady(): void
  /** 16 bytes over all live entries. */
  fingerprint(): Uint8Array
  /** Every key there is, those with only evidence included, as of now. */
  keys(): readonly string[]
  /**
   * The applied entry of a key, encoded in parts of at most `bytesMax`; one part is the whole entry. `undefined` when a single
   * item is longer, none when there is no entry.
   */
  encode(key: string, bytesMax: number): readonly Uint8Array[] | undefined
  /** Takes received entries in, waiting for room. */
  receive(entries: readonly Uint8Array[], peer: string): Promise<Received>
}

/** What became of received entries. */
export interface Received {
  readonly refused: number
  /** Something changed by a write that is older than a broadcast takes. */
  readonly news: boolean
}

type Context = Parameters<SyncProtocol['reconcile']>[1]

/**
 * The plain reconciliation: equal root fingerprints end it at once, otherwise each side sends every entry it holds.
 *
 * Both sides send a hello with their fingerprint and compare the same two, so they decide alike. The fingerprint covers live
 * dots only; evidence therefore neither causes a round nor prevents its end, and travels when something live differs.
 */
export class FullExchange implements SyncProtocol {
  readonly #state: ExchangeState
  readonly #limits: ReplicaLimits

  constructor(state: ExchangeState, limits: ReplicaLimits) {
    this.#state = state
    this.#limits = limits
  }

  async reconcile(exchange: SyncExchange, context: Context): Promise<SyncOutcome> {
    context.signal.throwIfAborted()
    this.#state.assertReady()
    const round = new Round(exchange, context, this.#state, this.#limits)
    const aborted = Promise.withResolvers<never>()
    const onAbort = (): void => aborted.reject(context.signal.reason as Error)
    context.signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([round.run(), aborted.promise])
    } finally {
      context.signal.removeEventListener('abort', onAbort)
      round.stop()
    }
  }
}

/** One round. Sending and receiving go on side by side: each may wait for the other side's progress. */
class Round {
  readonly #exchange: SyncExchange
  readonly #peer: string
  readonly #state: ExchangeState
  readonly #limits: ReplicaLimits
  readonly #mine: Uint8Array
  #stopped = false
  #sent = 0
  #received = 0
  #exceptions = 0
  #news = false
  /** An entry's part was refused, so the parts that follow are too: evidence without its live items removes too much. */
  #partRefused = false

  constructor(exchange: SyncExchange, context: Context, state: ExchangeState, limits: ReplicaLimits) {
    this.#exchange = exchange
    this.#peer = context.peer
    this.#state = state
    this.#limits = limits
    this.#mine = state.fingerprint()
  }

  stop(): void {
    this.#stopped = true
  }

  async run(): Promise<SyncOutcome> {
    await this.#exchange.send(encodeHello(this.#mine))
    const sending = Promise.withResolvers<void>()
    const startSending = (): void => {
      this.#send().then(sending.resolve, sending.reject)
    }
    const receiving = pipe(
      this.#exchange,
      source => this.#decode(source),
      source => this.#receive(source, startSending)
    )
    // Whichever fails first ends the round; the other one ends with the exchange, and its rejection is owned here.
    const equal = await Promise.race([receiving, sending.promise.then(() => receiving)])
    if (!equal) await sending.promise
    return {
      complete: this.#exceptions === 0,
      entriesSent: this.#sent,
      entriesReceived: this.#received,
      news: this.#news
    }
  }

  async *#decode(source: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
    for await (const bytes of source) {
      if (bytes.length > this.#limits.frameBytesMax) throw this.#broken(`a frame of ${bytes.length} bytes`)
      let frame: Frame
      try {
        frame = decodeFrame(bytes)
      } catch (error) {
        if (error instanceof DecodeError)
          throw this.#broken(`a frame cannot be read (${error.reason})`, error)
        throw error
      }
      yield frame
    }
  }

  /** Resolves with whether both sides were equal from the start. */
  async #receive(frames: AsyncIterable<Frame>, startSending: () => void): Promise<boolean> {
    let greeted = false
    for await (const frame of frames) {
      if (this.#stopped) break
      if (frame.type === 'hello') {
        if (greeted) throw this.#broken('a second hello')
        greeted = true
        if (equalBytes(frame.fingerprint, this.#mine)) return true
        startSending()
        continue
      }
      if (!greeted) throw this.#broken(`${frame.type} before the hello`)
      if (frame.type === 'end') {
        if (frame.sent !== this.#received) {
          throw this.#broken(`it sent ${frame.sent} entries, ${this.#received} arrived`)
        }
        return false
      }
      await this.#take(frame)
    }
    throw this.#broken('the peer stopped before its end frame')
  }

  async #take(frame: Frame & { type: 'entries' | 'part' }): Promise<void> {
    if (frame.type === 'entries') {
      this.#received += frame.entries.length
      this.#exceptions += await this.#receiveEntries(frame.entries)
      return
    }
    this.#received++
    if (frame.first) this.#partRefused = false
    const refused = this.#partRefused ? 1 : await this.#receiveEntries([frame.entry])
    this.#partRefused = refused > 0
    this.#exceptions += refused
  }

  async #receiveEntries(entries: readonly Uint8Array[]): Promise<number> {
    const { refused, news } = await this.#state.receive(entries, this.#peer)
    this.#news ||= news
    return refused
  }

  async #send(): Promise<void> {
    const bytesMax = Math.min(this.#exchange.messageBytesMax, this.#limits.frameBytesMax)
    const packer = new EntryPacker('frame', Math.min(bytesMax, this.#limits.frameBytesTarget))
    for (const key of this.#state.keys()) {
      const parts = this.#state.encode(key, bytesMax - MESSAGE_OVERHEAD_BYTES)
      if (parts === undefined) {
        this.#exceptions++
        continue
      }
      this.#sent += parts.length
      for (const [i, part] of parts.entries()) {
        const frame = parts.length === 1 ? packer.add(part) : encodePart(i === 0, part)
        if (frame !== undefined) await this.#exchange.send(frame)
        if (this.#stopped) return
      }
    }
    const last = packer.flush()
    if (last !== undefined) await this.#exchange.send(last)
    await this.#exchange.send(encodeEnd(this.#sent))
  }

  #broken(detail: string, cause?: unknown): SyncFrameError {
    return new SyncFrameError(this.#peer, detail, cause)
  }
}
