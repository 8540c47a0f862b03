import { decode, Tokenizer, type DecodeOptions } from 'cborg'
import { checkValue } from './check-value.ts'
import type { ValueLimits } from './config.ts'
import { decodeUtf8 } from './utf8.ts'
import { BIGINT_TAG, MAJOR, type Value } from './value.ts'

const tags: NonNullable<DecodeOptions['tags']> = {
  [BIGINT_TAG.positive]: content => magnitude(content()),
  [BIGINT_TAG.negative]: content => -1n - magnitude(content())
}

/**
 * Decodes exactly one value in the strict profile. The bytes are checked as a whole before the library builds anything, so it
 * meets nothing but well-formed input.
 *
 * @param limits what to allow at most; each missing one is taken from {@link VALUE_LIMITS}.
 * @returns data that shares nothing with `bytes`. Objects are plain, and a key named `__proto__` is an own property.
 * @throws DecodeError with the reason and the place, and nothing else.
 */
export function decodeValue(bytes: Uint8Array, limits: Partial<ValueLimits> = {}): Value {
  checkValue(bytes, limits)
  return decode(bytes, { tags, tokenizer: new FaithfulTokenizer(bytes) }) as Value
}

/** The library drops U+FEFF at the start of text, by which two keys could become one; here such text is decoded by us. */
class FaithfulTokenizer extends Tokenizer {
  constructor(bytes: Uint8Array) {
    // A Buffer would hand out views where a plain array hands out copies.
    super(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), {})
  }

  override next(): ReturnType<Tokenizer['next']> {
    const start = this.pos()
    const token = super.next()
    const head = this.data[start] as number
    if ((head & 0xe0) !== MAJOR.text) return token
    const text = start + 1 + (head < MAJOR.text + 24 ? 0 : 2 ** (head - MAJOR.text - 24))
    if (this.data[text] === 0xef && this.data[text + 1] === 0xbb && this.data[text + 2] === 0xbf) {
      token.value = decodeUtf8(this.data.subarray(text, this.pos()), text)
    }
    return token
  }
}

function magnitude(content: unknown): bigint {
  let value = 0n
  for (const byte of content as Uint8Array) value = (value << 8n) | BigInt(byte)
  return value
}
