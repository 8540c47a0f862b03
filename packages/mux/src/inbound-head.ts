import { ByteCollector } from './bytes.ts'
import { WINDOW_BYTES_MAX, WINDOW_BYTES_MIN } from './config.ts'
import { CREDIT, CREDIT_FRAME_BYTES, HEADER_BYTES } from './frame.ts'
import { PreambleParser } from './preamble.ts'
import type { Registration, TagEntry } from './registry.ts'
import type { HeadProgress } from './stream-head.ts'

/** What the head of an inbound stream says. */
export type InboundHead =
  | { readonly type: 'malformed' }
  | { readonly type: 'unknownTag'; readonly tag: Uint8Array }
  | { readonly type: 'raw'; readonly tag: string; readonly registration: Registration & { type: 'raw' } }
  | {
      readonly type: 'channel'
      readonly tag: string
      readonly registration: Registration & { type: 'channel' }
      /** What the opener granted first. */
      readonly creditBytes: number
    }

/**
 * Reads the head of an inbound stream: the preamble and, when the tag belongs to a channel handler, the opener's first CREDIT.
 * Nothing of a raw stream's payload is touched.
 */
export class InboundHeadParser {
  readonly #find: (tag: Uint8Array) => TagEntry | undefined
  readonly #preamble = new PreambleParser()
  #channel: { tag: string; registration: Registration & { type: 'channel' } } | undefined
  readonly #credit = new ByteCollector(CREDIT_FRAME_BYTES)

  constructor(find: (tag: Uint8Array) => TagEntry | undefined) {
    this.#find = find
  }

  push(piece: Uint8Array): HeadProgress<InboundHead> {
    if (this.#channel !== undefined) return this.#pushCredit(this.#channel, piece, 0)
    const progress = this.#preamble.push(piece)
    if (progress.type === 'incomplete') return progress
    if (progress.type === 'malformed') return complete({ type: 'malformed' }, piece.length)
    const { tag, used } = progress
    const entry = this.#find(tag)
    if (entry === undefined) return complete({ type: 'unknownTag', tag }, used)
    const { registration } = entry
    if (registration.type === 'raw') return complete({ type: 'raw', tag: entry.tag, registration }, used)
    this.#channel = { tag: entry.tag, registration }
    return this.#pushCredit(this.#channel, piece, used)
  }

  #pushCredit(
    channel: { tag: string; registration: Registration & { type: 'channel' } },
    piece: Uint8Array,
    offset: number
  ): HeadProgress<InboundHead> {
    const used = offset + this.#credit.push(piece.subarray(offset))
    const frame = this.#credit.complete
    if (frame === undefined) return { type: 'incomplete' }
    const creditBytes = firstCredit(frame)
    if (creditBytes === undefined) return complete({ type: 'malformed' }, used)
    return complete({ type: 'channel', ...channel, creditBytes }, used)
  }
}

/** The grant of a whole CREDIT frame, or `undefined` when it is none, or is no window (16 KiB to 16 MiB). */
export function firstCredit(frame: Uint8Array): number | undefined {
  const [type, high, middle, low] = frame
  if (type !== CREDIT || high !== 0 || middle !== 0 || low !== 4) return undefined
  const bytes = new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getUint32(HEADER_BYTES)
  return bytes < WINDOW_BYTES_MIN || bytes > WINDOW_BYTES_MAX ? undefined : bytes
}

function complete(head: InboundHead, used: number): HeadProgress<InboundHead> {
  return { type: 'complete', head, used }
}
