// One number as a bigint and as eight bytes. Shared by all calls: each writes it before it reads it.
const number = new BigUint64Array(1)
const bytes = new Uint8Array(number.buffer)
/** The byte of {@link bytes} that holds the most significant digit: the platform's order of bytes decides. */
const FIRST = (() => {
  number[0] = 1n
  return bytes[0] === 1 ? 7 : 0
})()

/** The eight bytes at `at` as a number, big-endian. They must be there. */
export function readU64(from: Uint8Array, at: number): bigint {
  for (let i = 0; i < 8; i++) bytes[i ^ FIRST] = from[at + i] as number
  return number[0] as bigint
}

/**
 * Writes a number as eight bytes, big-endian.
 *
 * @throws RangeError when it is not from 0 to 2^64 − 1: it would be cut.
 */
export function writeU64(to: Uint8Array, at: number, value: bigint): void {
  number[0] = value
  if (number[0] !== value) throw new RangeError(`a stamp must be from 0 to 2^64 - 1, got ${value}`)
  for (let i = 0; i < 8; i++) to[at + i] = bytes[i ^ FIRST] as number
}
