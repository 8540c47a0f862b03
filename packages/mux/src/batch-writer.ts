import type { Stream } from '@libp2p/interface'
import type { TimerHandle, Timers } from '@starling/ports'
import { Uint8ArrayList } from 'uint8arraylist'
import { BATCH_BUFFER_BYTES, type BatchBuffers } from './batch-buffers.ts'
import { unzeroed } from './bytes.ts'
import { BATCH_BYTES, REUSED_BATCH_BYTES_MIN } from './config.ts'

/** What the writer asks of its channel. */
export interface BatchSource {
  /** The next batch, buffers to be written one after another, or `undefined` when there is nothing to write now. */
  compose(): readonly Uint8Array[] | undefined
  /** The same in one buffer, which may be a longer one that `allocate` returned. */
  composeJoined(allocate: (length: number) => Uint8Array): Uint8Array | undefined
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
  readonly #buffers: BatchBuffers | undefined
  /** The buffer of the pool in which the batch lies that libp2p is writing. */
  #lent: Uint8Array | undefined
  #gathering: TimerHandle | undefined
  #sending = false
  #stopped = false

  /** @param buffers given when the transport takes one write at a time and is done with its bytes when it drains. */
  constructor(stream: Stream, source: BatchSource, timers: Timers, buffers: BatchBuffers | undefined) {
    this.#buffers = buffers
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
    // It may still be read from, so it goes back to nobody.
    this.#lent = undefined
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
    this.#sending = true
    try {
      return this.#buffers === undefined ? this.#sendList() : this.#sendJoined(this.#buffers)
    } catch (error) {
      this.#source.failed(error as Error)
      return false
    } finally {
      this.#sending = false
    }
  }

  /** One write where the transport takes them at once: each costs it a frame and a system call. */
  #sendList(): boolean {
    const batch = this.#source.compose()
    if (batch === undefined) return false
    this.#stream.send(batch.length === 1 ? (batch[0] as Uint8Array) : new Uint8ArrayList(...batch))
    return true
  }

  /** One write, and one buffer: such a transport would join a list into a new one itself. */
  #sendJoined(buffers: BatchBuffers): boolean {
    // While something is being written, as when the last frames are flushed, the pool's buffer is not ours to fill.
    const reuses = this.#writable()
    const batch = this.#source.composeJoined(length => {
      if (!reuses || length < REUSED_BATCH_BYTES_MIN || length > BATCH_BUFFER_BYTES) return unzeroed(length)
      return (this.#lent = buffers.take())
    })
    if (batch === undefined) return false
    this.#stream.send(batch)
    return true
  }

  #writable(): boolean {
    return !this.#stream.writableNeedsDrain && this.#stream.writeBufferLength === 0
  }

  readonly #onDrain = (): void => {
    if (this.#lent !== undefined && this.#stream.writeBufferLength === 0) {
      this.#buffers?.giveBack(this.#lent)
      this.#lent = undefined
    }
    // With bytes left over libp2p goes on writing them itself in a microtask; `idle` tells when they are gone.
    this.#write()
  }

  readonly #onIdle = (): void => {
    // It fires inside libp2p's own send loop, where a write would be taken and forgotten until the next one.
    if (!this.#sending) queueMicrotask(() => this.#write())
  }
}
