const scratch = new DataView(new ArrayBuffer(8))

/** The 16 bits of `value` as a half float, or `undefined` when a half cannot hold it exactly. `value` is finite. */
export function halfBits(value: number): number | undefined {
  if (Math.fround(value) !== value) return undefined
  scratch.setFloat32(0, value)
  const bits = scratch.getUint32(0)
  const sign = (bits >>> 16) & 0x8000
  const exponent = ((bits >>> 23) & 0xff) - 127
  const fraction = bits & 0x7f_ffff
  if (exponent === -127) return fraction === 0 ? sign : undefined
  if (exponent > 15 || exponent < -24) return undefined
  if (exponent >= -14) {
    return (fraction & 0x1fff) === 0 ? sign | ((exponent + 15) << 10) | (fraction >>> 13) : undefined
  }
  // A subnormal half counts units of 2^-24; the leading one of the fraction becomes explicit.
  const shift = -1 - exponent
  const significand = fraction | 0x80_0000
  return significand % 2 ** shift === 0 ? sign | (significand >>> shift) : undefined
}

/** The number in the 16 bits of a half float. */
export function halfValue(bits: number): number {
  const exponent = (bits >>> 10) & 0x1f
  const fraction = bits & 0x3ff
  const sign = (bits & 0x8000) === 0 ? 1 : -1
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (fraction + 1024) * 2 ** (exponent - 25)
}

/** Reads 4 or 8 bytes as a float. The caller has checked that they are there. */
export function floatAt(bytes: Uint8Array, offset: number, size: 4 | 8): number {
  for (let i = 0; i < size; i++) scratch.setUint8(i, bytes[offset + i] as number)
  return size === 4 ? scratch.getFloat32(0) : scratch.getFloat64(0)
}

/** The 8 bytes of a double as two words, the high one first. */
export function doubleWords(value: number): readonly [number, number] {
  scratch.setFloat64(0, value)
  return [scratch.getUint32(0), scratch.getUint32(4)]
}

/** The 4 bytes of a single float as a word. */
export function singleWord(value: number): number {
  scratch.setFloat32(0, value)
  return scratch.getUint32(0)
}
