import fc from 'fast-check'
import type { Item } from '../src/index.ts'

const edge = fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xff)

/** Stamps that often agree in all but one of their bytes, or wholly. */
const stamp = fc.oneof(
  fc.bigInt(0n, 3n),
  fc.constantFrom(0xffff_ffff_ffff_ffffn, 0xffff_ffff_0000_0000n, 0x1_0000_0000n, 0xffff_ffffn),
  fc.bigInt(0n, 0xffff_ffff_ffff_ffffn)
)

/** Hashes that share long beginnings, and whose sums carry through many words. */
const hash = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
  fc.tuple(fc.nat(31), edge, edge).map(([at, byte, fill]) => new Uint8Array(32).fill(fill).fill(byte, at))
)

/** An item out of few enough that the same one comes again. */
export const item: fc.Arbitrary<Item> = fc.record({ stamp, hash, ref: fc.nat(0xffff_ffff) })

/** A few hundred distinct stamps and hashes to choose from. */
export const closeItem: fc.Arbitrary<Item> = fc
  .tuple(fc.nat(15), fc.nat(15), fc.nat(9))
  .map(([a, b, ref]) => ({
    stamp: BigInt(a) << 16n,
    hash: new Uint8Array(32).fill(0xf0 + b),
    ref
  }))
