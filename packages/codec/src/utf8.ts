import { DecodeError, IllFormedTextError } from './errors.ts'

// The only two globals of the platform that this package uses. They are declared here, as narrow as they are needed, because
// pure packages compile without the platform's types.
declare const TextEncoder: new () => {
  encode(text: string): Uint8Array<ArrayBuffer>
}
declare const TextDecoder: new (
  label: string,
  options: { fatal: boolean; ignoreBOM: boolean }
) => { decode(bytes: Uint8Array): string }

const encoder = new TextEncoder()
// `ignoreBOM: true` means that a leading U+FEFF is kept as text. Dropping it would let two keys become one.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Up to this many characters a loop is faster than the platform's coder. Measured on Node 24. */
const SHORT_TEXT_MAX = 24

/**
 * The UTF-8 bytes of `text`. No normalisation takes place: NFC and NFD spellings stay different.
 *
 * @throws IllFormedTextError when the text holds a lone surrogate.
 */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  const length = text.length
  if (length <= SHORT_TEXT_MAX) {
    const bytes = new Uint8Array(length)
    let i = 0
    for (; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f) break
      bytes[i] = unit
    }
    if (i === length) return bytes
  }
  if (!text.isWellFormed()) throw new IllFormedTextError()
  return encoder.encode(text)
}

/**
 * The text of valid UTF-8 bytes. A byte order mark is text like any other.
 *
 * @param offset where the bytes start in what is decoded, for the error.
 * @throws DecodeError `badText` for overlong forms, encoded surrogates, and any other invalid sequence.
 */
export function decodeUtf8(bytes: Uint8Array, offset = 0): string {
  if (bytes.length <= SHORT_TEXT_MAX) {
    let text = ''
    let i = 0
    for (; i < bytes.length; i++) {
      const byte = bytes[i] as number
      if (byte > 0x7f) break
      text += String.fromCharCode(byte)
    }
    if (i === bytes.length) return text
  }
  try {
    return decoder.decode(bytes)
  } catch {
    throw new DecodeError('badText', offset)
  }
}
