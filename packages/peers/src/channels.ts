import type { Connection } from '@libp2p/interface'
import { INTERNAL_TAG_PREFIX, SESSION_TAG, SESSION_WINDOW_BYTES } from './config.ts'
import type { Counters } from './counters.ts'
import { SessionClosedError } from './errors.ts'
import type { Link } from './link.ts'
import type { ChannelInfo, ChannelRefusal, FramedChannel, MuxPort } from './ports.ts'
import type { PeerSession } from './session.ts'
import type { Session } from './types.ts'

type Handler = (channel: FramedChannel, session: Session) => void

export interface ChannelsHost {
  linkOf(connection: Connection): Link | undefined
  /** The session on this link, if it is the one that carries it. */
  sessionOf(link: Link): PeerSession | undefined
  readonly counters: Counters
}

/** Registers tags with the multiplexer, and lets in only channels of established sessions. */
export class Channels {
  readonly #parts: { readonly mux: MuxPort }
  readonly #host: ChannelsHost
  readonly #handlers = new Map<string, Handler>()
  readonly #registrations = new Map<string, { dispose(): void }>()
  #running = false

  constructor(parts: { readonly mux: MuxPort }, host: ChannelsHost) {
    this.#parts = parts
    this.#host = host
  }

  start(): void {
    this.#running = true
    const registration = this.#parts.mux.handleChannel(
      SESSION_TAG,
      (channel, info) => {
        const link = this.#host.linkOf(info.connection)
        if (link === undefined) return channel.abort(new SessionClosedError(info.peer))
        link.offer(channel)
      },
      { internal: true, windowBytes: SESSION_WINDOW_BYTES, accept: info => this.#acceptSession(info) }
    )
    this.#registrations.set(SESSION_TAG, registration)
    for (const tag of this.#handlers.keys()) this.#register(tag)
  }

  stop(): void {
    this.#running = false
    for (const registration of this.#registrations.values()) registration.dispose()
    this.#registrations.clear()
  }

  /** @throws TypeError when the tag has a handler or is the session's own. */
  handle(tag: string, handler: Handler): () => void {
    if (tag === SESSION_TAG || this.#handlers.has(tag)) {
      throw new TypeError(`the tag '${tag}' is taken; dispose of its handler first`)
    }
    this.#handlers.set(tag, handler)
    if (this.#running) this.#register(tag)
    return () => {
      if (this.#handlers.get(tag) !== handler) return
      this.#handlers.delete(tag)
      this.#registrations.get(tag)?.dispose()
      this.#registrations.delete(tag)
    }
  }

  #register(tag: string): void {
    const registration = this.#parts.mux.handleChannel(
      tag,
      (channel, info) => this.#arrived(tag, channel, info),
      {
        internal: tag.startsWith(INTERNAL_TAG_PREFIX),
        accept: info => this.#accept(info)
      }
    )
    this.#registrations.set(tag, registration)
  }

  #acceptSession(info: ChannelInfo): ChannelRefusal | undefined {
    const link = this.#host.linkOf(info.connection)
    if (link === undefined) return 'closing'
    return link.expectsChannel ? undefined : 'busy'
  }

  /** The acceptor's verdict and the dialler's first channel may overtake each other, so an early channel waits. */
  #accept(info: ChannelInfo): ChannelRefusal | undefined | Promise<ChannelRefusal | undefined> {
    const open = this.#host.linkOf(info.connection)?.channels.admit() ?? false
    return open instanceof Promise ? open.then(verdict => this.#verdict(verdict)) : this.#verdict(open)
  }

  #verdict(open: boolean | 'busy'): ChannelRefusal | undefined {
    if (open === true) return undefined
    this.#host.counters.add('channelsRefused')
    return open === 'busy' ? 'busy' : 'closing'
  }

  #arrived(tag: string, channel: FramedChannel, info: ChannelInfo): void {
    const link = this.#host.linkOf(info.connection)
    const session = link === undefined ? undefined : this.#host.sessionOf(link)
    const handler = this.#handlers.get(tag)
    if (link === undefined || session === undefined || handler === undefined) {
      return channel.abort(new SessionClosedError(info.peer))
    }
    link.channels.track(channel)
    handler(channel, session)
  }
}
