import { ByteReader, ByteWriter } from '@starling/codec'

/**
 * A moment of a hybrid logical clock, packed into 64 bits: 48 bits of wall milliseconds since the Unix epoch (enough until the
 * year 10889), then a 16-bit counter. Comparing stamps as numbers, and their encodings as bytes, compares them in time.
 *
 * Every bigint from 0 to {@link STAMP_MAX} is a stamp. As it is one growing number, it also serves as a fencing token.
 */
export type Stamp = bigint

/** The greatest stamp. */
export const STAMP_MAX: Stamp = 0xffff_ffff_ffff_ffffn

/** The greatest wall time of a stamp, in ms. */
export const STAMP_WALL_MS_MAX: number = 2 ** 48 - 1

/** The greatest counter of a stamp. */
export const STAMP_COUNTER_MAX = 0xffff

/** Bytes of an encoded stamp. */
export const STAMP_BYTES = 8

const COUNTER_BITS = 16n
const COUNTER_MASK = 0xffffn

/**
 * Packs a stamp.
 *
 * @param wallMs an integer from 0 to {@link STAMP_WALL_MS_MAX}.
 * @param counter an integer from 0 to {@link STAMP_COUNTER_MAX}.
 * @throws RangeError outside these: a stamp is never cut to fit.
 */
export function stampOf(wallMs: number, counter = 0): Stamp {
  if (!Number.isInteger(wallMs) || wallMs < 0 || wallMs > STAMP_WALL_MS_MAX) {
    throw new RangeError(`wallMs must be an integer from 0 to 2^48 - 1, got ${wallMs}`)
  }
  if (!Number.isInteger(counter) || counter < 0 || counter > STAMP_COUNTER_MAX) {
    throw new RangeError(`counter must be an integer from 0 to 65535, got ${counter}`)
  }
  return (BigInt(wallMs) << COUNTER_BITS) | BigInt(counter)
}

/** The wall milliseconds of a stamp. */
export function stampWallMs(stamp: Stamp): number {
  return Number(stamp >> COUNTER_BITS)
}

/** The counter of a stamp. */
export function stampCounter(stamp: Stamp): number {
  return Number(stamp & COUNTER_MASK)
}

/**
 * The 8 bytes of a stamp, big-endian.
 *
 * @throws RangeError when `stamp` is not from 0 to {@link STAMP_MAX}.
 */
export function encodeStamp(stamp: Stamp): Uint8Array<ArrayBuffer> {
  return new ByteWriter(STAMP_BYTES).u64(stamp).finish()
}

/**
 * The stamp in exactly 8 bytes.
 *
 * @throws DecodeError when there are fewer or more.
 */
export function decodeStamp(bytes: Uint8Array): Stamp {
  const reader = new ByteReader(bytes)
  const stamp = reader.u64()
  reader.end()
  return stamp
}
