import type { Refusal } from './types.ts'

/** The acceptor's first byte. The numbers are the wire's. */
export type Verdict = 'accepted' | Refusal

const VERDICTS: readonly Verdict[] = ['accepted', 'unknownTag', 'busy', 'malformed', 'timeout', 'closing']

/** The status byte of a verdict. */
export function encodeVerdict(verdict: Verdict): number {
  return VERDICTS.indexOf(verdict)
}

/** The verdict of a status byte, or `undefined` for a byte this version does not know. */
export function decodeVerdict(status: number): Verdict | undefined {
  return VERDICTS[status]
}

/** One length byte and the tag (1 to 255 bytes), followed by `rest`. */
export function encodePreamble(tag: Uint8Array, rest: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(1 + tag.length + rest.length)
  bytes[0] = tag.length
  bytes.set(tag, 1)
  bytes.set(rest, 1 + tag.length)
  return bytes
}

/** What the bytes so far amount to: more is needed, they are no preamble, or the tag is known. */
export type PreambleProgress =
  | { readonly type: 'incomplete' }
  | { readonly type: 'malformed' }
  | { readonly type: 'complete'; readonly tag: Uint8Array; readonly used: number }

const INCOMPLETE: PreambleProgress = { type: 'incomplete' }
const MALFORMED: PreambleProgress = { type: 'malformed' }

/** Reads a preamble piece by piece. Holds at most 255 bytes, and only after the length byte has said how many. */
export class PreambleParser {
  #tag: Uint8Array | undefined
  #filled = 0

  /**
   * Takes the next bytes of the stream. On `complete`, `used` is how many of `chunk` belong to the preamble; the rest is the
   * payload's. After `complete` or `malformed` it must not be called again.
   */
  push(chunk: Uint8Array): PreambleProgress {
    let offset = 0
    if (this.#tag === undefined) {
      const length = chunk[0]
      if (length === undefined) return INCOMPLETE
      // No tag is empty, so a zero length is a malformed preamble and not the lookup of an empty tag.
      if (length === 0) return MALFORMED
      this.#tag = new Uint8Array(length)
      offset = 1
    }
    const tag = this.#tag
    const taken = Math.min(tag.length - this.#filled, chunk.length - offset)
    tag.set(chunk.subarray(offset, offset + taken), this.#filled)
    this.#filled += taken
    return this.#filled < tag.length ? INCOMPLETE : { type: 'complete', tag, used: offset + taken }
  }
}
