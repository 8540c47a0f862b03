import { encodeUtf8 } from '@starling/codec'

/**
 * Refuses what cannot be a key, before it does anything.
 *
 * @throws TypeError when it is not a string, or holds a lone surrogate.
 * @throws RangeError when it is empty or takes more than `bytesMax` bytes in UTF-8.
 */
export function assertKey(key: unknown, bytesMax: number): asserts key is string {
  assertText(key)
  if (!key.isWellFormed()) {
    throw new TypeError('a key must be valid Unicode: repair a lone surrogate with toWellFormed()')
  }
  if (key.length === 0) throw new RangeError('a key must not be empty')
  // A UTF-16 unit takes at most three bytes, so most keys need no encoding to be found short enough.
  if (key.length * 3 <= bytesMax) return
  const bytes = encodeUtf8(key).length
  if (bytes > bytesMax) throw new RangeError(`a key has at most ${bytesMax} bytes in UTF-8, got ${bytes}`)
}

/** Refuses a key that is not a string: a read with one is a mistake, not a miss. @throws TypeError */
export function assertText(key: unknown): asserts key is string {
  if (typeof key !== 'string') throw new TypeError(`a key must be a string, got ${describe(key)}`)
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value
}
