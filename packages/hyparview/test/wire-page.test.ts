import { DecodeError } from '@starling/codec'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeMessage, encodeMessage } from '../src/index.ts'

// Goal: docs/wire/hyparview.md tells the truth. Method: its vectors are decoded, compared with what it says they are, and encoded again.

const page = readFileSync(join(import.meta.dirname, '../../../docs/wire/hyparview.md'), 'utf8')
const lines = [...page.matchAll(/^(?<bytes>[0-9a-f]{2,}) +(?<says>\S.*)$/gmu)].map(({ groups }) => ({
  bytes: groups?.['bytes'] ?? '',
  says: groups?.['says'] ?? ''
}))
const accepted = lines.filter(({ says }) => says.startsWith('{'))
const refused = lines.filter(({ says }) => !says.startsWith('{'))

const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('the vectors of docs/wire/hyparview.md', () => {
  test('are of all eight messages', () => {
    expect(new Set(accepted.map(({ says }) => (JSON.parse(says) as { type: string }).type)).size).toBe(8)
    expect(refused.length).toBeGreaterThan(4)
  })

  test.each(accepted)('$bytes is $says', ({ bytes, says }) => {
    const message = decodeMessage(unhex(bytes))
    expect(
      JSON.stringify(message, (_key, value: unknown) => (value instanceof Uint8Array ? hex(value) : value))
    ).toBe(says)
    expect(hex(encodeMessage(message))).toBe(bytes)
  })

  test.each(refused)('$bytes is refused: $says', ({ bytes, says }) => {
    let reason = 'accepted'
    try {
      decodeMessage(unhex(bytes))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      reason = `${error.reason}@${error.offset}`
    }
    expect(reason).toBe(says.split(' ')[0])
  })
})
