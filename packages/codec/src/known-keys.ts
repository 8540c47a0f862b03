import { utf8Between } from './utf8.ts'

/** Keys longer than this are not remembered. */
const KEY_BYTES_MAX = 32

/** Slots of the table; a power of two. Source: guess, more than the different keys most applications have. */
const SLOTS = 256

/**
 * Keys met lately, each where its bytes hash to. Values of one map mostly have the same few keys, and making such a key's text
 * again costs more than all the rest of decoding. Each answer is compared with the bytes, so what a peer puts here changes
 * only the speed.
 */
const known = new Array<string>(SLOTS).fill('')

/** The text of a key in valid UTF-8. */
export function keyBetween(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  if (length > KEY_BYTES_MAX) return utf8Between(bytes, start, end, start)
  let hash = length
  for (let i = start; i < end; i++) hash = (hash * 31 + (bytes[i] as number)) & (SLOTS - 1)
  const candidate = known[hash] as string
  if (isText(candidate, bytes, start, length)) return candidate
  const key = utf8Between(bytes, start, end, start)
  known[hash] = key
  return key
}

/** Whether the bytes are `text` in ASCII. Never true of other text, where one character takes several bytes. */
function isText(text: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) {
    if (text.charCodeAt(i) !== bytes[start + i]) return false
  }
  return true
}
