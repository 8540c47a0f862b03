import * as zlib from 'node:zlib'

/** Bytes above which a call into native code costs less than it saves. Source: measured, 92 against 185 ns for 98 bytes. */
const NATIVE_BYTES_MIN = 512

const POLYNOMIAL = 0xedb8_8320
const STEP = 8

/** `TABLES[i][b]`: what the byte `b` becomes once `i` more bytes of zero have followed it. */
const TABLES: readonly Int32Array[] = makeTables()
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array
]

/** The CRC-32 of zlib over the bytes from `from` to `to`. Short stretches, which rows are, without a view or a native call. */
export function crc32(bytes: Uint8Array, from: number, to: number): number {
  if (to - from >= NATIVE_BYTES_MIN) return zlib.crc32(bytes.subarray(from, to))
  let crc = -1
  let at = from
  for (const end = from + ((to - from) & -STEP); at < end; at += STEP) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    crc =
      (T7[crc & 0xff] as number) ^
      (T6[(crc >>> 8) & 0xff] as number) ^
      (T5[(crc >>> 16) & 0xff] as number) ^
      (T4[crc >>> 24] as number) ^
      (T3[bytes[at + 4] as number] as number) ^
      (T2[bytes[at + 5] as number] as number) ^
      (T1[bytes[at + 6] as number] as number) ^
      (T0[bytes[at + 7] as number] as number)
  }
  for (; at < to; at++) crc = (T0[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}

function makeTables(): Int32Array[] {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    return crc
  })
  const tables = [first]
  while (tables.length < STEP) {
    const before = tables.at(-1) as Int32Array
    tables.push(before.map(crc => (crc >>> 8) ^ (first[crc & 0xff] as number)))
  }
  return tables
}
