const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let word = byte
  for (let bit = 0; bit < 8; bit++) word = (word >>> 1) ^ (word & 1 ? 0x82f63b78 : 0)
  return word
})

/** CRC-32C (Castagnoli). */
export function crc32c(bytes: Uint8Array): number {
  let word = 0xffffffff
  for (let i = 0; i < bytes.length; i++) {
    word = (word >>> 8) ^ (TABLE[(word ^ (bytes[i] as number)) & 0xff] as number)
  }
  return (word ^ 0xffffffff) >>> 0
}
