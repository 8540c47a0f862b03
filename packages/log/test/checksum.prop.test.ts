import * as zlib from 'node:zlib'
import { Fingerprint } from '@starling/reconcile/fingerprint'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32 } from '../src/checksum.ts'
import { HashSum } from '../src/hash-sum.ts'
import { runs } from './runs.ts'

test('the checksum of any stretch of bytes is that of zlib', () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1_200 }), fc.nat(1_200), fc.nat(1_200), (bytes, a, b) => {
      const [from, to] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)]
      expect(crc32(bytes, from, to)).toBe(zlib.crc32(bytes.subarray(from, to)))
    }),
    runs(10_000)
  ))

test('the sum of hashes where they lie is the fingerprint of them', () =>
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 20 }),
      fc.nat(9),
      (hashes, gap) => {
        const memory = new Uint8Array(hashes.length * (32 + gap) + gap)
        const [sum, expected] = [new HashSum(), new Fingerprint()]
        hashes.forEach((hash, i) => {
          memory.set(hash, gap + i * (32 + gap))
          sum.add(new DataView(memory.buffer), gap + i * (32 + gap))
          expected.add(hash)
        })
        expect(sum.count).toBe(hashes.length)
        expect(sum.fingerprint().equals(expected)).toBe(true)
      }
    ),
    runs(10_000)
  ))

test('a sum of very many hashes loses nothing', () => {
  const hash = new Uint8Array(32).fill(0xff)
  const [view, sum, expected] = [new DataView(hash.buffer), new HashSum(), new Fingerprint()]
  for (let i = 0; i < 300_000; i++) {
    sum.add(view, 0)
    expected.add(hash)
  }
  expect(sum.fingerprint().equals(expected)).toBe(true)
})
