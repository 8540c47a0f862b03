import type { Connection } from '@libp2p/interface'
import type { Timers } from '@starling/ports'
import { CLOSER_WAIT_MS } from './config.ts'
import { limited } from './deadline.ts'
import { isOpen } from './ports.ts'
import type { SessionChannel } from './session-channel.ts'

/** The connection that ends, and what there is to wait for. */
export interface Leaving {
  readonly timers: Timers
  readonly connection: Connection
  readonly channel: SessionChannel | undefined
  /** Resolves when the connection is gone. */
  readonly gone: Promise<void>
}

/** Further things a goodbye waits for. */
export interface Goodbye extends Leaving {
  /** Deadline of the goodbye, ms; closing may add two closer waits. */
  readonly timeoutMs: number
  /** Our peer id is the lesser one: we close, the other side waits for it. */
  readonly closer: boolean
  /** Resolves when the application's channels are over. */
  readonly channels: Promise<void>
  /** Resolves at the peer's END. */
  readonly peerEnd: Promise<void>
}

/**
 * Ends a connection that had a session, after our goodbye was sent: the application's channels end, END goes both ways and is
 * acknowledged, then one of the two closes. Over QUIC a close drops what is in flight, the last acknowledgement included; with
 * one closer there is nothing left to drop. Resolves to whether all of that came in time; the connection is closed or closing.
 */
export async function sayGoodbye(goodbye: Goodbye): Promise<boolean> {
  const { timeoutMs, channel, channels, peerEnd, closer, gone } = goodbye
  let clean = false
  await within(goodbye, timeoutMs, async signal => {
    await channels
    await channel?.end(signal)
    await peerEnd
    clean = true
  })
  if (clean && !closer) await within(goodbye, CLOSER_WAIT_MS, () => gone)
  await closeConnection(goodbye)
  return clean
}

/** Ends a connection without a session; a last message that is under way gets `waitMs` to arrive, and closing as much. */
export async function dismiss(leaving: Leaving, waitMs: number = CLOSER_WAIT_MS): Promise<void> {
  const { channel } = leaving
  if (channel !== undefined) await within(leaving, waitMs, signal => channel.end(signal))
  await closeConnection(leaving, waitMs)
}

async function closeConnection(leaving: Leaving, waitMs: number = CLOSER_WAIT_MS): Promise<void> {
  const { connection } = leaving
  await within(leaving, waitMs, signal => connection.close({ signal }))
  if (isOpen(connection)) connection.abort(new Error('it did not close in time'))
}

/** Runs `work` for at most `ms`, and no longer than the connection lives. Never rejects. */
async function within(
  leaving: Leaving,
  ms: number,
  work: (signal: AbortSignal) => Promise<void>
): Promise<void> {
  const limit = limited(leaving.timers, ms)
  const over = new Promise<void>(resolve => {
    limit.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await Promise.race([work(limit.signal).catch(() => {}), over, leaving.gone])
  limit.dispose()
}
