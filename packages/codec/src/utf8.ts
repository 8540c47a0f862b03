import { DecodeError, IllFormedTextError } from './errors.ts'

// The only two globals of the platform that this package uses. They are declared here, as narrow as they are needed, because
// pure packages compile without the platform's types.
declare const TextEncoder: new () => {
  encode(text: string): Uint8Array<ArrayBuffer>
  encodeInto(text: string, into: Uint8Array): { written: number }
}
declare const TextDecoder: new (
  label: string,
  options: { fatal: boolean; ignoreBOM: boolean }
) => { decode(bytes: Uint8Array): string }

const encoder = new TextEncoder()
// `ignoreBOM: true` means that a leading U+FEFF is kept as text. Dropping it would let two keys become one.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Up to this many characters or bytes a loop is faster than the platform's coder. Source: measured on Node 24. */
const SHORT_TEXT_MAX = 32

const ASCII_MAX = 0x7f

/** Where the characters of a short text are gathered: one list for each length, filled before it is read. */
const codesOf = Array.from({ length: SHORT_TEXT_MAX + 1 }, (_, length) => Array.from({ length }, () => 0))

/**
 * The UTF-8 bytes of `text`. No normalisation takes place: NFC and NFD spellings stay different.
 *
 * @throws IllFormedTextError when the text holds a lone surrogate.
 */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  if (text.length <= SHORT_TEXT_MAX) {
    const bytes = new Uint8Array(text.length)
    if (putAscii(text, bytes, 0)) return bytes
  }
  if (!text.isWellFormed()) throw new IllFormedTextError()
  return encoder.encode(text)
}

/** Writes the UTF-8 bytes of `text` to `into` at `at`, where three bytes per character are free. Returns their number. */
export function putUtf8(text: string, into: Uint8Array, at: number): number {
  if (text.length <= SHORT_TEXT_MAX && putAscii(text, into, at)) return text.length
  if (!text.isWellFormed()) throw new IllFormedTextError()
  return encoder.encodeInto(text, into.subarray(at)).written
}

/** Writes `text` and returns true, or returns false when a character is not ASCII. */
function putAscii(text: string, into: Uint8Array, at: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > ASCII_MAX) return false
    into[at + i] = unit
  }
  return true
}

/** Whether the bytes from `start` to `end` are all ASCII. */
export function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if ((bytes[i] as number) > ASCII_MAX) return false
  }
  return true
}

/**
 * The text of valid UTF-8 bytes. A byte order mark is text like any other.
 *
 * @param offset where the bytes start in what is decoded, for the error.
 * @throws DecodeError `badText` for overlong forms, encoded surrogates, and any other invalid sequence.
 */
export function decodeUtf8(bytes: Uint8Array, offset = 0): string {
  return utf8Between(bytes, 0, bytes.length, offset)
}

/** As {@link decodeUtf8}, of the bytes from `start` to `end`. */
export function utf8Between(bytes: Uint8Array, start: number, end: number, offset: number): string {
  const length = end - start
  if (length <= SHORT_TEXT_MAX) {
    const codes = codesOf[length] as number[]
    let i = 0
    for (; i < length; i++) {
      const byte = bytes[start + i] as number
      if (byte > ASCII_MAX) break
      codes[i] = byte
    }
    if (i === length) return String.fromCharCode.apply(null, codes)
  }
  try {
    return decoder.decode(viewOf(bytes, start, length))
  } catch {
    throw new DecodeError('badText', offset)
  }
}

/** A view that is a plain `Uint8Array` also when `bytes` is of a subclass whose `subarray` or `slice` mean something else. */
export function viewOf(bytes: Uint8Array, start: number, length: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length)
}

/** A copy that is a plain `Uint8Array` too. */
export function copyOf(bytes: Uint8Array, start: number, length: number): Uint8Array {
  if (length > SHORT_TEXT_MAX) return viewOf(bytes, start, length).slice()
  const copy = new Uint8Array(length)
  for (let i = 0; i < length; i++) copy[i] = bytes[start + i] as number
  return copy
}
