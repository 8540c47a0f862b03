import fc from 'fast-check'

const change = fc.tuple(
  fc.nat(),
  fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 255 })),
  fc.constantFrom('set', 'flip', 'insert', 'cut', 'end')
)

/** Bytes with a few of them replaced, flipped, inserted, removed, or cut off at the end. */
export const mutate = (original: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(original, fc.array(change, { minLength: 1, maxLength: 3 })).map(([bytes, changes]) => {
    const list = [...bytes]
    for (const [at, byte, kind] of changes) {
      const index = at % Math.max(1, list.length)
      if (kind === 'set') list[index] = byte
      else if (kind === 'flip') list[index] = (list[index] ?? 0) ^ (1 << (byte & 7))
      else if (kind === 'insert') list.splice(index, 0, byte)
      else if (kind === 'cut') list.splice(index, 1)
      else list.length = index
    }
    return Uint8Array.from(list)
  })
