import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BodyBuffer } from '../src/body-buffer.ts'
import { patternBytes } from '../src/contract/probes.ts'

test('what is kept or let go stays as it was, whatever is lent later', () => {
  const length = fc.oneof(fc.nat(200), fc.nat(5000), fc.constantFrom(0, 1024, 1025, 65_536))
  const step = fc.record({ length, act: fc.constantFrom('keep', 'letGo', 'nothing', 'view') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const bodies = new BodyBuffer()
      const kept: { readonly bytes: Uint8Array; readonly expected: Uint8Array }[] = []
      steps.forEach(({ length, act }, i) => {
        const expected = patternBytes(length, i)
        if (act === 'view') {
          // A part of a piece that the transport read: its buffer is not written to again.
          const piece = patternBytes(length + 50, i)
          kept.push({ bytes: bodies.keep(piece.subarray(0, length)), expected: piece.slice(0, length) })
          return
        }
        const body = bodies.lend(length)
        body.set(expected)
        if (act === 'keep') kept.push({ bytes: bodies.keep(body), expected })
        if (act !== 'letGo') return
        bodies.letGo()
        kept.push({ bytes: body, expected })
      })
      for (const { bytes, expected } of kept) expect(Buffer.compare(bytes, expected)).toBe(0)
    })
  )
})

test('a message that is kept does not keep a buffer of many times its length', () => {
  const bodies = new BodyBuffer()
  const readBuffer = patternBytes(65_536)
  const small = Array.from({ length: 200 }, (_, i) => bodies.keep(readBuffer.subarray(i, i + 100)))
  for (const message of small) expect(message.buffer.byteLength).toBeLessThanOrEqual(8192)
  expect(new Set(small.map(message => message.buffer)).size).toBe(3)
  expect(bodies.keep(readBuffer.subarray(0, 20_000)).buffer.byteLength).toBe(20_000)
  expect(bodies.keep(readBuffer.subarray(0, 40_000)).buffer).toBe(readBuffer.buffer)
})

// Over QUIC each read has 4 KiB of native memory, however few bytes came; a view of them keeps it all (measured).
test('a small message is copied even when the piece it came in is no longer', () => {
  const bodies = new BodyBuffer()
  for (const length of [1, 100, 2048]) {
    const piece = patternBytes(4 + length)
    const kept = bodies.keep(piece.subarray(4))
    expect(kept.buffer).not.toBe(piece.buffer)
    expect(kept).toEqual(piece.slice(4))
  }
})

test('one buffer serves for body after body', () => {
  const bodies = new BodyBuffer()
  const buffers = [65_536, 100, 65_536, 65_536].map(length => bodies.lend(length).buffer)
  expect(new Set(buffers).size).toBe(1)
})
