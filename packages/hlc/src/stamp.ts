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

// Stamps are taken apart and put together in eight bytes: measured, that costs a quarter of shifting bigints.
const eightBytes = new DataView(new ArrayBuffer(8))
const WALL_LOW = 2 ** 16

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
  eightBytes.setUint32(0, Math.floor(wallMs / WALL_LOW))
  eightBytes.setUint16(4, wallMs % WALL_LOW)
  eightBytes.setUint16(6, counter)
  return eightBytes.getBigUint64(0)
}

/** The wall milliseconds of a stamp. */
export function stampWallMs(stamp: Stamp): number {
  eightBytes.setBigUint64(0, stamp)
  return eightBytes.getUint32(0) * WALL_LOW + eightBytes.getUint16(4)
}

/** The counter of a stamp. */
export function stampCounter(stamp: Stamp): number {
  eightBytes.setBigUint64(0, stamp)
  return eightBytes.getUint16(6)
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
