import { VALUE_LIMITS, type ValueLimits } from './config.ts'
import { IllFormedTextError, UnencodableValueError, type UnencodableReason } from './errors.ts'
import { doubleWords, halfBits, singleWord } from './float.ts'
import { encodeUtf8 } from './utf8.ts'
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
  return new ValueEncoder({ ...VALUE_LIMITS, ...limits }).encode(value)
}

class ValueEncoder {
  readonly #limits: ValueLimits
  readonly #out = new ByteWriter()
  readonly #path: (string | number)[] = []

  constructor(limits: ValueLimits) {
    this.#limits = limits
  }

  encode(value: unknown): Uint8Array<ArrayBuffer> {
    this.#value(value)
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
    let magnitude = negative ? -1n - value : value
    if (magnitude > U64_MAX) this.#fail('bigintRange', `${value} does not fit 64 bits; use text`)
    const bytes: number[] = []
    for (; magnitude > 0n; magnitude >>= 8n) bytes.unshift(Number(magnitude & 0xffn))
    this.#head(MAJOR.tag, negative ? BIGINT_TAG.negative : BIGINT_TAG.positive)
    this.#bytes(Uint8Array.from(bytes))
  }

  #text(text: string): void {
    this.#room(text.length)
    let bytes: Uint8Array
    try {
      bytes = encodeUtf8(text)
    } catch (error) {
      if (!(error instanceof IllFormedTextError)) throw error
      this.#fail('illFormedText', 'the text holds a lone surrogate; repair it with toWellFormed()')
    }
    this.#head(MAJOR.text, bytes.length)
    this.#out.raw(bytes)
  }

  #bytes(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#head(MAJOR.bytes, bytes.length)
    this.#out.raw(bytes)
  }

  #array(array: readonly unknown[]): void {
    this.#deeper()
    this.#room(array.length)
    this.#head(MAJOR.array, array.length)
    for (let i = 0; i < array.length; i++) {
      this.#path.push(i)
      this.#value(array[i])
      this.#path.pop()
    }
  }

  #map(object: object): void {
    const prototype: unknown = Object.getPrototypeOf(object)
    // The prototype of a plain object, also one from another realm, is the end of its chain.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      this.#fail('unsupportedType', 'only plain objects, arrays and Uint8Array are data; convert it first')
    }
    this.#deeper()
    const keys = Object.keys(object)
    this.#room(keys.length * 2)
    this.#head(MAJOR.map, keys.length)
    for (const key of keys) {
      this.#path.push(key)
      this.#text(key)
      this.#value((object as Record<string, unknown>)[key])
      this.#path.pop()
    }
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

  /** Refuses a container that would be nested too deep. A cycle ends here as well. */
  #deeper(): void {
    if (this.#path.length >= this.#limits.depthMax) {
      this.#fail('tooDeep', `it is nested more than ${this.#limits.depthMax} deep, or contains itself`)
    }
  }

  /** Refuses what would not fit before it is encoded. */
  #room(bytes: number): void {
    if (this.#out.length + bytes > this.#limits.bytesMax) {
      this.#fail('tooLarge', `it takes more than ${this.#limits.bytesMax} bytes`)
    }
  }

  #fail(reason: UnencodableReason, detail: string): never {
    throw new UnencodableValueError([...this.#path], reason, detail)
  }
}
