import type { SyncConfig } from './config.ts'
import { SyncClosedError, SyncPushError } from './errors.ts'
import type { FramedChannel, PeerKey, Session } from './ports.ts'
import { PushClient } from './push-client.ts'
import { PushRoom } from './push-room.ts'
import { servePushes } from './push-server.ts'
import { topicToken } from './token.ts'
import type { SyncComponents, SyncProtocol, SyncStats } from './types.ts'

/** What pushes need of the manager. */
export interface PushesInit {
  readonly components: SyncComponents
  readonly config: SyncConfig
  transport(peer: PeerKey): Session | undefined
  /** The protocol of the topic that a peer's token stands for. */
  protocolOf(peer: PeerKey, token: Uint8Array): SyncProtocol | undefined
}

/** The pushes of a node, its own and those of peers: one channel for each peer and direction, whatever the topics. */
export class Pushes {
  readonly #init: PushesInit
  readonly #clients: Map<PeerKey, PushClient> = new Map()
  /** Channels on which peers push, with what resolves when they have ended. */
  readonly #serving: Map<FramedChannel, Promise<void>> = new Map()
  readonly #rooms: Map<PeerKey, PushRoom> = new Map()
  readonly #counted: Record<keyof SyncStats['pushes'], number> = {
    answered: 0,
    failed: 0,
    served: 0,
    unserved: 0
  }
  #closed = false

  constructor(init: PushesInit) {
    this.#init = init
  }

  stats(): SyncStats['pushes'] {
    return { ...this.#counted }
  }

  async push(
    topic: string,
    peer: PeerKey,
    payload: Uint8Array,
    signal: AbortSignal | undefined
  ): Promise<Uint8Array> {
    if (this.#closed) throw new SyncPushError(peer, 'closed')
    const transport = this.#init.transport(peer)
    if (transport === undefined) throw new SyncPushError(peer, 'lost')
    const { hmac, sessions } = this.#init.components
    const client = this.#clients.get(peer) ?? this.#client(peer, transport)
    try {
      const answer = await client.push(topicToken(hmac, topic, sessions.self, peer), payload, signal)
      this.#counted.answered++
      return answer
    } catch (error) {
      this.#counted.failed++
      throw error
    }
  }

  /** Answers what a peer pushes. It has one channel for that: a second one takes the place of the first. */
  onChannel(channel: FramedChannel, { peer }: Session): void {
    if (this.#closed) {
      channel.abort(new SyncClosedError('the sync manager'))
      return
    }
    for (const other of this.#serving.keys()) {
      if (other.peer === peer) other.abort(new SyncPushError(peer, 'lost'))
    }
    const room = this.#rooms.get(peer) ?? new PushRoom(this.#init.config.pushesPerPeerMax)
    if (room.isFull) {
      channel.abort(new SyncPushError(peer, 'busy'))
      return
    }
    this.#rooms.set(peer, room)
    const serving = servePushes({
      channel,
      peer,
      room,
      timers: this.#init.components.timers,
      config: this.#init.config,
      protocolOf: token => this.#init.protocolOf(peer, token),
      counted: event => void this.#counted[event]++,
      answered: () => this.#forgetRoom(peer)
    })
    this.#serving.set(channel, serving)
    void serving.then(() => {
      this.#serving.delete(channel)
      this.#forgetRoom(peer)
    })
  }

  transportChanged(peer: PeerKey): void {
    const client = this.#clients.get(peer)
    if (client !== undefined && client.transport !== this.#init.transport(peer)) client.close('lost')
  }

  /** Fails what waits; resolves when nothing is being answered any more. */
  async close(): Promise<void> {
    this.#closed = true
    for (const client of [...this.#clients.values()]) client.close('closed')
    for (const channel of this.#serving.keys()) channel.abort(new SyncClosedError('the sync manager'))
    await Promise.all(this.#serving.values())
  }

  /** A room is kept while anything is in it; it is looked for when a channel or an answer has ended. */
  #forgetRoom(peer: PeerKey): void {
    for (const channel of this.#serving.keys()) if (channel.peer === peer) return
    if (this.#rooms.get(peer)?.isEmpty === true) this.#rooms.delete(peer)
  }

  #client(peer: PeerKey, transport: Session): PushClient {
    const { components, config } = this.#init
    const client: PushClient = new PushClient({
      transport,
      timers: components.timers,
      config,
      idle: () => {
        if (this.#clients.get(peer) === client) this.#clients.delete(peer)
      }
    })
    this.#clients.set(peer, client)
    return client
  }
}
