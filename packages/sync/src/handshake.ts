import { DecodeError } from '@starling/codec'
import { SYNC_TAG } from './config.ts'
import { orAbort } from './deadline.ts'
import { SyncHandshakeError } from './errors.ts'
import type { FramedChannel, Session } from './ports.ts'
import { decodeHello, decodeReply, encodeHello, encodeReply, type Hello, type Verdict } from './wire.ts'

/** A channel whose first message each way has been exchanged, with the iterator that goes on after it. */
export interface SyncChannel {
  readonly channel: FramedChannel
  readonly messages: AsyncIterator<Uint8Array>
}

/** Opens a channel and offers the topic. The signal is the deadline. Rejects with SyncHandshakeError or the signal's reason. */
export async function offer(session: Session, token: Uint8Array, signal: AbortSignal): Promise<SyncChannel> {
  const opening = session.openChannel(SYNC_TAG, { signal })
  let channel: FramedChannel
  try {
    channel = await orAbort(opening, signal)
  } catch (cause) {
    // A port that resolves after all must not leave its channel behind.
    opening.then(
      late => late.abort(cause as Error),
      () => {}
    )
    signal.throwIfAborted()
    throw new SyncHandshakeError(session.peer, 'lost', { cause })
  }
  try {
    channel.send(encodeHello(token))
    const messages = channel[Symbol.asyncIterator]()
    const first = await orAbort(messages.next(), signal)
    if (first.done === true) throw new SyncHandshakeError(session.peer, 'lost')
    const verdict = decodeReply(first.value)
    if (verdict === 'accepted') return { channel, messages }
    throw new SyncHandshakeError(session.peer, verdict)
  } catch (error) {
    const reason = asHandshakeError(session.peer, error, signal)
    channel.abort(reason)
    throw reason
  }
}

/** Reads the opener's first message. The signal is the deadline. On failure the channel is ended with the reason. */
export async function receiveHello(
  channel: FramedChannel,
  signal: AbortSignal
): Promise<{ readonly hello: Hello; readonly messages: AsyncIterator<Uint8Array> }> {
  try {
    const messages = channel[Symbol.asyncIterator]()
    const first = await orAbort(messages.next(), signal)
    if (first.done === true) throw new SyncHandshakeError(channel.peer, 'lost')
    return { hello: decodeHello(first.value), messages }
  } catch (error) {
    const reason = asHandshakeError(channel.peer, error, signal)
    channel.abort(reason)
    throw reason
  }
}

/** Says no and lets the channel go once the peer has read it. */
export async function refuse(
  channel: FramedChannel,
  verdict: Exclude<Verdict, 'accepted'>,
  signal: AbortSignal
): Promise<void> {
  const reason = new SyncHandshakeError(channel.peer, verdict)
  try {
    channel.send(encodeReply(verdict))
    await orAbort(channel.end({ signal }), signal)
  } catch {
    // The peer is gone or does not listen; either way there is nobody left to tell.
  }
  channel.abort(reason)
}

function asHandshakeError(peer: string, error: unknown, signal: AbortSignal): Error {
  if (signal.aborted) return signal.reason as Error
  if (error instanceof SyncHandshakeError) return error
  return new SyncHandshakeError(peer, error instanceof DecodeError ? 'malformed' : 'lost', { cause: error })
}
