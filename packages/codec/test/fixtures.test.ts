import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DecodeError, decodeValue, encodeValue, FrameDecoder } from '../src/index.ts'
import { parseNotation } from './support/notation.ts'
import { FRAME_BYTES_MAX, fromHex, hex } from './support/targets.ts'
import { expectSame } from './support/values.ts'

// The bytes of each format as they were first written down. Until the first published version a change of a format replaces its
// file by one of the next number, and old bytes are refused; from then on every file stays and stays readable.

interface Fixture<T> {
  readonly accepted: Readonly<Record<string, T>>
  readonly refused: Readonly<Record<string, string>>
}

const read = (name: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8'))
const values = read('value-1.json') as Fixture<string>
const frames = read('frames-1.json') as Fixture<readonly string[]>

const reasonOf = (decode: () => unknown): string => {
  try {
    decode()
  } catch (error) {
    if (error instanceof DecodeError) return `${error.reason}@${error.offset}`
    throw error
  }
  return 'accepted'
}

function framesOf(text: string): readonly string[] {
  const payloads: string[] = []
  const decoder = new FrameDecoder(FRAME_BYTES_MAX)
  decoder.push(fromHex(text), payload => payloads.push(hex(payload)))
  decoder.end()
  return payloads
}

test.each(Object.entries(values.accepted))('the value %s is read, and written the same', (text, notation) => {
  expectSame(decodeValue(fromHex(text)), parseNotation(notation))
  expect(hex(encodeValue(parseNotation(notation)))).toBe(text)
})

test.each(Object.entries(values.refused))('the value %s is refused', (text, reason) => {
  expect(reasonOf(() => decodeValue(fromHex(text)))).toBe(reason)
})

test.each(Object.entries(frames.accepted))('the frames %s are read', (text, payloads) => {
  expect(framesOf(text)).toEqual(payloads)
})

test.each(Object.entries(frames.refused))('the frames %s are refused', (text, reason) => {
  expect(reasonOf(() => framesOf(text))).toBe(reason)
})

test('every vector of docs/wire/value.md is one of these', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/wire/value.md'), 'utf8')
  const blocks = page.slice(page.indexOf('## Test vectors')).split('```')
  const lines = (block: number) =>
    [...(blocks[block] ?? '').matchAll(/^([0-9a-f]+) {2,}(.+)$/gm)].map(
      ([, text = '', rest = '']) => [text, rest] as const
    )
  const reason = (rest: string) => rest.split(/ {2,}/)[0] ?? ''
  const [accepted, refused, streams] = [lines(1), lines(3), lines(5)]
  expect([accepted.length, refused.length, streams.length]).toEqual([26, 14, 7])
  for (const [text, notation] of accepted) expect(values.accepted[text], text).toBe(notation)
  for (const [text, rest] of refused) expect(values.refused[text], text).toBe(reason(rest))
  for (const [text, rest] of streams) {
    const payloads = frames.accepted[text]?.map(each => `"${each}"`).join(' ')
    expect(payloads ?? frames.refused[text], text).toBe(reason(rest))
  }
})
