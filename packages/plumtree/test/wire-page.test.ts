import { systemHash } from '@starling/ports/system'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeMessage, defaultConfig, encodeMessage, messageId } from '../src/index.ts'

// Goal: docs/wire/plumtree.md tells the truth. Method: its vectors are decoded, compared with what it says they are, and encoded again.

const page = readFileSync(join(import.meta.dirname, '../../../docs/wire/plumtree.md'), 'utf8')
const lines = [...page.matchAll(/^(?<bytes>[0-9a-f]{2,}) +(?<says>\S.*)$/gmu)].map(({ groups }) => ({
  bytes: groups?.['bytes'] ?? '',
  says: groups?.['says'] ?? ''
}))
const accepted = lines.filter(({ says }) => says.startsWith('{'))
const refused = lines.filter(({ says }) => !says.startsWith('{'))

const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('the vectors of docs/wire/plumtree.md', () => {
  test('are of all five messages', () => {
    expect(new Set(accepted.map(({ says }) => (JSON.parse(says) as { type: string }).type)).size).toBe(5)
    expect(refused.length).toBeGreaterThan(4)
  })

  test.each(accepted)('$bytes is $says', ({ bytes, says }) => {
    const decoded = decodeMessage(unhex(bytes), defaultConfig)
    if (!decoded.ok) throw new Error(decoded.reason)
    const { message } = decoded
    expect(
      JSON.stringify(message, (_key, value: unknown) => (value instanceof Uint8Array ? hex(value) : value))
    ).toBe(says)
    expect(hex(encodeMessage(message))).toBe(bytes)
    if (message.type === 'gossip') {
      const { id, origin, sequence, payload } = message
      expect(messageId(systemHash, origin, sequence, payload)).toBe(id)
    }
  })

  test.each(refused)('$bytes is refused: $says', ({ bytes, says }) => {
    const decoded = decodeMessage(unhex(bytes), defaultConfig)
    expect(decoded.ok ? 'accepted' : decoded.reason).toBe(says.split(' ')[0])
  })
})
