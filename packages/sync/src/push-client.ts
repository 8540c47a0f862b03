import type { TimerHandle, Timers } from '@starling/ports'
import { DecodeError } from '@starling/codec'
import { PUSH_TAG, type SyncConfig } from './config.ts'
import { Deadline, orAbort } from './deadline.ts'
import { SyncPushError, type PushFailure } from './errors.ts'
import type { FramedChannel, Session } from './ports.ts'
import { decodePushReply, encodePush, PUSH_OVERHEAD_BYTES } from './wire.ts'

/** What the pushes to one peer need. */
export interface PushClientInit {
  readonly transport: Session
  readonly timers: Timers
  readonly config: SyncConfig
  /** The channel is gone and nothing waits. */
  readonly idle: () => void
}

/**
 * Our pushes to one peer, all topics on one channel. It is opened by the first, and ended when there has been none for a while.
 * When it fails, so do those that wait: whether the peer has dealt with them is not known.
 */
export class PushClient {
  readonly transport: Session
  readonly #init: PushClientInit
  readonly #waiting = new Map<number, PromiseWithResolvers<Uint8Array>>()
  #lastId = 0
  /** Pushes that are not sent yet, those that nobody waits for any more included: they are kept until there is room. */
  #unsent = 0
  #channel: Promise<FramedChannel> | undefined
  #turn: Promise<void> = Promise.resolve()
  #idle: TimerHandle | undefined
  #closed = false

  constructor(init: PushClientInit) {
    this.transport = init.transport
    this.#init = init
  }

  async push(token: Uint8Array, payload: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> {
    signal?.throwIfAborted()
    const { config, timers } = this.#init
    if (this.#closed) throw this.#error('lost')
    if (Math.max(this.#waiting.size, this.#unsent) >= config.pushesPerPeerMax) throw this.#error('busy')
    const id = ++this.#lastId
    const waiter = Promise.withResolvers<Uint8Array>()
    waiter.promise.catch(() => {})
    this.#waiting.set(id, waiter)
    this.#idle?.cancel()
    const deadline = new Deadline(timers, config.pushMs, () => this.#error('timeout'))
    const onAbort = (): void => deadline.abort(signal?.reason as Error)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      this.#unsent++
      const sent = this.#send(id, token, payload).finally(() => this.#unsent--)
      await orAbort(sent, deadline.signal)
      return await orAbort(waiter.promise, deadline.signal)
    } finally {
      deadline.cancel()
      signal?.removeEventListener('abort', onAbort)
      this.#waiting.delete(id)
      this.#whenIdle()
    }
  }

  /** Fails what waits and lets go of the channel. */
  close(reason: PushFailure): void {
    if (this.#closed) return
    this.#closed = true
    this.#idle?.cancel()
    for (const waiter of this.#waiting.values()) waiter.reject(this.#error(reason))
    this.#waiting.clear()
    this.#channel?.then(
      channel => channel.abort(this.#error(reason)),
      () => {}
    )
    this.#init.idle()
  }

  async #send(id: number, token: Uint8Array, payload: Uint8Array): Promise<void> {
    const channel = await (this.#channel ??= this.#open())
    if (payload.length + PUSH_OVERHEAD_BYTES > channel.messageBytesMax) {
      const most = channel.messageBytesMax - PUSH_OVERHEAD_BYTES
      throw new RangeError(`a push has at most ${most} bytes, got ${payload.length}`)
    }
    // In the order of the calls, each after there was room for the one before.
    const turn = this.#turn.then(async () => {
      if (!this.#waiting.has(id)) return
      if (!channel.send(encodePush({ id, token, payload }))) await channel.drained()
    })
    this.#turn = turn.catch(() => {})
    try {
      await turn
    } catch (cause) {
      throw this.#error('lost', cause)
    }
  }

  async #open(): Promise<FramedChannel> {
    const { config, timers } = this.#init
    const deadline = new Deadline(timers, config.handshakeMs, () => this.#error('timeout'))
    const opening = this.transport.openChannel(PUSH_TAG, { signal: deadline.signal })
    try {
      const channel = await orAbort(opening, deadline.signal)
      void this.#read(channel)
      return channel
    } catch (cause) {
      // A port that resolves after all must not leave its channel behind.
      opening.then(
        late => late.abort(cause as Error),
        () => {}
      )
      const reason = deadline.signal.aborted ? 'timeout' : 'lost'
      this.close(reason)
      throw this.#error(reason, cause)
    } finally {
      deadline.cancel()
    }
  }

  async #read(channel: FramedChannel): Promise<void> {
    try {
      for await (const message of channel) {
        const reply = decodePushReply(message)
        // One that is not waited for any longer is dropped.
        const waiter = this.#waiting.get(reply.id)
        if (reply.reason !== undefined) waiter?.reject(this.#error(reply.reason))
        else waiter?.resolve(reply.payload)
      }
    } catch (error) {
      if (error instanceof DecodeError) channel.abort(this.#error('lost', error))
    }
    this.close('lost')
  }

  #whenIdle(): void {
    if (this.#closed || this.#waiting.size > 0) return
    this.#idle?.cancel()
    this.#idle = this.#init.timers.schedule(this.#init.config.pushIdleMs, () => this.close('lost'))
  }

  #error(reason: PushFailure, cause?: unknown): SyncPushError {
    return new SyncPushError(this.transport.peer, reason, { cause })
  }
}
