/**
 * What the codec carries: plain data. An object is a plain one (not of a class) with text keys, in the order in which they were
 * written; `__proto__` and its like are keys like any other. A `Uint8Array` comes back as a `Uint8Array`, a `bigint` as a
 * `bigint`, `-0` as `-0`.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [key: string]: Value }

/** The major types of CBOR (RFC 8949 §3.1) in the top three bits of a head byte. */
export const MAJOR = {
  unsigned: 0x00,
  negative: 0x20,
  bytes: 0x40,
  text: 0x60,
  array: 0x80,
  map: 0xa0,
  tag: 0xc0,
  simple: 0xe0
} as const

/** Head bytes of the simple values and floats this profile has. */
export const SIMPLE = {
  false: 0xf4,
  true: 0xf5,
  null: 0xf6,
  float16: 0xf9,
  float32: 0xfa,
  float64: 0xfb
} as const

/** The tags of RFC 8949 §3.4.3: an unsigned big-endian integer n, and −1 − n. The only two tags of the profile. */
export const BIGINT_TAG = { positive: 2, negative: 3 } as const

/** Bytes of a bigint's magnitude: 64 bits. */
export const BIGINT_BYTES_MAX = 8
