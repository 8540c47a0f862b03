import { KNOWN_KEY_BYTES_MAX, KNOWN_KEYS_MAX } from './config.ts'
import { utf8Between } from './utf8.ts'

/**
 * Keys met lately, each where its bytes hash to. Values of one map mostly have the same few keys, and making such a key's text
 * again costs more than all the rest of decoding. Each answer is compared with the bytes, so what a peer puts here changes
 * only the speed.
 */
const known = Array.from({ length: KNOWN_KEYS_MAX }, () => '')

/** The text of a key in valid UTF-8. */
export function keyBetween(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  if (length > KNOWN_KEY_BYTES_MAX) return utf8Between(bytes, start, end, start)
  let hash = length
  for (let i = start; i < end; i++) hash = (hash * 31 + (bytes[i] as number)) % KNOWN_KEYS_MAX
  const candidate = known[hash] as string
  if (isText(candidate, bytes, start, length)) return candidate
  const key = utf8Between(bytes, start, end, start)
  // Only ASCII has as many characters as bytes; of other text the characters could be the bytes of another key.
  if (key.length === length) known[hash] = key
  return key
}

/** Whether the bytes are `text`, which is ASCII. */
function isText(text: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) {
    if (text.charCodeAt(i) !== bytes[start + i]) return false
  }
  return true
}
