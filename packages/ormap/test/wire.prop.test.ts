import { DecodeError } from '@starling/codec'
import { HybridLogicalClock } from '@starling/hlc'
import { systemHash } from '@starling/ports/system'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  decodeEntry,
  decodeRows,
  encodeEntry,
  encodeWithRows,
  ingest,
  ObservedRemoveMap
} from '../src/index.ts'
import { arbitraryEntry } from './entries.ts'
import { mutate } from './mutate.ts'
import { runs } from './runs.ts'

const key = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.constantFrom('', '__proto__', '\ufeff')
)
const encoded = fc.tuple(key, arbitraryEntry).map(([each, entry]) => encodeEntry(each, entry))
const mutated = mutate(encoded)

test('an entry comes back from its encoding and from its rows', () => {
  fc.assert(
    fc.property(key, arbitraryEntry, (name, entry) => {
      const { wire, live, evidence } = encodeWithRows(name, entry, systemHash)
      expect(decodeEntry(wire)).toEqual({ key: name, entry })
      expect(decodeRows(live?.bytes, evidence?.bytes)).toEqual(entry)
    }),
    runs(10_000)
  )
})

test('any bytes are an entry that encodes to the same bytes, or a DecodeError', () => {
  let accepted = 0
  let refused = 0
  fc.assert(
    fc.property(fc.oneof(mutated, mutated, fc.uint8Array({ maxLength: 40 })), bytes => {
      try {
        const decoded = decodeEntry(bytes)
        expect(encodeEntry(decoded.key, decoded.entry)).toEqual(bytes)
        accepted++
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
        refused++
      }
    }),
    runs(20_000)
  )
  expect(accepted).toBeGreaterThan(1000)
  expect(refused).toBeGreaterThan(1000)
})

test('any bytes are ingested without a throw; what is refused changes neither map nor clock', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(encoded, mutated), { maxLength: 3 }),
      fc.constantFrom(0, 1000),
      (messages, driftMsMax) => {
        const map = new ObservedRemoveMap(systemHash)
        const clock = new HybridLogicalClock({ driftMsMax })
        const result = ingest(map, messages, { wallMs: 0, driftMsMax })
        expect(map.entryCount).toBe(0)
        expect(result.changed.length + result.unchanged + result.rejected.length).toBe(messages.length)
        const alone = messages.filter(
          bytes => ingest(map, [bytes], { wallMs: 0, driftMsMax }).rejected.length === 0
        )
        expect(alone.length).toBe(messages.length - result.rejected.length)
        expect(ingest(map, alone, { wallMs: 0, driftMsMax })).toEqual({ ...result, rejected: [] })
        expect(clock.receive(result.greatestStamp, 0).ok).toBe(true)
        if (alone.length === 0) expect(clock.last).toBe(0n)
        for (const each of result.changed) map.join(each.key, each.joined)
        expect(ingest(map, alone, { wallMs: 0, driftMsMax }).changed).toEqual([])
      }
    ),
    runs(10_000)
  )
})

test('an entry that comes as it is held does what it does when it is decoded', () => {
  let same = 0
  fc.assert(
    fc.property(
      fc.array(fc.tuple(key, arbitraryEntry), { minLength: 1, maxLength: 4 }),
      fc.array(mutated, { maxLength: 2 }),
      fc.constantFrom(0, 1000, 1e6),
      (held, others, wallMs) => {
        const map = new ObservedRemoveMap(systemHash)
        for (const [name, entry] of held) map.join(name, entry)
        const messages = [...held.map(([name, entry]) => encodeEntry(name, entry)), ...others]
        same += held.filter(([name], i) => map.heldAs(name, messages[i] as Uint8Array) !== undefined).length
        const decoding = { get: (name: string) => map.get(name) }
        expect(ingest(map, messages, { wallMs })).toEqual(ingest(decoding, messages, { wallMs }))
      }
    ),
    runs(10_000)
  )
  expect(same).toBeGreaterThan(1000)
})

test('an entry is known by exactly its bytes', () => {
  fc.assert(
    fc.property(key, arbitraryEntry, fc.nat(), (name, entry, at) => {
      const map = new ObservedRemoveMap(systemHash)
      map.join(name, entry)
      const wire = encodeEntry(name, entry)
      expect(map.heldAs(name, wire)).toEqual(map.get(name))
      expect(map.heldAs(`${name}x`, wire)).toBe(undefined)
      expect(map.heldAs(name, wire.subarray(0, -1))).toBe(undefined)
      wire[at % wire.length] = (wire[at % wire.length] as number) ^ 1
      expect(map.heldAs(name, wire)).toBe(undefined)
    }),
    runs(2000)
  )
})

test('rows of any bytes are an entry or a DecodeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (live, evidence) => {
      try {
        decodeRows(live, evidence)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }),
    runs(10_000)
  )
})
