import { ENTRY_LIMITS } from '@starling/ormap'
import { EntryPacker, MESSAGE_OVERHEAD_BYTES } from './frames.ts'
import type { BroadcastPort } from './ports.ts'
import type { Write } from './stage-commit.ts'

/** What became of the announcement of a batch. */
export interface Announced {
  readonly messages: number
  /** Writes that no message holds. */
  readonly oversize: number
  /** What the broadcast threw. The writes are durable and stay; the next reconciliation carries them. */
  readonly errors: readonly unknown[]
}

/** Broadcasts the writes of one batch as they were encoded: in one message, or in as few as fit. */
export function announce(
  writes: readonly Write[],
  port: BroadcastPort,
  broadcastBytesMax: number
): Announced {
  const bytesMax = Math.min(port.messageBytesMax ?? Infinity, broadcastBytesMax)
  const packer = new EntryPacker('broadcast', bytesMax)
  const messages: (Uint8Array | undefined)[] = []
  const errors: unknown[] = []
  let oversize = 0
  for (const { entry, encoded } of writes) {
    const fits = encoded.wire.length + MESSAGE_OVERHEAD_BYTES <= bytesMax
    // Half an entry would remove what it does not replace, so a long one is left to reconciliation, whole.
    if (fits && entry.items.length <= ENTRY_LIMITS.itemsMax) messages.push(packer.add(encoded.wire))
    else oversize++
  }
  messages.push(packer.flush())
  let sent = 0
  for (const message of messages) {
    if (message === undefined) continue
    try {
      port.broadcast(message)
      sent++
    } catch (error) {
      errors.push(error)
    }
  }
  return { messages: sent, oversize, errors }
}
