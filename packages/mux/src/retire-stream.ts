import type { Stream } from '@libp2p/interface'
import type { Timers } from '@starling/ports'
import { isGone } from './stream-head.ts'

/**
 * Ends a stream so that the other end sees what was sent last: our side is closed once everything is written, and only when
 * the other end does not close its side within `timeoutMs` is the stream reset. A reset right after the last bytes loses them
 * over QUIC (measured: up to half of the verdicts), and one without any bytes leaks a stream slot. What still arrives is
 * thrown away.
 */
export function retireStream(stream: Stream, timers: Timers, timeoutMs: number, reason: Error): void {
  if (isGone(stream)) return
  // Unread bytes would keep the stream's end from being noticed.
  stream.addEventListener('message', discard)
  const controller = new AbortController()
  const deadline = timers.schedule(timeoutMs, () => {
    controller.abort(reason)
    stream.abort(reason)
  })
  stream.addEventListener('close', () => deadline.cancel(), { once: true })
  // A close that fails leaves the stream to the deadline.
  stream.close({ signal: controller.signal }).catch(ignore)
}

function discard(): void {}

function ignore(): void {}
