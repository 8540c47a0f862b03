import { VALUE_LIMITS, type ValueLimits } from './config.ts'
import { IllFormedTextError, UnencodableValueError, type UnencodableReason } from './errors.ts'
import { doubleWords, halfBits, singleWord } from './float.ts'
import { BIGINT_TAG, MAJOR, SIMPLE, type Value } from './value.ts'
import { ByteWriter } from './writer.ts'

const U64_MAX = 0xffff_ffff_ffff_ffffn

/**
 * Encodes a value as CBOR in the strict profile: definite lengths, every head and float in its shortest form, a safe integer
 * as an integer and any other number as a float, a bigint as a tagged byte string, map keys as text in the writer's order.
 * One value has one encoding, and {@link decodeValue} gives the same value back.
 *
 * Keys that are symbols or not enumerable are not part of the data, as with `JSON.stringify`.
 *
 * @param limits what to allow at most; each missing one is taken from {@link VALUE_LIMITS}.
 * @throws UnencodableValueError with the path of the part that is refused, before anything is returned.
 */
export function encodeValue(value: Value, limits: Partial<ValueLimits> = {}): Uint8Array<ArrayBuffer> {
  const { bytesMax = VALUE_LIMITS.bytesMax, depthMax = VALUE_LIMITS.depthMax } = limits
  // A getter in the value may encode another value meanwhile.
  const encoder = idle ?? new ValueEncoder()
  idle = undefined
  try {
    return encoder.encode(value, bytesMax, depthMax)
  } finally {
    idle = encoder
  }
}

class ValueEncoder {
  readonly #out = new ByteWriter()
  /** The keys and indexes that lead to the part being written: the first {@link ValueEncoder.#depth} of them. */
  readonly #path: (string | number)[] = []
  #depth = 0
  #bytesMax = 0
  #depthMax = 0

  encode(value: unknown, bytesMax: number, depthMax: number): Uint8Array<ArrayBuffer> {
    this.#out.rewind(0)
    this.#depth = 0
    this.#bytesMax = bytesMax
    this.#depthMax = depthMax
    try {
      this.#value(value)
    } catch (error) {
      if (!(error instanceof IllFormedTextError)) throw error
      this.#fail('illFormedText', 'the text holds a lone surrogate; repair it with toWellFormed()')
    }
    return this.#out.finish()
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.#text(value)
        break
      case 'number':
        this.#number(value)
        break
      case 'boolean':
        this.#out.u8(value ? SIMPLE.true : SIMPLE.false)
        break
      case 'bigint':
        this.#bigint(value)
        break
      case 'object':
        if (value === null) this.#out.u8(SIMPLE.null)
        else if (value instanceof Uint8Array) this.#bytes(value)
        else if (Array.isArray(value)) this.#array(value)
        else this.#map(value)
        break
      default:
        this.#fail('unsupportedType', `${typeof value} is not data; leave it out or use null`)
    }
    this.#room(0)
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      if (value >= 0) this.#head(MAJOR.unsigned, value)
      else this.#head(MAJOR.negative, -1 - value)
      return
    }
    if (!Number.isFinite(value)) this.#fail('notFinite', `${value} is not a finite number; use null`)
    const half = halfBits(value)
    if (half !== undefined) this.#out.u8(SIMPLE.float16).u16(half)
    else if (Math.fround(value) === value) this.#out.u8(SIMPLE.float32).u32(singleWord(value))
    else {
      const [high, low] = doubleWords(value)
      this.#out.u8(SIMPLE.float64).u32(high).u32(low)
    }
  }

  #bigint(value: bigint): void {
    const negative = value < 0n
    const magnitude = negative ? -1n - value : value
    if (magnitude > U64_MAX) this.#fail('bigintRange', `${value} does not fit 64 bits; use text`)
    this.#head(MAJOR.tag, negative ? BIGINT_TAG.negative : BIGINT_TAG.positive)
    let length = 0
    for (let rest = magnitude; rest > 0n; rest >>= 8n) length++
    this.#head(MAJOR.bytes, length)
    for (let left = length; left > 0; left--) {
      this.#out.u8(Number((magnitude >> BigInt(left * 8 - 8)) & 0xffn))
    }
  }

  #text(text: string): void {
    this.#room(text.length)
    const out = this.#out
    const start = out.length
    this.#head(MAJOR.text, text.length)
    const written = out.text(text)
    if (written !== text.length) {
      // Not ASCII, so the length was another one.
      out.rewind(start)
      this.#head(MAJOR.text, written)
      out.text(text)
    }
  }

  #bytes(bytes: Uint8Array): void {
    // It looks empty, and what it held is somebody else's by now.
    if (bytes.length === 0 && 'detached' in bytes.buffer && bytes.buffer.detached) {
      this.#fail('unsupportedType', 'its buffer was transferred; encode it before, or keep a copy')
    }
    this.#room(bytes.length)
    this.#head(MAJOR.bytes, bytes.length)
    this.#out.raw(bytes)
  }

  #array(array: readonly unknown[]): void {
    const count = array.length
    this.#room(count)
    const depth = this.#enter()
    this.#head(MAJOR.array, count)
    for (let i = 0; i < count; i++) {
      this.#path[depth] = i
      this.#value(array[i])
    }
    this.#depth = depth
  }

  #map(object: object): void {
    const prototype: unknown = Object.getPrototypeOf(object)
    // The prototype of a plain object, also one from another realm, is the end of its chain.
    if (prototype !== Object.prototype && prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      this.#fail('unsupportedType', 'only plain objects, arrays and Uint8Array are data; convert it first')
    }
    const keys = Object.keys(object)
    this.#room(keys.length * 2)
    const depth = this.#enter()
    this.#head(MAJOR.map, keys.length)
    for (const key of keys) {
      this.#path[depth] = key
      this.#text(key)
      this.#value((object as Record<string, unknown>)[key])
    }
    this.#depth = depth
  }

  #head(major: number, argument: number): void {
    const out = this.#out
    if (argument < 24) out.u8(major | argument)
    else if (argument <= 0xff) out.u8(major | 24).u8(argument)
    else if (argument <= 0xffff) out.u8(major | 25).u16(argument)
    else if (argument <= 0xffff_ffff) out.u8(major | 26).u32(argument)
    else
      out
        .u8(major | 27)
        .u32(Math.floor(argument / 2 ** 32))
        .u32(argument % 2 ** 32)
  }

  /** Goes into an array or map, unless it would be nested too deep. A cycle ends here as well. */
  #enter(): number {
    const depth = this.#depth
    if (depth >= this.#depthMax) {
      this.#fail('tooDeep', `it is nested more than ${this.#depthMax} deep, or contains itself`)
    }
    this.#depth = depth + 1
    return depth
  }

  /** Refuses what would not fit before it is encoded. */
  #room(bytes: number): void {
    if (this.#out.length + bytes > this.#bytesMax) {
      this.#fail('tooLarge', `it takes more than ${this.#bytesMax} bytes`)
    }
  }

  #fail(reason: UnencodableReason, detail: string): never {
    throw new UnencodableValueError(this.#path.slice(0, this.#depth), reason, detail)
  }
}

/** An encoder that encodes nothing at the moment. */
let idle: ValueEncoder | undefined
