/**
 * Bounds between items on the wire. A bound is the beginning of an item's key (8 bytes of stamp, then 32 of hash), as short as it
 * can be to part two neighbours, without zero bytes at its end. It is below every item whose key it begins, so a lower bound is
 * inclusive and an upper one exclusive.
 */
import { compareBytes, type ByteReader, type ByteWriter } from '@starling/codec'
import { KEY_BYTES } from './item-words.ts'

/** The beginning of a key: at most 40 bytes, the last of which is not zero; or {@link INFINITY_BOUND}. Not to be changed. */
export type Bound = Uint8Array

/** Below every item. */
export const START_BOUND: Bound = new Uint8Array(0)

/** Above every item: longer than any key. */
export const INFINITY_BOUND: Bound = new Uint8Array(KEY_BYTES + 1).fill(0xff)

const INFINITY_MARK = 0
// Four bits each for what is shared and what follows; 15 says that the number is 15 or more and follows.
const NIBBLE_MAX = 15

/** Compares two bounds. Negative, zero or positive. */
export function compareBounds(a: Bound, b: Bound): number {
  return compareBytes(a, b)
}

/** The shortest bound above `low` and not above `high`, two keys of 40 bytes of which `low` is the lower. */
export function boundBetween(low: Uint8Array, high: Uint8Array): Bound {
  let shared = 0
  while (shared < KEY_BYTES && low[shared] === high[shared]) shared++
  return high.slice(0, shared + 1)
}

/**
 * Writes a bound after the one before it in the same message, which must be below: how many bytes it shares with that one, how
 * many follow, and those.
 *
 * @throws RangeError when `bound` is not above `previous`.
 */
export function writeBound(writer: ByteWriter, bound: Bound, previous: Bound): void {
  if (compareBounds(previous, bound) >= 0) throw new RangeError('A bound must be above the one before it')
  if (bound.length > KEY_BYTES) {
    writer.u8(INFINITY_MARK)
    return
  }
  let shared = 0
  while (shared < previous.length && previous[shared] === bound[shared]) shared++
  const more = bound.length - shared
  writer.u8((Math.min(shared, NIBBLE_MAX) << 4) | Math.min(more, NIBBLE_MAX))
  if (shared >= NIBBLE_MAX) writer.varint(shared - NIBBLE_MAX)
  if (more >= NIBBLE_MAX) writer.varint(more - NIBBLE_MAX)
  writer.raw(bound.subarray(shared))
}

/**
 * Reads a bound that must be above `previous`, the one before it in the same message. The only form accepted is the one
 * {@link writeBound} writes.
 *
 * @throws DecodeError when it is anything else.
 */
export function readBound(reader: ByteReader, previous: Bound): Bound {
  const start = reader.offset
  // Nothing is above infinity, so no message goes on after it.
  if (previous.length > KEY_BYTES) reader.fail('notSorted', 'after infinity', start)
  const head = reader.u8()
  if (head === INFINITY_MARK) return INFINITY_BOUND
  const shared = readLength(reader, head >>> 4)
  const more = readLength(reader, head & NIBBLE_MAX)
  if (shared > previous.length) reader.fail('outOfRange', 'shared bytes', start)
  if (shared + more > KEY_BYTES) reader.fail('tooLong', 'bound', start)
  if (more === 0) reader.fail('notSorted', 'bound', start)
  const tail = reader.raw(more)
  if (tail[more - 1] === 0) reader.fail('notShortest', 'zero at the end of a bound', start)
  const bound = new Uint8Array(shared + more)
  bound.set(previous.subarray(0, shared))
  bound.set(tail, shared)
  if (shared < previous.length && (tail[0] as number) <= (previous[shared] as number)) {
    // Equal: a longer shared part would have been shorter to write. Below: out of order.
    reader.fail(tail[0] === previous[shared] ? 'notShortest' : 'notSorted', 'bound', start)
  }
  return bound
}

function readLength(reader: ByteReader, nibble: number): number {
  return nibble < NIBBLE_MAX ? nibble : NIBBLE_MAX + reader.varint(KEY_BYTES)
}
