import { checkValue } from './check-value.ts'
import type { ValueLimits } from './config.ts'
import { floatAt, halfValue } from './float.ts'
import { keyBetween } from './known-keys.ts'
import { copyOf, utf8Between } from './utf8.ts'
import { BIGINT_TAG, MAJOR, SIMPLE, type Value } from './value.ts'

const NO_BYTES = new Uint8Array(0)

/** The greatest array index. */
const INDEX_MAX = '4294967294'

/**
 * Decodes exactly one value in the strict profile. The bytes are checked as a whole before anything is built from them.
 *
 * @param limits what to allow at most; each missing one is taken from {@link VALUE_LIMITS}.
 * @returns data that shares nothing with `bytes`. Objects are plain, and a key named `__proto__` is an own property.
 * @throws DecodeError with the reason and the place, and nothing else.
 */
export function decodeValue(bytes: Uint8Array, limits: Partial<ValueLimits> = {}): Value {
  checkValue(bytes, limits)
  return builder.build(bytes)
}

/** Builds the value of bytes that passed {@link checkValue}, so it looks out for nothing. */
class ValueBuilder {
  #bytes: Uint8Array = NO_BYTES
  #at = 0

  build(bytes: Uint8Array): Value {
    this.#bytes = bytes
    this.#at = 0
    const value = this.#item()
    this.#bytes = NO_BYTES
    return value
  }

  #item(): Value {
    const head = this.#bytes[this.#at++] as number
    switch (head & 0xe0) {
      case MAJOR.unsigned:
        return this.#argument(head)
      case MAJOR.negative:
        return -1 - this.#argument(head)
      case MAJOR.bytes: {
        const length = this.#argument(head)
        return copyOf(this.#bytes, this.#skip(length), length)
      }
      case MAJOR.text: {
        const start = this.#skip(this.#argument(head))
        return utf8Between(this.#bytes, start, this.#at, start)
      }
      case MAJOR.array:
        return this.#array(this.#argument(head))
      case MAJOR.map:
        return this.#map(this.#argument(head))
      case MAJOR.tag:
        return this.#bigint(head)
      default:
        return this.#simple(head)
    }
  }

  #array(count: number): Value[] {
    // oxlint-disable-next-line no-new-array -- one that grows makes room for 17 elements at once
    const array = new Array<Value>(count)
    for (let i = 0; i < count; i++) array[i] = this.#item()
    return array
  }

  #map(count: number): Value {
    const object: Record<string, Value> = {}
    let sparse = false
    for (let i = 0; i < count; i++) {
      const start = this.#skip(this.#argument(this.#bytes[this.#at++] as number))
      const key = keyBetween(this.#bytes, start, this.#at)
      if (!sparse && isDigit(this.#bytes[start] as number)) {
        makeSparse(object)
        sparse = true
      }
      const value = this.#item()
      // A key that objects inherit may have a setter, as `__proto__` has, or may be frozen.
      if (key in object) define(object, key, value)
      else object[key] = value
    }
    return object
  }

  #bigint(head: number): bigint {
    const length = this.#argument(this.#bytes[this.#at++] as number)
    let magnitude = 0n
    for (let i = 0; i < length; i++) magnitude = (magnitude << 8n) | BigInt(this.#bytes[this.#at++] as number)
    return head - MAJOR.tag === BIGINT_TAG.positive ? magnitude : -1n - magnitude
  }

  #simple(head: number): Value {
    switch (head) {
      case SIMPLE.false:
        return false
      case SIMPLE.true:
        return true
      case SIMPLE.null:
        return null
      case SIMPLE.float16: {
        const at = this.#skip(2)
        return halfValue(((this.#bytes[at] as number) << 8) | (this.#bytes[at + 1] as number))
      }
      case SIMPLE.float32:
        return floatAt(this.#bytes, this.#skip(4), 4)
      default:
        return floatAt(this.#bytes, this.#skip(8), 8)
    }
  }

  #argument(head: number): number {
    const short = head & 0x1f
    if (short < 24) return short
    let value = 0
    for (let left = 1 << (short - 24); left > 0; left--) {
      value = value * 0x100 + (this.#bytes[this.#at++] as number)
    }
    return value
  }

  #skip(count: number): number {
    const at = this.#at
    this.#at = at + count
    return at
  }
}

/** One for all calls. Building calls nobody else's code, so it is never asked again meanwhile. */
const builder = new ValueBuilder()

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

/**
 * Makes the engine keep properties named like array indexes in a table. Otherwise it makes room for all smaller indexes too:
 * six bytes, a map with the one key "332", took 4 KiB (measured on Node 24). The greatest index there is never fits an array.
 */
function makeSparse(object: Record<string, Value>): void {
  object[INDEX_MAX] = null
  delete object[INDEX_MAX]
}

function define(object: object, key: string, value: Value): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}
