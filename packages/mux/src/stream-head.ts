import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import { eachPiece } from './bytes.ts'

/** What a head parser makes of the bytes so far. `used` counts bytes of the piece it was just given. */
export type HeadProgress<T> =
  | { readonly type: 'incomplete' }
  | { readonly type: 'complete'; readonly head: T; readonly used: number }

/** How reading a head came out. `ended`: the other end closed its side, or the stream is gone, before the head was complete. */
export type HeadOutcome<T> =
  | { readonly type: 'complete'; readonly head: T }
  | { readonly type: 'ended'; readonly cause: Error | undefined }

/**
 * Reads the first bytes of a stream and leaves the rest in it: what the parser did not use goes back to the front of the
 * stream's own read buffer, before anything that arrives later, and no listener remains. So whoever takes the stream next
 * sees the following bytes once and in order, because there is only one place they can come from.
 *
 * @param settle called once, possibly before `readHead` returns; on `complete` within the event that brought the last byte.
 * @returns gives up reading: the stream keeps no listener, and `settle` is not called any more.
 */
export function readHead<T>(
  stream: Stream,
  push: (piece: Uint8Array) => HeadProgress<T>,
  settle: (outcome: HeadOutcome<T>) => void
): () => void {
  let active = true
  const stop = (): void => {
    active = false
    stream.removeEventListener('message', onMessage)
    stream.removeEventListener('end', onEnd)
    stream.removeEventListener('close', onClose)
  }
  const onMessage = (event: StreamMessageEvent): void => {
    if (!active) return
    let used = 0
    let complete: { readonly head: T } | undefined
    eachPiece(event, piece => {
      const progress = push(piece)
      used += progress.type === 'complete' ? progress.used : piece.length
      if (progress.type === 'complete') complete = progress
      return complete === undefined
    })
    if (complete !== undefined) {
      stop()
      const { data } = event
      stream.unshift(data instanceof Uint8Array ? data.subarray(used) : data.sublist(used))
      settle({ type: 'complete', head: complete.head })
      return
    }
    if (isAtEnd(stream)) ended(undefined)
  }
  const ended = (cause: Error | undefined): void => {
    if (!active) return
    stop()
    settle({ type: 'ended', cause })
  }
  const onEnd = (): void => {
    if (isAtEnd(stream)) ended(undefined)
  }
  const onClose = (event: { error?: Error }): void => ended(event.error)
  stream.addEventListener('message', onMessage)
  stream.addEventListener('end', onEnd)
  stream.addEventListener('close', onClose)
  // Both events fire once and may be past already.
  if (isAtEnd(stream)) ended(undefined)
  return stop
}

/**
 * Whether the stream will deliver nothing more. `end` alone does not say so: libp2p's negotiation reads ahead and puts back
 * what is not its own, so over TCP an answer that came together with the other end's close follows the `end` event.
 */
export function isAtEnd(stream: Stream): boolean {
  return isGone(stream) || (stream.readableEnded && stream.readBufferLength === 0)
}

/** Whether the stream is closed at both ends, or was reset: no further event will come. */
export function isGone(stream: Stream): boolean {
  return stream.status === 'closed' || stream.status === 'aborted' || stream.status === 'reset'
}
