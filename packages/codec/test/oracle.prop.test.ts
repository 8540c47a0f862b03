import { decode, encode, type DecodeOptions } from 'cborg'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecodeError, decodeValue, encodeValue, type Value } from '../src/index.ts'
import { runs } from './runs.ts'
import { expectSame, hasIndexKeys, value } from './support/values.ts'
import { Wild } from './support/wild.ts'

// An independent library of CBOR (RFC 8949) reads what we write and judges what we accept.

const magnitude = (content: unknown) =>
  (content as Uint8Array).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)

const strict: DecodeOptions = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  rejectDuplicateMapKeys: true,
  tags: { 2: content => magnitude(content()), 3: content => -1n - magnitude(content()) }
}

/** The library drops U+FEFF at the start of text. */
const hasMark = (bytes: Uint8Array) => Buffer.from(bytes).includes('efbbbf', 0, 'hex')

test('an independent decoder reads what we encode as the same value', () => {
  fc.assert(
    fc.property(value, each => {
      const bytes = encodeValue(each)
      fc.pre(!hasMark(bytes))
      expectSame(decode(bytes, strict), each)
    }),
    runs(10_000)
  )
})

test('bytes are accepted exactly when the independent decoder reads a value that we encode to them', () => {
  let accepted = 0
  fc.assert(
    fc.property(fc.integer(), seed => {
      const wild = new Wild(seed)
      for (let i = 0; i < 50; i++) {
        const out: number[] = []
        wild.item(out, 4)
        if (wild.below(2) === 0) wild.mutate(out)
        const bytes = Uint8Array.from(out)
        const theirs = hasMark(bytes) ? undefined : readByLibrary(bytes)
        if (theirs !== undefined && hasIndexKeys(theirs.value)) continue
        const ours = refusal(bytes)
        if (theirs === undefined) {
          if (ours === undefined && !hasMark(bytes)) throw new Error(`only we accept ${hex(bytes)}`)
          continue
        }
        const canonical = canEncode(theirs.value) === hex(bytes)
        if (canonical !== (ours === undefined)) {
          throw new Error(
            `${hex(bytes)}: ${canonical ? 'canonical' : 'not canonical'}, but ${ours ?? 'accepted'}`
          )
        }
        if (!canonical) continue
        accepted++
        expectSame(decodeValue(bytes), theirs.value)
      }
    }),
    runs(400)
  )
  expect(accepted).toBeGreaterThan(2000)
})

test('what the library encodes is accepted or refused, and accepted bytes mean the same', () => {
  fc.assert(
    fc.property(value, each => {
      const bytes = encode(each)
      try {
        expectSame(decodeValue(bytes, { bytesMax: 2 ** 20 }), decode(bytes, strict))
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }),
    runs(2000)
  )
})

function readByLibrary(bytes: Uint8Array): { value: Value } | undefined {
  try {
    return { value: decode(bytes, strict) as Value }
  } catch {
    return undefined
  }
}

function refusal(bytes: Uint8Array): string | undefined {
  try {
    decodeValue(bytes)
    return undefined
  } catch (error) {
    return (error as DecodeError).reason
  }
}

function canEncode(each: Value): string | undefined {
  try {
    return hex(encodeValue(each))
  } catch {
    return undefined
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
