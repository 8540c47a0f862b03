/** Mixes one 32-bit word into a 32-bit state: a multiply and rotate round in the manner of MurmurHash3. */
export function mix(state: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51)
  k = (k << 15) | (k >>> 17)
  let h = state ^ Math.imul(k, 0x1b873593)
  h = (h << 13) | (h >>> 19)
  return (Math.imul(h, 5) + 0xe6546b64) | 0
}

/** Spreads a state over all 32 bits; the result is not negative. */
export function finish(state: number): number {
  let h = state
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const floatBits = new Float64Array(1)
const floatWords = new Uint32Array(floatBits.buffer)

/** Mixes a number, all 64 bits of it. */
export function mixNumber(state: number, value: number): number {
  if (value === (value | 0)) return mix(state, value)
  floatBits[0] = value
  return mix(mix(state, floatWords[0] as number), floatWords[1] as number)
}

/** Mixes a text with its length. */
export function mixText(state: number, text: string): number {
  let h = mix(state, text.length)
  for (let i = 0; i < text.length; i++) h = mix(h, text.charCodeAt(i))
  return h
}

/**
 * A 32-bit digest of a plain value: numbers, text, booleans, bigints, bytes, arrays, and objects by their own keys in
 * insertion order. Not cryptographic: it tells two runs apart, nothing more. Other values (functions, maps) count by type.
 */
export function digest(value: unknown): number {
  return finish(mixValue(0, value))
}

function mixValue(state: number, value: unknown): number {
  switch (typeof value) {
    case 'number':
      return mixNumber(mix(state, 1), value)
    case 'string':
      return mixText(mix(state, 2), value)
    case 'boolean':
      return mix(state, value ? 3 : 4)
    case 'bigint':
      return mixText(mix(state, 5), String(value))
    case 'object':
      return value === null ? mix(state, 6) : mixObject(state, value)
    default:
      return mix(state, 7)
  }
}

function mixObject(state: number, value: object): number {
  if (value instanceof Uint8Array) {
    let h = mix(mix(state, 8), value.length)
    for (let i = 0; i < value.length; i++) h = mix(h, value[i] as number)
    return h
  }
  if (Array.isArray(value)) {
    let h = mix(mix(state, 9), value.length)
    for (const item of value as readonly unknown[]) h = mixValue(h, item)
    return h
  }
  let h = mix(state, 10)
  for (const key in value) h = mixValue(mixText(h, key), (value as Record<string, unknown>)[key])
  return h
}
