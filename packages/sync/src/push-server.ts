import { DecodeError } from '@starling/codec'
import type { Timers } from '@starling/ports'
import type { SyncConfig } from './config.ts'
import { Deadline, orAbort } from './deadline.ts'
import { SyncPushError } from './errors.ts'
import type { FramedChannel, PeerKey } from './ports.ts'
import type { PushRoom } from './push-room.ts'
import type { SyncProtocol } from './types.ts'
import { decodePush, encodePushReply, type NoAnswer, type Push, type PushReply } from './wire.ts'

/** What answering one peer's pushes needs. */
export interface PushServerInit {
  readonly channel: FramedChannel
  readonly peer: PeerKey
  readonly timers: Timers
  readonly config: SyncConfig
  /** The peer's, over all its channels. */
  readonly room: PushRoom
  /** The protocol of the topic that a token stands for. */
  readonly protocolOf: (token: Uint8Array) => SyncProtocol | undefined
  readonly counted: (event: 'served' | 'unserved') => void
  /** The protocol has returned, in time or not. */
  readonly answered: () => void
}

/**
 * Answers the pushes of one peer, as many at a time as the limit says: the next is not read before there is room, so a peer that
 * pushes more waits, and nobody else does.
 */
export async function servePushes(init: PushServerInit): Promise<void> {
  const { channel, config, peer, room } = init
  const running = new Set<Promise<void>>()
  const over = new AbortController()
  let lastId = 0
  let isOpen = true
  void channel.closed.then(() => (isOpen = false))
  try {
    for await (const message of channel) {
      const push = decodePush(message)
      if (push.id <= lastId) throw new DecodeError('notSorted', 0, 'a number that was used before')
      lastId = push.id
      const answering = answer(push, init, over.signal)
      running.add(answering)
      void answering.finally(() => running.delete(answering))
      while (room.isFull && isOpen) await Promise.race([room.freed(), channel.closed])
      while (running.size >= config.pushesPerPeerMax) await Promise.race(running)
    }
    await Promise.all(running)
    await endPolitely(init)
  } catch (error) {
    over.abort(error)
    // A peer that breaks the rules loses its channel and learns nothing; one whose channel failed has none.
    channel.abort(
      error instanceof DecodeError ? new SyncPushError(peer, 'failed', { cause: error }) : (error as Error)
    )
  }
}

/** @param over fires when nobody waits for the answer any more. */
async function answer({ id, token, payload }: Push, init: PushServerInit, over: AbortSignal): Promise<void> {
  const { answered, channel, config, counted, peer, protocolOf, room, timers } = init
  const protocol = protocolOf(token)
  let reply: PushReply
  if (protocol?.answer === undefined) {
    reply = { id, reason: protocol === undefined ? 'unknownTopic' : 'unserved' }
  } else {
    const deadline = new Deadline(timers, config.pushMs, () => new SyncPushError(peer, 'timeout'))
    try {
      room.take()
      // The payload is a view that the next message may take the place of. The protocol keeps it until it returns, waited for or not.
      const called = call(protocol, payload.slice(), peer).finally(() => {
        room.give()
        answered()
      })
      const bytes = await orAbort(orAbort(called, deadline.signal), over)
      reply = bytes.length + 16 <= channel.messageBytesMax ? { id, payload: bytes } : failed(id)
    } catch {
      reply = failed(id)
    }
    deadline.cancel()
  }
  counted(reply.reason === undefined ? 'served' : 'unserved')
  try {
    if (!channel.send(encodePushReply(reply))) await channel.drained()
  } catch {
    // The channel has ended; the loop that reads it ends too.
  }
}

function failed(id: number): { readonly id: number; readonly reason: NoAnswer } {
  return { id, reason: 'failed' }
}

/** A synchronous throw becomes a rejection. */
async function call(protocol: SyncProtocol, payload: Uint8Array, peer: PeerKey): Promise<Uint8Array> {
  if (protocol.answer === undefined) throw new TypeError('the protocol answers nothing')
  return await protocol.answer(payload, peer)
}

async function endPolitely({ channel, config, peer, timers }: PushServerInit): Promise<void> {
  const deadline = new Deadline(timers, config.closeMs, () => new SyncPushError(peer, 'lost'))
  try {
    await orAbort(channel.end({ signal: deadline.signal }), deadline.signal)
  } catch (error) {
    channel.abort(error as Error)
  }
  deadline.cancel()
}
