import { encodeUtf8, IllFormedTextError } from '@starling/codec'
import { ENTRY_LIMITS, type EntryLimits } from './config.ts'
import { InvalidKeyError } from './errors.ts'

/**
 * The bytes of a key: its UTF-8, without normalisation. Any well-formed text within the limit is a key, the empty one too.
 *
 * @throws InvalidKeyError when it is not text, not well formed, or too long.
 */
export function encodeKey(
  key: string,
  limits: Pick<EntryLimits, 'keyBytesMax'> = ENTRY_LIMITS
): Uint8Array<ArrayBuffer> {
  if (typeof key !== 'string')
    throw new InvalidKeyError('notText', `it is a ${typeof key}, and must be a string`)
  const tooLong = `it has more than ${limits.keyBytesMax} bytes in UTF-8; shorten it or raise the limit on every node`
  // UTF-8 is never shorter than the number of UTF-16 units, so a huge key is refused before it is encoded.
  if (key.length > limits.keyBytesMax) throw new InvalidKeyError('tooLong', tooLong)
  let bytes: Uint8Array<ArrayBuffer>
  try {
    bytes = encodeUtf8(key)
  } catch (error) {
    if (!(error instanceof IllFormedTextError)) throw error
    throw new InvalidKeyError('illFormed', 'it holds a lone surrogate; repair it with toWellFormed()')
  }
  if (bytes.length > limits.keyBytesMax) throw new InvalidKeyError('tooLong', tooLong)
  return bytes
}
