import type { Mux } from '@starling/mux'
import { expectTypeOf, test } from 'vitest'
import type { FramedChannel, MuxPort, Peers, Session, SessionEvent } from '../src/index.ts'

/** What gossip and sync ask for, in the words of their own ports. */
interface SessionPort {
  readonly self: string
  sessions(): readonly Session[]
  want(
    peer: string,
    options: { readonly mode: 'once' | 'continuous'; readonly addresses?: readonly string[] }
  ): { release(): void }
  onSession(
    listener: (
      event:
        | { readonly type: 'up'; readonly session: Session }
        | { readonly type: 'down'; readonly session: Session; readonly reason: string }
        | { readonly type: 'failed'; readonly peer: string; readonly reason: string }
    ) => void
  ): () => void
  handleChannel(tag: string, handler: (channel: FramedChannel, session: Session) => void): () => void
  addresses(peer: string): readonly string[]
  ownAddresses(): readonly string[]
}

test('the multiplexer fits the port, and the manager fits those of gossip and sync', () => {
  expectTypeOf<Mux>().toExtend<MuxPort>()
  expectTypeOf<Peers>().toExtend<SessionPort>()
  expectTypeOf<SessionEvent>().toHaveProperty('type')
})
