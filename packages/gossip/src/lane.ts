import type { FramedChannel } from './ports.ts'

/** A topic the peer named over this channel. */
export interface InboundTopic {
  /** The token in hex, kept while this node does not hold the topic, should it join it later. */
  readonly token: string
  topic: string | undefined
}

/** One open channel with the handles both sides gave to topics on it. They die with it. */
export class Lane {
  readonly channel: FramedChannel
  readonly inbound: Map<number, InboundTopic> = new Map()
  readonly #outbound = new Map<string, number>()
  readonly #topics = new Map<number, string>()
  /** The channel's queue is full and will tell when it has drained. */
  blocked = false
  /** Somebody waits for that already. */
  draining = false
  /** We have sent END. */
  ended = false
  #handles = 0

  constructor(channel: FramedChannel) {
    this.channel = channel
  }

  /** Our handle for a topic, if we gave it one. */
  handleOf(topic: string): number | undefined {
    return this.#outbound.get(topic)
  }

  bind(topic: string): number {
    const handle = this.#handles++
    this.#outbound.set(topic, handle)
    this.#topics.set(handle, topic)
    return handle
  }

  /** The topic of one of our handles. */
  topicOf(handle: number): string | undefined {
    return this.#topics.get(handle)
  }

  /** Takes a topic's handle away and returns it. It is not used again; joining the topic once more binds a new one. */
  unbind(topic: string): number | undefined {
    const handle = this.#outbound.get(topic)
    if (handle === undefined) return undefined
    this.#outbound.delete(topic)
    this.#topics.delete(handle)
    return handle
  }
}
