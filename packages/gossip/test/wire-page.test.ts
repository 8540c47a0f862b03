import { systemHmac } from '@starling/ports/system'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeAddresses, encodeAddresses } from '../src/addresses.ts'
import { decodeBatch, encodeBatch, encodeFrame } from '../src/frames.ts'
import { tokenText, topicToken } from '../src/topic-token.ts'

// Goal: docs/wire/gossip.md tells the truth. Method: its vectors are made and read here.

const page = readFileSync(join(import.meta.dirname, '../../../docs/wire/gossip.md'), 'utf8')
const frames = [...page.matchAll(/^(?<bytes>[0-9a-f]{2,}) +(?<says>\{.*)$/gmu)].map(({ groups }) => ({
  bytes: groups?.['bytes'] ?? '',
  says: groups?.['says'] ?? ''
}))
const named = (name: string): string =>
  new RegExp(`^${name} +(?<bytes>[0-9a-f]+) `, 'mu').exec(page)?.groups?.['bytes'] ?? ''

const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('the vectors of docs/wire/gossip.md', () => {
  test('are of all six frames', () => {
    expect(new Set(frames.map(({ says }) => (JSON.parse(says) as { type: string }).type)).size).toBe(6)
  })

  test.each(frames)('$bytes is $says', ({ bytes, says }) => {
    const [frame, ...rest] = decodeBatch(encodeBatch([unhex(bytes)]))
    if (frame === undefined) throw new Error('the frame cannot be read')
    expect(rest).toEqual([])
    expect(
      JSON.stringify(frame, (_key, value: unknown) => (value instanceof Uint8Array ? hex(value) : value))
    ).toBe(says)
    expect(hex(encodeFrame(frame))).toBe(bytes)
    if (frame.type === 'bind') {
      expect(tokenText(frame.token)).toBe(tokenText(topicToken(systemHmac, 'flags', 'peer-a', 'peer-b')))
    }
  })

  test('a message holds frames, and data holds addresses', () => {
    const [unknown, unbind] = [frames[3], frames[5]].map(frame => unhex(frame?.bytes ?? ''))
    if (unknown === undefined || unbind === undefined) throw new Error('the page has too few frames')
    expect(hex(encodeBatch([unknown, unbind]))).toBe(named('message'))
    const addresses = ['/ip4/10.0.0.7/udp/4001/quic-v1']
    expect(hex(encodeAddresses(addresses, 512))).toBe(named('addresses'))
    expect(decodeAddresses(unhex(named('addresses')))).toEqual(addresses)
  })
})
