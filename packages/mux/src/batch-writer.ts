import type { Stream } from '@libp2p/interface'
import type { TimerHandle, Timers } from '@starling/ports'
import { Uint8ArrayList } from 'uint8arraylist'
import { BATCH_BYTES } from './config.ts'

/** What the writer asks of its channel. */
export interface BatchSource {
  /** The next batch, buffers to be written one after another, or `undefined` when there is nothing to write now. */
  compose(): readonly Uint8Array[] | undefined
  /** The stream refused a write: it is closed. */
  failed(error: Error): void
}

/**
 * The one writer of a stream. At most one batch is inside libp2p, so a control frame waits for one batch at most. An idle
 * writer writes at once; what follows within the same turn of the event loop is gathered into one write.
 *
 * It keeps one permanent `drain` listener: `stream.onDrain()` keeps its promise once and is never asked.
 */
export class BatchWriter {
  readonly #stream: Stream
  readonly #source: BatchSource
  readonly #timers: Timers
  #gathering: TimerHandle | undefined
  #sending = false
  /** Whether the stream took the last write at once and would take more. */
  #tookMore = false
  #stopped = false

  constructor(stream: Stream, source: BatchSource, timers: Timers) {
    this.#stream = stream
    this.#source = source
    this.#timers = timers
    stream.addEventListener('drain', this.#onDrain)
    stream.addEventListener('idle', this.#onIdle)
  }

  /** There is something to write. `queuedBytes` ends the gathering when it makes a full batch. */
  kick(queuedBytes: number): void {
    if (this.#gathering !== undefined && queuedBytes < BATCH_BYTES) return
    this.#write()
  }

  /** A new turn of the event loop has begun (something arrived): what was gathered goes now. */
  turn(): void {
    if (this.#gathering === undefined) return
    this.#gathering.cancel()
    this.#gathering = undefined
    this.#write()
  }

  /** Writes what is left even if the transport is still busy; libp2p buffers it. For the last few bytes of a channel. */
  flush(): void {
    if (this.#stopped) return
    this.#send()
  }

  stop(): void {
    this.#stopped = true
    this.#gathering?.cancel()
    this.#gathering = undefined
    this.#stream.removeEventListener('drain', this.#onDrain)
    this.#stream.removeEventListener('idle', this.#onIdle)
  }

  #write(): void {
    if (this.#stopped || this.#sending) return
    let wrote = false
    while (!this.#stopped && this.#writable() && this.#send()) wrote = true
    // Only a transport that takes more at once needs gathering; a busy one gathers by itself until it drains.
    if (!wrote || this.#stopped || this.#gathering !== undefined || !this.#writable()) return
    this.#gathering = this.#timers.schedule(0, () => {
      this.#gathering = undefined
      this.#write()
    })
  }

  #send(): boolean {
    const batch = this.#source.compose()
    if (batch === undefined) return false
    this.#sending = true
    try {
      this.#hand(batch)
      return true
    } catch (error) {
      this.#source.failed(error as Error)
      return false
    } finally {
      this.#sending = false
    }
  }

  /**
   * One write where the transport takes them at once, and each costs it a frame and a system call. One that takes a single
   * write at a time would join the list into a new buffer, which costs more than a write for each.
   */
  #hand(batch: readonly Uint8Array[]): void {
    if (this.#tookMore && batch.length > 1) this.#tookMore = this.#stream.send(new Uint8ArrayList(...batch))
    else for (const bytes of batch) this.#tookMore = this.#stream.send(bytes)
  }

  #writable(): boolean {
    return !this.#stream.writableNeedsDrain && this.#stream.writeBufferLength === 0
  }

  readonly #onDrain = (): void => {
    // With bytes left over libp2p goes on writing them itself in a microtask; `idle` tells when they are gone.
    this.#write()
  }

  readonly #onIdle = (): void => {
    // It fires inside libp2p's own send loop, where a write would be taken and forgotten until the next one.
    if (!this.#sending) queueMicrotask(() => this.#write())
  }
}
