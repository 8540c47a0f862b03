import { DecodeError } from '@starling/codec'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeMessage, encodeMessage, MESSAGE_BYTES_MAX, type Message } from '../src/index.ts'
import { message } from './arbitraries.ts'
import { runs } from './runs.ts'

const peer = (id: string, bytes: number) => ({ id, data: new Uint8Array(bytes) })

describe('messages on the wire', () => {
  test('what is encoded is decoded again, within the size limit', () => {
    fc.assert(
      fc.property(message, value => {
        const bytes = encodeMessage(value)
        expect(decodeMessage(bytes)).toEqual(value)
        expect(bytes.length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX)
      }),
      runs(10_000)
    )
  })

  test('the largest shuffle fits the stated size', () => {
    const key = 'k'.repeat(128)
    const full: Message = {
      type: 'shuffle',
      shuffleId: 1,
      origin: peer(key, 512),
      ttl: 6,
      link: 1,
      entries: Array.from({ length: 8 }, () => peer(key, 512)),
      swap: peer(key, 512)
    }
    expect(encodeMessage(full).length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX)
    expect(decodeMessage(encodeMessage(full))).toEqual(full)
  })

  test('arbitrary bytes are refused by DecodeError or are the one encoding of what they say', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        let decoded: Message
        try {
          decoded = decodeMessage(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
          return
        }
        expect(encodeMessage(decoded)).toEqual(bytes)
      }),
      runs(10_000)
    )
  })

  test('a damaged message is refused or is another message, never anything else', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.nat({ max: 255 }), fc.boolean(), (value, at, byte, cut) => {
        const bytes = encodeMessage(value)
        const damaged = cut ? bytes.slice(0, at % bytes.length) : bytes.slice()
        if (!cut) damaged[at % bytes.length] = byte
        try {
          expect(encodeMessage(decodeMessage(damaged))).toEqual(damaged)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      runs(10_000)
    )
  })

  test.each([
    ['no bytes', []],
    ['an unknown type', [99]],
    ['bytes left over', [...encodeMessage({ type: 'join', requestId: 1, data: new Uint8Array(0) }), 0]],
    ['more samples than allowed', [4, 0, 0, 0, 1, 1, 0, 200]],
    ['an empty peer id', [6, 0, 0, 0, 1]]
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeMessage(Uint8Array.from(bytes))).toThrow(DecodeError)
  })

  test('decoded data does not share memory with the frame', () => {
    const bytes = encodeMessage({ type: 'join', requestId: 1, data: Uint8Array.of(7) })
    const decoded = decodeMessage(bytes)
    bytes.fill(0)
    expect(decoded).toMatchObject({ data: Uint8Array.of(7) })
  })
})
