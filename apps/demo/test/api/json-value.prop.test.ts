import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromJson, JsonValueError, toJson } from '../../src/api/json-value.ts'
import type { Json } from '../../src/api/types.ts'
import { runs } from '../runs.ts'

// Goal: a value that goes out as JSON and comes back is the same value, whatever it looks like.

const keys = fc.oneof(
  fc.constantFrom('$bytes', '$bigint', '$number', '$object', '__proto__', 'a', ''),
  fc.string()
)
const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constant(-0),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
  fc.string(),
  fc.uint8Array({ maxLength: 8 })
)
const { value } = fc.letrec(tie => ({
  value: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('value'), { maxLength: 3 }), tie('object')),
  object: fc
    .array(fc.tuple(keys, tie('value')), { maxLength: 3 })
    .map(entries => Object.fromEntries(entries) as unknown)
}))

describe('values as JSON', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(value, original => {
        const sent = JSON.parse(JSON.stringify(toJson(original))) as Json
        expect(fromJson(sent)).toStrictEqual(original)
      }),
      runs(2000)
    )
  })

  test('of anybody are read, or refused by name', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), keys, fc.jsonValue(), (json, key, inner) => {
        for (const each of [json, { [key]: inner }]) {
          try {
            fromJson(each as Json)
          } catch (error) {
            expect(error).toBeInstanceOf(JsonValueError)
          }
        }
      }),
      runs(2000)
    )
  })

  test.each<Json>([
    { $bytes: 'not base64!' },
    { $bytes: 'AQI' },
    { $bytes: 1 },
    { $bigint: '1.5' },
    { $bigint: '' },
    { $bigint: '9'.repeat(21) },
    { $number: '0' },
    { $object: [] },
    { $object: null }
  ])('%j says nothing', json => {
    expect(() => fromJson(json)).toThrow(JsonValueError)
  })
})
