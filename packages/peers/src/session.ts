import { INTERNAL_TAG_PREFIX } from './config.ts'
import { SessionClosedError } from './errors.ts'
import type { Link } from './link.ts'
import type { FramedChannel, MuxPort } from './ports.ts'
import type { Session } from './types.ts'

/** The session on one link. Usable from its `up` event to its `down` event. */
export class PeerSession implements Session {
  readonly #mux: MuxPort
  readonly link: Link
  readonly #over = new AbortController()

  constructor(mux: MuxPort, link: Link) {
    this.#mux = mux
    this.link = link
  }

  get peer(): string {
    return this.link.peer
  }

  get initiator(): boolean {
    return this.link.initiator
  }

  /** The peer's process. */
  get incarnation(): bigint {
    return this.link.session?.result.incarnation ?? 0n
  }

  async openChannel(tag: string, options: { readonly signal?: AbortSignal } = {}): Promise<FramedChannel> {
    if (this.#over.signal.aborted) throw new SessionClosedError(this.peer)
    options.signal?.throwIfAborted()
    // Both ends of the wait are let go with it: a composed signal would stay on the session's for as long as that lives.
    const giveUp = new AbortController()
    const stopped = (): void => giveUp.abort(this.#over.signal.reason)
    const cancelled = (): void => giveUp.abort(options.signal?.reason)
    this.#over.signal.addEventListener('abort', stopped)
    options.signal?.addEventListener('abort', cancelled)
    const channel = await this.#mux
      .openChannel(this.link.connection, tag, {
        signal: giveUp.signal,
        internal: tag.startsWith(INTERNAL_TAG_PREFIX)
      })
      .finally(() => {
        this.#over.signal.removeEventListener('abort', stopped)
        options.signal?.removeEventListener('abort', cancelled)
      })
    if (this.#over.signal.aborted) {
      channel.abort(new SessionClosedError(this.peer))
      throw new SessionClosedError(this.peer)
    }
    this.link.channels.track(channel)
    return channel
  }

  /** The `down` event is due. */
  close(): void {
    this.#over.abort(new SessionClosedError(this.peer))
  }
}
