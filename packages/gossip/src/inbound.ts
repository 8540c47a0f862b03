import { HANDLES_MAX } from './config.ts'
import type { Counters } from './counters.ts'
import type { Frame } from './frames.ts'
import type { Lane } from './lane.ts'
import type { Link } from './link.ts'
import type { PeerKey } from './ports.ts'
import { tokenText } from './topic-token.ts'

/** What a link tells the topics. */
export interface LinkEvents {
  /** The topic whose token this is, if this node holds it. */
  resolve(peer: PeerKey, token: Uint8Array): string | undefined
  frame(link: Link, topic: string, type: 'overlay' | 'tree', body: Uint8Array, answer: () => void): void
  /** The peer does not hold the topic, or has no link to us in it. */
  refused(link: Link, topic: string, type: 'unknown' | 'stranger'): void
  /** What was sent may not have arrived: the peer counts as lost in every topic. */
  broken(link: Link): void
}

/** Performs one frame of a peer. False when it makes no sense on this channel. */
export function receiveFrame(
  link: Link,
  lane: Lane,
  frame: Frame,
  { events, counters }: { readonly events: LinkEvents; readonly counters: Counters }
): boolean {
  const { handle } = frame
  switch (frame.type) {
    case 'bind': {
      if (lane.inbound.has(handle) || lane.inbound.size >= HANDLES_MAX) return false
      const topic = events.resolve(link.peer, frame.token)
      lane.inbound.set(handle, { token: tokenText(frame.token), topic })
      return true
    }
    case 'overlay':
    case 'tree': {
      const inbound = lane.inbound.get(handle)
      if (inbound === undefined) return false
      if (inbound.topic === undefined) {
        // Said each time, so that the sender backs off each time; it is charged for its own messages by the credits.
        counters.unknownTopics++
        link.send({ type: 'unknown', lane, handle })
        return true
      }
      const answer = (): void => link.send({ type: 'stranger', lane, handle })
      events.frame(link, inbound.topic, frame.type, frame.body, answer)
      return true
    }
    case 'unbind':
      return lane.inbound.delete(handle)
    case 'unknown':
    case 'stranger': {
      const topic = lane.topicOf(handle)
      if (topic !== undefined) events.refused(link, topic, frame.type)
      return true
    }
  }
}
