import type { Json } from '../../../src/api/types.ts'
import { VALUE_CHARS_MAX } from '../config.ts'

/** What somebody typed as a value: JSON, or plain text where it cannot be meant as JSON. */
export type Typed =
  | { readonly type: 'value'; readonly value: Json; readonly kind: string }
  | { readonly type: 'bad'; readonly reason: string }

export function readValue(text: string): Typed {
  const trimmed = text.trim()
  if (trimmed === '') return { type: 'bad', reason: 'Type a value. An empty text is written as "".' }
  try {
    const value = JSON.parse(trimmed) as Json
    return { type: 'value', value, kind: kindOf(value) }
  } catch (error) {
    // Text that begins like JSON was meant as JSON, and storing it as text would hide the mistake.
    if (!/^[{["]/.test(trimmed)) return { type: 'value', value: trimmed, kind: 'text' }
    return { type: 'bad', reason: `This is not complete JSON: ${(error as Error).message}.` }
  }
}

/** A value on one line, cut to what the table shows. */
export function shortText(value: Json): string {
  const text = JSON.stringify(value)
  return text.length <= VALUE_CHARS_MAX ? text : `${text.slice(0, VALUE_CHARS_MAX)}…`
}

/** A value as it is edited. */
export function longText(value: Json): string {
  return JSON.stringify(value, undefined, 2)
}

function kindOf(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'string') return 'text'
  return typeof value === 'number' ? 'a number' : 'true or false'
}
