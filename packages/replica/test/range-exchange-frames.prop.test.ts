import { DecodeError } from '@starling/codec'
import { replicaIdOf } from '@starling/ormap'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EntryPacker } from '../src/frames.ts'
import {
  decodeSessionFrame,
  encodeCount,
  encodeHello,
  encodeKnownFrame,
  encodePart,
  entriesHead,
  type SessionFrame
} from '../src/range-exchange-frames.ts'
import { runs } from './support/runs.ts'

const digest = fc.uint8Array({ minLength: 16, maxLength: 16 })
const bytes = fc.uint8Array({ minLength: 1, maxLength: 30 })
const replica = fc.uint8Array({ minLength: 8, maxLength: 8 }).map(id => replicaIdOf(id))
const answered = fc.array(replica, { maxLength: 3 })

const frame: fc.Arbitrary<SessionFrame> = fc.oneof(
  fc.record({
    type: fc.constant('hello' as const),
    known: digest,
    held: fc.option(digest, { nil: undefined })
  }),
  fc.record({
    type: fc.constant('known' as const),
    fromHeld: fc.boolean(),
    difference: fc.uint8Array({ maxLength: 30 })
  }),
  fc.record({
    type: fc.constant('entries' as const),
    back: fc.boolean(),
    entries: fc.array(fc.record({ bytes, answered: fc.constant([]) }), { minLength: 1, maxLength: 4 })
  }),
  fc.record({
    type: fc.constant('part' as const),
    first: fc.boolean(),
    back: fc.boolean(),
    entry: fc.record({ bytes, answered })
  }),
  fc.record({
    type: fc.constantFrom('found' as const, 'end' as const),
    count: fc.nat(2 ** 31 - 1),
    leftOut: fc.boolean()
  })
)

function encode(one: SessionFrame): Uint8Array {
  switch (one.type) {
    case 'comparison':
      return one.bytes
    case 'hello':
      return encodeHello(one.known, one.held)
    case 'known':
      return encodeKnownFrame(one.fromHeld, one.difference)
    case 'entries': {
      const packer = new EntryPacker(entriesHead(one.back), 1 << 20)
      for (const entry of one.entries) packer.add(entry.bytes)
      return packer.flush() as Uint8Array
    }
    case 'part':
      return encodePart(one.entry.bytes, { ...one, answered: one.entry.answered })
    case 'found':
    case 'end':
      return encodeCount(one.type, one.count, one.leftOut)
  }
}

test('a frame reads back as it was written', () => {
  fc.assert(
    fc.property(frame, one => {
      expect(decodeSessionFrame(encode(one))).toEqual(one)
    }),
    runs(10_000)
  )
})

test('any bytes are refused with DecodeError, or are the one encoding of what they mean', () => {
  const damaged = fc
    .tuple(frame, fc.array(fc.tuple(fc.nat(40), fc.nat(255)), { maxLength: 2 }), fc.nat(60))
    .map(([one, changes, cut]) => {
      const copy = encode(one).slice(0, cut < 40 ? undefined : 60 - cut)
      for (const [at, byte] of changes) if (copy.length > 0) copy[at % copy.length] = byte
      return copy
    })
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 40 })), junk => {
      let read: SessionFrame
      try {
        read = decodeSessionFrame(junk)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
        return
      }
      expect(encode(read)).toEqual(junk)
    }),
    runs(10_000)
  )
})
