import { decodeValue, type Value } from '@starling/codec'
import { LINE_CHARACTERS_MAX } from './config.ts'
import { ImportError } from './errors.ts'

/** One line of an export, read. */
export interface ImportedLine {
  readonly key: string
  readonly value: unknown
  readonly expiresAtMs: number | undefined
}

/** What is shown of a key, as an export writes it. */
export interface ExportedEntry {
  readonly key: string
  /** The value in its encoding. */
  readonly bytes: Uint8Array
  readonly expiresAtMs: number | undefined
}

/** A JSON object without a line break. What JSON cannot say, a bigint, bytes or −0, is written as the value's encoding in base64. */
export function toLine({ key, bytes, expiresAtMs }: ExportedEntry): string {
  const value = decodeValue(bytes, { bytesMax: bytes.length })
  const content = isJson(value) ? { value } : { encoded: Buffer.from(bytes).toString('base64') }
  return JSON.stringify({ key, ...content, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) })
}

/**
 * Reads one line of an export.
 *
 * @param number its number from 1, for the error.
 * @throws ImportError for a line that is none.
 */
export function fromLine(line: string, number: number): ImportedLine {
  if (line.length > LINE_CHARACTERS_MAX) {
    throw new ImportError(number, `it is longer than ${LINE_CHARACTERS_MAX} characters`)
  }
  try {
    return readLine(JSON.parse(line) as unknown)
  } catch (error) {
    throw new ImportError(number, error instanceof Error ? error.message : String(error), error)
  }
}

function readLine(parsed: unknown): ImportedLine {
  if (typeof parsed !== 'object' || parsed === null) throw new TypeError('it is no object')
  const { key, value, encoded, expiresAtMs } = parsed as Readonly<Record<string, unknown>>
  if (typeof key !== 'string') throw new TypeError('it has no key')
  if (expiresAtMs !== undefined && (!Number.isSafeInteger(expiresAtMs) || (expiresAtMs as number) < 0)) {
    throw new TypeError('its expiresAtMs is no time')
  }
  const end = expiresAtMs as number | undefined
  if (encoded === undefined) {
    if (value === undefined) throw new TypeError('it has no value')
    return { key, value, expiresAtMs: end }
  }
  if (typeof encoded !== 'string') throw new TypeError('its encoded value is no text')
  return { key, value: decodeValue(Buffer.from(encoded, 'base64')), expiresAtMs: end }
}

/** Whether JSON gives the value back exactly. */
function isJson(value: Value): boolean {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'string':
    case 'boolean':
      return true
    case 'object':
      if (value === null) return true
      if (value instanceof Uint8Array) return false
      return Object.values(value).every(part => isJson(part))
    default:
      return false
  }
}
