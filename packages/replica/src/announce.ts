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

/** First byte of a message for the owners, where a message of entries has the version of those. */
const CUSTOM = 2

/** Broadcasts the writes of one batch as they were encoded: in one message, or in as few as fit. */
export function announce(
  writes: readonly Write[],
  port: BroadcastPort,
  broadcastBytesMax: number
): Announced {
  const bytesMax = Math.min(port.messageBytesMax ?? Infinity, broadcastBytesMax)
  const { messages, oversize } = pack(writes, bytesMax)
  const errors: unknown[] = []
  let sent = 0
  for (const message of messages) {
    try {
      port.broadcast(message)
      sent++
    } catch (error) {
      errors.push(error)
    }
  }
  return { messages: sent, oversize, errors }
}

/** The messages that tell one peer of the writes; `undefined` when one of them fits into none. */
export function announceTo(writes: readonly Write[], bytesMax: number): readonly Uint8Array[] | undefined {
  const { messages, oversize } = pack(writes, bytesMax)
  return oversize > 0 ? undefined : messages
}

/** A message from owner to owners. */
export function encodeCustom(payload: Uint8Array): Uint8Array {
  const message = new Uint8Array(payload.length + 1)
  message[0] = CUSTOM
  message.set(payload, 1)
  return message
}

/** What an owner sent, copied; `undefined` when the message is of another kind. */
export function readCustom(message: Uint8Array): Uint8Array | undefined {
  return message[0] === CUSTOM ? message.slice(1) : undefined
}

function pack(writes: readonly Write[], bytesMax: number): { messages: Uint8Array[]; oversize: number } {
  const packer = new EntryPacker('broadcast', bytesMax)
  const messages: Uint8Array[] = []
  let oversize = 0
  for (const { entry, encoded } of writes) {
    const fits = encoded.wire.length + MESSAGE_OVERHEAD_BYTES <= bytesMax
    if (!fits || entry.items.length > ENTRY_LIMITS.itemsMax) {
      // Half an entry would remove what it does not replace, so a long one is left to reconciliation, whole.
      oversize++
      continue
    }
    const full = packer.add(encoded.wire)
    if (full !== undefined) messages.push(full)
  }
  const last = packer.flush()
  if (last !== undefined) messages.push(last)
  return { messages, oversize }
}
