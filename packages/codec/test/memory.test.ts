import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { corpusOf } from './support/corpus.ts'

/**
 * At most so many bytes of memory for each byte decoded, and so many at all. The most by far takes an empty byte string, one
 * byte that becomes a `Uint8Array` of some 200; next come empty objects and small ones with a key nobody has used before.
 */
const FACTOR_MAX = 320
const CONSTANT_MAX = 20_000

const head = (major: number, count: number) =>
  [major | 25, count >>> 8, count & 0xff].map(byte => byte.toString(16).padStart(2, '0')).join('')
const many = (item: string, count = Math.floor(120_000 / item.length)) =>
  head(0x80, count) + item.repeat(count)
const text = (value: string) => (0x60 + value.length).toString(16) + Buffer.from(value).toString('hex')

/** Values of about 60 KB made of what is small on the wire and large in memory, next to those of the corpus. */
const BOMBS: readonly (readonly [decoder: string, name: string, digits: string])[] = [
  ['value', 'empty arrays', many('80')],
  ['value', 'empty maps', many('a0')],
  ['value', 'empty byte strings', many('40')],
  ['value', 'byte strings of 33', many(`5821${'00'.repeat(33)}`)],
  ['value', 'empty texts', many('60')],
  ['value', 'texts that are not ASCII', many('62c3bc')],
  ['value', 'arrays of one', many('8100')],
  ['value', 'bigints', many('c240')],
  ['value', 'halfs', many('f93800')],
  ['value', 'maps with the key 0', many('a1613000')],
  ['value', 'maps with the key 332', many('a16333333200')],
  ['value', 'maps with the key 1000', many('a1643130303000')],
  ['value', 'maps with the key __proto__', many('a1695f5f70726f746f5f5fa0')],
  ['value', 'maps that share no key', head(0x80, 8000) + keys(8000, key => `a1${key}00`)],
  ['value', 'one map', head(0xa0, 9000) + keys(9000, key => `${key}00`)],
  ['value', 'one map of digits', head(0xa0, 6000) + digits(6000)],
  ['check', 'one map', head(0xa0, 9000) + keys(9000, key => `${key}00`)],
  ['check', 'maps of eight', many('a8616100616200616300616400616500616600616700616800')],
  ['frames', 'a length alone', '808004'],
  ['frames', 'empty frames', '00'.repeat(60_000)],
  ['frames', 'half a frame', `808004${'00'.repeat(30_000)}`],
  ['utf8', 'bad at the end', `${'61'.repeat(60_000)}ff`],
  ...(['value', 'frames', 'utf8'] as const).flatMap(target =>
    corpusOf(target).map(({ name, bytes }) => [target, name, Buffer.from(bytes).toString('hex')] as const)
  )
]

function keys(count: number, item: (key: string) => string): string {
  return Array.from({ length: count }, (_, i) => item(text(i.toString(36).padStart(4, 'k')))).join('')
}

function digits(count: number): string {
  return Array.from({ length: count }, (_, i) => `${text(String(i * 2000))}00`).join('')
}

test('decoding allocates at most a constant times the bytes, whatever they are', () => {
  const child = spawnSync(
    process.execPath,
    [
      '--expose-gc',
      '--min-semi-space-size=256',
      '--max-semi-space-size=256',
      join(import.meta.dirname, 'child/memory.mjs')
    ],
    { input: JSON.stringify(BOMBS), encoding: 'utf8', timeout: 30_000 }
  )
  expect(child.stderr).toBe('')
  const results = JSON.parse(child.stdout) as { name: string; length: number; allocated: number }[]
  expect(results).toHaveLength(BOMBS.length)
  const over = results.filter(each => each.allocated > FACTOR_MAX * each.length + CONSTANT_MAX)
  expect(over).toEqual([])
  // The measurement sees what is allocated.
  expect(Math.max(...results.map(each => each.allocated / each.length))).toBeGreaterThan(100)
})
