import { decode, encode } from 'cborg'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  checkValue,
  DecodeError,
  decodeValue,
  encodeValue,
  UnencodableValueError,
  type Value
} from '../src/index.ts'
import { runs } from './runs.ts'

const { value } = fc.letrec<{ value: Value }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<Value>(
      null,
      true,
      false,
      -0,
      0,
      2 ** 53,
      -(2 ** 53),
      2 ** -24,
      3 * 2 ** -24,
      65504,
      65536.5
    ),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 5 }), tie('value'), {
      maxKeys: 12,
      noNullPrototype: true
    })
  )
}))

/** Bytes near valid ones: an encoding with a few bytes replaced, inserted or cut. */
const mutated = fc
  .tuple(
    value,
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 }), fc.constantFrom('set', 'insert', 'cut')), {
      maxLength: 3
    })
  )
  .map(([each, changes]) => {
    const bytes = [...encodeValue(each)]
    for (const [at, byte, kind] of changes) {
      const index = at % (bytes.length + 1)
      if (kind === 'set') bytes[index % bytes.length] = byte
      else if (kind === 'insert') bytes.splice(index, 0, byte)
      else bytes.splice(index, 1)
      if (bytes.length === 0) bytes.push(byte)
    }
    return Uint8Array.from(bytes)
  })

test('decode(encode(x)) is x', () => {
  fc.assert(
    fc.property(value, each => {
      expect(decodeValue(encodeValue(each))).toStrictEqual(each)
    }),
    runs(3000)
  )
})

test('any bytes are a value that encodes to the same bytes, or a DecodeError', () => {
  let accepted = 0
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 12 })), bytes => {
      let decoded: Value
      try {
        decoded = decodeValue(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
        expect(() => checkValue(bytes)).toThrow(DecodeError)
        return
      }
      accepted++
      // An integer-like key such as "7" moves to the front of a JavaScript object, so its order cannot be kept.
      if (!integerKeys(decoded)) expect(encodeValue(decoded)).toEqual(bytes)
    }),
    runs(20_000)
  )
  expect(accepted).toBeGreaterThan(1000)
})

test('what we encode, the library reads as the same value', () => {
  fc.assert(
    fc.property(value, each => {
      const options = {
        tags: { 2: (content: () => unknown) => content(), 3: (content: () => unknown) => content() }
      }
      expect(() => decode(encodeValue(each), { ...options, strict: true })).not.toThrow()
    }),
    runs(1000)
  )
})

test('what the library encodes is accepted or refused, and accepted bytes mean the same', () => {
  fc.assert(
    fc.property(value, each => {
      const bytes = encode(each)
      try {
        expect(decodeValue(bytes, { bytesMax: 2 ** 20 })).toEqual(decode(bytes))
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }),
    runs(1000)
  )
})

test('anything at all is encoded or refused with an UnencodableValueError', () => {
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withTypedArray: true,
        withSparseArray: true
      }),
      each => {
        try {
          checkValue(encodeValue(each as Value))
        } catch (error) {
          expect(error).toBeInstanceOf(UnencodableValueError)
        }
      }
    ),
    runs(3000)
  )
})

function integerKeys(each: Value): boolean {
  if (each === null || typeof each !== 'object' || each instanceof Uint8Array) return false
  if (Array.isArray(each)) return (each as Value[]).some(integerKeys)
  return Object.entries(each).some(([key, inner]) => /^(0|[1-9]\d*)$/.test(key) || integerKeys(inner))
}
