import { inspect, isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Value } from '../../src/index.ts'

/** Keys that JavaScript treats in a way of its own, and such as values of one map share. */
const key = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 5 }),
  fc.constantFrom(
    '',
    'id',
    'name',
    'updatedAt',
    '__proto__',
    'constructor',
    'toString',
    'valueOf',
    '7',
    '332'
  ),
  fc.string({ minLength: 30, maxLength: 34 })
)

/** Values of every kind that the profile has. */
export const { value } = fc.letrec<{ value: Value }>(tie => ({
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
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(key, tie('value'), { maxKeys: 12, noNullPrototype: true })
  )
}))

/** Whether a map in it has a key like "7", which JavaScript moves to the front, so that the writer's order is lost. */
export function hasIndexKeys(each: Value): boolean {
  if (each === null || typeof each !== 'object' || each instanceof Uint8Array) return false
  if (Array.isArray(each)) return (each as Value[]).some(hasIndexKeys)
  return Object.entries(each).some(([name, inner]) => /^(0|[1-9]\d*)$/.test(name) || hasIndexKeys(inner))
}

/** Like `toStrictEqual`, which takes an own key `constructor` for the class. */
export function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(`the same as ${inspect(expected)}`)
}
