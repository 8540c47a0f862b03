import type { SyncConfig } from './config.ts'
import { Deadline } from './deadline.ts'
import { SyncHandshakeError } from './errors.ts'
import { offer, type SyncChannel } from './handshake.ts'
import type { Session } from './ports.ts'
import { topicToken } from './token.ts'
import type { SyncComponents } from './types.ts'

/** What one attempt consists of and how it reports: exactly one of the three functions is called, once. */
export interface OpeningInit {
  readonly topic: string
  readonly transport: Session
  readonly components: SyncComponents
  readonly config: SyncConfig
  readonly opened: (channel: SyncChannel) => void
  readonly failed: (error: Error) => void
  /** It was given up, and holds nothing any more. */
  readonly givenUp: () => void
}

/** One attempt to open a sync channel. After `giveUp` whatever comes of it is dropped, so no old attempt is ever taken for a new one. */
export class Opening {
  readonly transport: Session
  readonly #deadline: Deadline
  #current = true

  constructor(init: OpeningInit) {
    const { topic, transport, components, config } = init
    const { peer } = transport
    this.transport = transport
    const timeout = (): Error => new SyncHandshakeError(peer, 'timeout')
    this.#deadline = new Deadline(components.timers, config.handshakeMs, timeout)
    const token = topicToken(components.hmac, topic, components.sessions.self, peer)
    offer(transport, token, this.#deadline.signal).then(
      channel => {
        this.#deadline.cancel()
        if (this.#current) init.opened(channel)
        else {
          channel.channel.abort(new SyncHandshakeError(peer, 'lost'))
          init.givenUp()
        }
      },
      (error: Error) => {
        this.#deadline.cancel()
        if (this.#current) init.failed(error)
        else init.givenUp()
      }
    )
  }

  giveUp(): void {
    this.#current = false
    this.#deadline.abort(new SyncHandshakeError(this.transport.peer, 'lost'))
  }
}
