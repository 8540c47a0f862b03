import type { Value } from '../../src/index.ts'

/**
 * A value as the wire page and the fixtures write it: JSON, and beyond it `5n` for a bigint, `h'0102'` for bytes and `-0.0`.
 * The three stand alone, never inside an array or a map.
 */
export function parseNotation(text: string): Value {
  if (/^-?\d+n$/.test(text)) return BigInt(text.slice(0, -1))
  if (text === '-0.0') return -0
  const bytes = /^h'([0-9a-f]*)'$/.exec(text)
  return bytes === null ? (JSON.parse(text) as Value) : Uint8Array.from(Buffer.from(bytes[1] ?? '', 'hex'))
}
