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

  async openChannel(tag: string, options: { readonly signal?: AbortSignal } = {}): Promise<FramedChannel> {
    if (this.#over.signal.aborted) throw new SessionClosedError(this.peer)
    options.signal?.throwIfAborted()
    const signals = options.signal === undefined ? [this.#over.signal] : [this.#over.signal, options.signal]
    const channel = await this.#mux.openChannel(this.link.connection, tag, {
      signal: AbortSignal.any(signals),
      internal: tag.startsWith(INTERNAL_TAG_PREFIX)
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
