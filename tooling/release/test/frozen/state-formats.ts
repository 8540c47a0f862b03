import {
  decodeValue,
  encodeFrame,
  encodeValue,
  FrameDecoder,
  type Value
} from '../../../../packages/codec/src/index.ts'
import { decodeStamp, encodeStamp, stampOf } from '../../../../packages/hlc/src/index.ts'
import {
  decodeEntry,
  decodeKnown,
  encodeEntry,
  encodeKnown,
  encodeSnapshot,
  joinEntries,
  loadSnapshot,
  NOTHING_KNOWN,
  ObservedRemoveMap,
  putEntry,
  removeEntry,
  type Entry
} from '../../../../packages/ormap/src/index.ts'
import { encodeLive, itemHash } from '../../../../packages/ormap/src/wire.ts'
import { systemHash } from '../../../../packages/ports/src/system.ts'
import { Fingerprint, wireFingerprint } from '../../../../packages/reconcile/src/fingerprint.ts'
import { bytes, mapValues, messages, text, type WireFormat } from './wire-format.ts'

// What is on the wire and in a row alike.

const NOW = 1_800_000_000_000
const FRAME_BYTES_MAX = 65_536
const at = (counter: number) => stampOf(NOW, counter)
const id = (digits: string) => digits.repeat(8)

const values: Readonly<Record<string, Value>> = {
  null: null,
  true: true,
  false: false,
  zero: 0,
  'negative zero': -0,
  'small integer': 23,
  'one byte integer': 255,
  'negative integer': -500,
  'greatest safe integer': Number.MAX_SAFE_INTEGER,
  'big integer': 2n ** 63n,
  half: 0.5,
  double: 0.1,
  'empty text': '',
  text: 'flags: größer ✓',
  bytes: bytes(5),
  list: [1, 'two', [true, null]],
  map: { on: true, ratio: 0.25, tags: ['a', 'b'], nested: { n: 1 } }
}

const one: Entry = putEntry(undefined, id('a1'), at(0), encodeValue(true))
const both: Entry = joinEntries(
  putEntry(one, id('b2'), at(1), encodeValue({ on: true, ratio: 0.5 })),
  putEntry(one, id('c3'), at(1), encodeValue('x'), NOW + 60_000)
)
const entries: Readonly<Record<string, { readonly key: string; readonly entry: Entry }>> = {
  'one value': { key: 'flag', entry: one },
  'two values at once, one with an end, and evidence': { key: 'flag', entry: both },
  removed: { key: 'flag', entry: removeEntry(both, id('a1'), at(2)) },
  'an empty key': { key: '', entry: one },
  'a key of several scripts': { key: 'ключ/鍵', entry: one }
}

function mapOf(content: Readonly<Record<string, Entry>>): ObservedRemoveMap {
  const map = new ObservedRemoveMap(systemHash)
  for (const [key, entry] of Object.entries(content)) map.join(key, entry)
  return map
}

function load(piece: Uint8Array): ObservedRemoveMap {
  const map = new ObservedRemoveMap(systemHash)
  loadSnapshot(map, piece, { wallMs: NOW })
  return map
}

function pieceOf(map: ObservedRemoveMap): Uint8Array {
  const [piece, ...others] = encodeSnapshot(map)
  if (piece === undefined || others.length > 0) throw new Error('a snapshot of a small map is one piece')
  return piece
}

function framesIn(stream: Uint8Array): readonly Uint8Array[] {
  const payloads: Uint8Array[] = []
  const decoder = new FrameDecoder(FRAME_BYTES_MAX)
  decoder.push(stream, payload => payloads.push(payload.slice()))
  decoder.end()
  return payloads
}

const known = new Map([
  [id('a1'), at(7)],
  [id('b2'), at(9)]
])

function hashOf(key: string, entry: Entry): Uint8Array {
  const live = encodeLive(key, entry, systemHash)
  if (live === undefined) throw new Error('an entry without a value has no item hash')
  return live.hash
}

export const stateFormats: readonly WireFormat[] = [
  messages({ name: 'value', page: 'value.md', samples: values, encode: encodeValue, decode: decodeValue }),
  messages({
    name: 'stream-frames',
    page: 'value.md',
    samples: { one: [text('hello')], several: [text('a'), new Uint8Array(0), bytes(300)] },
    encode: payloads => Buffer.concat(payloads.map(payload => encodeFrame(payload, FRAME_BYTES_MAX))),
    decode: framesIn
  }),
  messages({
    name: 'stamp',
    page: 'entry.md',
    samples: { now: at(0), counted: at(65_535) },
    encode: encodeStamp,
    decode: decodeStamp
  }),
  messages({
    name: 'entry',
    page: 'entry.md',
    samples: entries,
    encode: ({ key, entry }) => encodeEntry(key, entry),
    decode: encoded => decodeEntry(encoded)
  }),
  {
    name: 'snapshot',
    page: 'snapshot.md',
    write: () => ({ 'three keys': pieceOf(mapOf({ one, both, gone: removeEntry(both, id('a1'), at(2)) })) }),
    read: piece => Object.fromEntries(load(piece).allEntries()),
    rewrite: piece => pieceOf(load(piece))
  },
  messages({
    name: 'known',
    page: 'known.md',
    samples: { nothing: NOTHING_KNOWN, 'two replicas': known },
    encode: stamps => encodeKnown(stamps, NOTHING_KNOWN, systemHash),
    decode: encoded => decodeKnown(encoded, NOTHING_KNOWN, systemHash, at(65_535))
  }),
  {
    name: 'fingerprint',
    page: 'entry.md',
    write: () => {
      const hashes = mapValues({ one, both }, entry => hashOf('flag', entry))
      const sum = new Fingerprint()
      for (const hash of Object.values(hashes)) sum.add(hash)
      return {
        ...hashes,
        'a key and some bytes': itemHash('k', bytes(3), systemHash),
        'of two': wireFingerprint(sum, systemHash)
      }
    }
  }
]
