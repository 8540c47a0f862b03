import { DecodeError, encodeValue } from '@starling/codec'
import { encodeStamp, stampOf } from '@starling/hlc'
import { systemHash } from '@starling/ports/system'
import { encodeFingerprint, Fingerprint, wireFingerprint } from '@starling/reconcile/fingerprint'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  decodeEntry,
  decodeRows,
  encodeEntry,
  encodeEvidence,
  encodeKey,
  encodeLive,
  encodeWithRows,
  InvalidKeyError,
  isReplicaId,
  itemHash,
  joinEntries,
  putEntry,
  removeEntry,
  replicaIdBytes,
  replicaIdOf,
  versionOf
} from '../src/index.ts'
import { entryOf, id, item } from './entries.ts'

const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex')
const fromHex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))

/** The vectors as the wire page states them. */
const page = readFileSync(join(import.meta.dirname, '../../../docs/wire/entry.md'), 'utf8')
const vectors = new Map(
  [...page.matchAll(/^([a-z.]+) +([0-9a-f]{16,})/gm)].map(([, name, text]) => [name, text])
)

describe('the vectors of docs/wire/entry.md', () => {
  const at = (counter: number) => stampOf(1_700_000_000_000, counter)
  const one = putEntry(undefined, id('aa'), at(0), encodeValue(true))
  const second = putEntry(one, id('bb'), at(1), encodeValue({ on: true, ratio: 0.5 }))
  const third = putEntry(one, id('cc'), at(1), encodeValue('x'), 1_700_000_060_000)
  const both = joinEntries(second, third)
  const removed = removeEntry(both, id('aa'), at(2))
  const hashOf = (key: string, entry: typeof one) =>
    encodeWithRows(key, entry, systemHash).live?.hash ?? new Uint8Array()
  const all = new Fingerprint().add(hashOf('flag', both)).add(hashOf('other', one))

  test.each([
    ['stamp', hex(encodeStamp(at(7)))],
    ['one', hex(encodeEntry('flag', one))],
    ['one.hash', hex(hashOf('flag', one))],
    ['one.version', versionOf(one, systemHash)],
    ['both', hex(encodeEntry('flag', both))],
    ['both.hash', hex(hashOf('flag', both))],
    ['both.evidence', hex(encodeWithRows('flag', both, systemHash).evidence?.hash)],
    ['both.version', versionOf(both, systemHash)],
    ['removed', hex(encodeEntry('flag', removed))],
    ['removed.evidence', hex(encodeWithRows('flag', removed, systemHash).evidence?.hash)],
    ['other.hash', hex(hashOf('other', one))],
    ['sum', hex(encodeFingerprint(all).subarray(0, 32))],
    ['fingerprint', hex(wireFingerprint(all, systemHash))],
    ['fingerprint.empty', hex(wireFingerprint(new Fingerprint(), systemHash))]
  ])('%s', (name, ours) => {
    expect(ours).toBe(vectors.get(name))
  })

  test('are decoded, and there are no others', () => {
    for (const [name, entry] of Object.entries({ one, both, removed })) {
      expect(decodeEntry(fromHex(vectors.get(name) ?? ''))).toEqual({ key: 'flag', entry })
    }
    expect(vectors.size).toBe(14)
  })
})

describe('rows', () => {
  const entry = entryOf(item('a', 1), item('b', 2, 5, 9), item('c', 3, 6), item('d', 4))

  test('are parts of the encoded entry, and the same when encoded alone', () => {
    const encoded = encodeWithRows('k', entry, systemHash)
    expect(encoded.wire).toEqual(encodeEntry('k', entry))
    expect(encoded.key).toEqual(encodeKey('k'))
    expect(encoded.live).toEqual(encodeLive('k', entry, systemHash))
    expect(encoded.evidence).toEqual(encodeEvidence('k', entry, systemHash))
    expect(encoded.live?.hash).toEqual(itemHash('k', encoded.live?.bytes ?? new Uint8Array(), systemHash))
    expect(encoded.live?.bytes.buffer).toBe(encoded.wire.buffer)
    expect(decodeRows(encoded.live?.bytes, encoded.evidence?.bytes)).toEqual(entry)
  })

  test('are not there when there is nothing in them', () => {
    expect(encodeWithRows('k', entryOf(item('a', 1)), systemHash).live).toBeUndefined()
    expect(encodeWithRows('k', entryOf(item('a', 1, 1)), systemHash).evidence).toBeUndefined()
    expect(encodeLive('k', entryOf(item('a', 1)), systemHash)).toBeUndefined()
    expect(encodeEvidence('k', entryOf(item('a', 1, 1)), systemHash)).toBeUndefined()
    expect(decodeRows(undefined, undefined)).toEqual({ items: [] })
  })

  test('the hash depends on the key, the kind of row and every byte, and the item hash not on evidence', () => {
    const hashes = [
      encodeLive('k', entryOf(item('a', 1, 1)), systemHash),
      encodeLive('l', entryOf(item('a', 1, 1)), systemHash),
      encodeLive('k', entryOf(item('a', 2, 1)), systemHash),
      encodeLive('k', entryOf(item('b', 1, 1)), systemHash),
      encodeLive('k', entryOf(item('a', 1, 2)), systemHash),
      encodeLive('k', entryOf(item('a', 1, 1, 0)), systemHash),
      encodeEvidence('k', entryOf(item('a', 1)), systemHash),
      encodeEvidence('l', entryOf(item('a', 1)), systemHash)
    ].map(row => hex(row?.hash))
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(hex(encodeLive('k', entryOf(item('a', 1, 1), item('b', 9)), systemHash)?.hash)).toBe(hashes[0])
  })

  test('a row that is older than the other is put right by the merge', () => {
    const live = encodeLive('k', entryOf(item('a', 1, 1)), systemHash)?.bytes
    const evidence = encodeEvidence('k', entryOf(item('a', 1), item('b', 2)), systemHash)?.bytes
    expect(decodeRows(live, evidence)).toEqual(entryOf(item('a', 1), item('b', 2)))
  })

  test.each([
    ['an empty row', '00'],
    ['bytes after the row', '0100000000000000aa018bcfe5680000000001f5ff'],
    ['a row that ends early', '0100000000000000aa018bcf']
  ])('%s is refused', (_name, text) => {
    expect(() => decodeRows(fromHex(text), undefined)).toThrow(DecodeError)
    expect(() => decodeRows(undefined, fromHex(text))).toThrow(DecodeError)
  })
})

describe('decodeEntry refuses', () => {
  const A = '00000000000000aa 0000000000000001'
  const B = '00000000000000bb 0000000000000001'
  const refusal = (text: string, limits = {}) => {
    try {
      decodeEntry(fromHex(text), {
        keyBytesMax: 8,
        valueBytesMax: 8,
        valueDepthMax: 2,
        itemsMax: 3,
        ...limits
      })
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError)
      return `${(error as DecodeError).reason}@${(error as DecodeError).offset}`
    }
    return 'accepted'
  }

  test.each([
    ['(accepts a dot)', `01 016b 01 ${A} 00 0100 00`, 'accepted'],
    ['(accepts the empty key)', `01 00 01 ${A} 00 0100 00`, 'accepted'],
    ['nothing', '', 'truncated@0'],
    ['another format', `02 016b 01 ${A} 00 0100 00`, 'unknownType@0'],
    ['format 0', `00 016b 01 ${A} 00 0100 00`, 'unknownType@0'],
    ['a key over the limit', `01 09 ${'61'.repeat(9)} 01 ${A} 00 0100 00`, 'tooLong@1'],
    ['a key that is not UTF-8', `01 01ff 01 ${A} 00 0100 00`, 'badText@2'],
    ['a key length that is not the shortest', `01 81006b 01 ${A} 00 0100 00`, 'notShortest@1'],
    ['no items', '01 016b 00 00', 'invalid@5'],
    ['more dots than the limit', `01 016b 04 ${A}`, 'tooLong@3'],
    ['more items than the limit together', `01 016b 01 ${A} 00 0100 03`, 'tooLong@23'],
    ['more dots than there are bytes', `01 016b 03 ${A} 00 0100 00`, 'truncated@3'],
    ['2^53 - 1 pieces of evidence', '01 016b 00 ffffffffffffff0f', 'tooLong@4'],
    ['a varint of eleven bytes', '01 016b ffffffffffffffffffff01', 'outOfRange@3'],
    ['an unknown kind of dot', `01 016b 01 ${A} 02 0100 00`, 'unknownType@20'],
    ['an end beyond 2^53', `01 016b 01 ${A} 01 ffffffffffffff10 0100 00`, 'outOfRange@21'],
    ['a value over the limit', `01 016b 01 ${A} 00 09 48 ${'00'.repeat(8)} 00`, 'tooLong@21'],
    ['a value that declares 100 MB', `01 016b 01 ${A} 00 80c2d72f 00`, 'tooLong@21'],
    ['an empty value', `01 016b 01 ${A} 00 00 00`, 'truncated@22'],
    ['a value that is no CBOR', `01 016b 01 ${A} 00 01ff 00`, 'unsupported@22'],
    ['a value with bytes after it', `01 016b 01 ${A} 00 020000 00`, 'trailing@23'],
    ['a value nested too deep', `01 016b 01 ${A} 00 0481818100 00`, 'tooDeep@24'],
    ['two dots of one replica', `01 016b 02 ${A} 00 0100 ${A} 00 0100 00`, 'notSorted@23'],
    ['dots out of order', `01 016b 02 ${B} 00 0100 ${A} 00 0100 00`, 'notSorted@23'],
    ['evidence of one replica twice', `01 016b 00 02 ${A} ${A}`, 'notSorted@21'],
    ['evidence out of order', `01 016b 00 02 ${B} ${A}`, 'notSorted@21'],
    ['a dot and evidence of one replica', `01 016b 01 ${A} 00 0100 01 ${A}`, 'invalid@40'],
    ['a cut stamp', '01 016b 00 01 00000000000000aa 000000', 'truncated@4'],
    ['bytes after the entry', `01 016b 00 01 ${A} 00`, 'trailing@21']
  ])('%s', (_name, text, expected) => {
    expect(refusal(text)).toBe(expected)
  })

  test('and shares no bytes with its input', () => {
    const input = encodeEntry('k', entryOf(item('a', 1, 300)))
    const { entry } = decodeEntry(input)
    input.fill(0)
    expect(entry).toEqual(entryOf(item('a', 1, 300)))
  })
})

describe('keys', () => {
  test.each(['', '__proto__', 'constructor', '\ufeffa', 'e\u0301', '\u00e9', '🐦', '\u0000'])(
    '%j is a key',
    key => {
      expect(decodeEntry(encodeEntry(key, entryOf(item('a', 1, 1)))).key).toBe(key)
      expect(hex(encodeKey(key))).toBe(Buffer.from(key).toString('hex'))
    }
  )

  test.each([
    ['one that is not text', 5 as unknown as string, 'notText'],
    ['a lone surrogate', 'a\ud800', 'illFormed'],
    ['one byte too many', 'x'.repeat(1025), 'tooLong'],
    ['too many bytes in fewer characters', 'ü'.repeat(513), 'tooLong']
  ])('%s is refused', (_name, key, reason) => {
    expect(() => encodeKey(key)).toThrow(InvalidKeyError)
    expect(() => encodeKey(key)).toThrow(expect.objectContaining({ reason }))
  })

  test('the limit is in bytes, and it can be reached', () => {
    expect(encodeKey('ü'.repeat(512)).length).toBe(1024)
  })
})

describe('replica ids', () => {
  test('are 8 bytes as 16 lowercase digits', () => {
    const bytes = fromHex('0123456789abcdef')
    expect(replicaIdOf(bytes)).toBe('0123456789abcdef')
    expect(replicaIdBytes('0123456789abcdef')).toEqual(bytes)
    expect(() => replicaIdOf(bytes.subarray(1))).toThrow(RangeError)
  })

  test.each([
    '',
    '0123456789ABCDEF',
    '0123456789abcde',
    '0123456789abcdefa',
    '0123456789abcdeg',
    '0123456789abcdef\n'
  ])('%j is none', text => {
    expect(isReplicaId(text)).toBe(false)
    expect(() => replicaIdBytes(text)).toThrow(RangeError)
  })
})
