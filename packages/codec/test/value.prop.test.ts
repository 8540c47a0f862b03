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
import { expectSame, hasIndexKeys, value } from './support/values.ts'

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
      expectSame(decodeValue(encodeValue(each)), each)
    }),
    runs(10_000)
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
      if (!hasIndexKeys(decoded)) expect(encodeValue(decoded)).toEqual(bytes)
    }),
    runs(20_000)
  )
  expect(accepted).toBeGreaterThan(1000)
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
