import { ByteReader, ByteWriter, DecodeError } from '@starling/codec'
import { TOKEN_BYTES } from './config.ts'

/**
 * What travels in a channel. A handle is a number the sender chose for a topic on this channel.
 *
 * - `bind`: gives a handle its topic, by token. It comes before everything else that uses the handle.
 * - `overlay`, `tree`: a message of the topic's membership or broadcast machine.
 * - `unknown`: the receiver of a handle does not hold its topic. The handle is the other side's.
 * - `stranger`: the receiver of a tree message has no link to its sender. The handle is the other side's.
 * - `unbind`: the sender has left the topic and uses this handle no more.
 */
export type Frame =
  | { readonly type: 'bind'; readonly handle: number; readonly token: Uint8Array }
  | { readonly type: 'overlay' | 'tree'; readonly handle: number; readonly body: Uint8Array }
  | { readonly type: 'unknown' | 'stranger' | 'unbind'; readonly handle: number }

const CODES = { bind: 1, overlay: 2, tree: 3, unknown: 4, stranger: 5, unbind: 6 } as const
const TYPES: readonly (Frame['type'] | undefined)[] = [
  undefined,
  'bind',
  'overlay',
  'tree',
  'unknown',
  'stranger',
  'unbind'
]

/** Bytes a frame takes besides its body, its length included, at most. */
export const FRAME_OVERHEAD_BYTES = 10

const HANDLE_MAX = 2 ** 21 - 1

export function encodeFrame(frame: Frame): Uint8Array {
  const body = frame.type === 'bind' ? frame.token : 'body' in frame ? frame.body : undefined
  const writer = new ByteWriter((body?.length ?? 0) + FRAME_OVERHEAD_BYTES)
    .u8(CODES[frame.type])
    .varint(frame.handle)
  if (body !== undefined) writer.raw(body)
  return writer.finish()
}

/** Frames in one channel message, each with its length in front. */
export function encodeBatch(frames: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(frames.reduce((sum, frame) => sum + frame.length + 4, 0))
  for (const frame of frames) writer.bytes(frame)
  return writer.finish()
}

/**
 * Reads a channel message frame by frame. A frame that cannot be read is `undefined` and the next one is read all the same;
 * where the lengths themselves are wrong the rest is one `undefined`. Bodies are views on the message.
 */
export function decodeBatch(message: Uint8Array): (Frame | undefined)[] {
  const reader = new ByteReader(message)
  const frames: (Frame | undefined)[] = []
  try {
    while (reader.remaining > 0) frames.push(decodeFrame(reader.bytes(message.length)))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    frames.push(undefined)
  }
  return frames
}

function decodeFrame(bytes: Uint8Array): Frame | undefined {
  try {
    const reader = new ByteReader(bytes)
    const type = TYPES[reader.u8()]
    const handle = reader.varint(HANDLE_MAX)
    if (type === 'bind') {
      const token = reader.raw(TOKEN_BYTES)
      reader.end()
      return { type, handle, token }
    }
    if (type === 'overlay' || type === 'tree') return { type, handle, body: reader.rest() }
    reader.end()
    return type === undefined ? undefined : { type, handle }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
