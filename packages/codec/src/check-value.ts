import { VALUE_LIMITS, type ValueLimits } from './config.ts'
import { DecodeError, type DecodeReason } from './errors.ts'
import { floatAt, halfBits, halfValue } from './float.ts'
import { isAscii, utf8Between } from './utf8.ts'
import { BIGINT_BYTES_MAX, BIGINT_TAG, MAJOR, SIMPLE } from './value.ts'

const NO_BYTES = new Uint8Array(0)

/** Maps up to this size are searched for duplicate keys pair by pair; larger ones by a set. */
const PAIRWISE_KEYS_MAX = 8

/**
 * Checks that bytes are exactly one value in the strict profile, without building it. Takes time linear in the bytes and
 * recurses at most `depthMax` levels. What passes can be decoded, and has only this one encoding.
 *
 * @param limits what to allow at most; each missing one is taken from {@link VALUE_LIMITS}.
 * @throws DecodeError with the reason and the place.
 */
export function checkValue(bytes: Uint8Array, limits: Partial<ValueLimits> = {}): void {
  const { bytesMax = VALUE_LIMITS.bytesMax, depthMax = VALUE_LIMITS.depthMax } = limits
  if (bytes.length > bytesMax)
    throw new DecodeError('tooLong', 0, `${bytes.length} bytes, at most ${bytesMax}`)
  scanner.scan(bytes, depthMax)
}

/** Reads heads by itself and not with a `ByteReader`: a view for each text would cost more than the whole check. */
class ValueScanner {
  #bytes: Uint8Array = NO_BYTES
  #at = 0
  /** Of the small maps around the present place: where each key so far starts, and how long it is. */
  readonly #keys: number[] = []
  #keysEnd = 0

  scan(bytes: Uint8Array, depthMax: number): void {
    this.#bytes = bytes
    this.#at = 0
    this.#keysEnd = 0
    try {
      this.#item(depthMax)
      const left = bytes.length - this.#at
      if (left !== 0) this.#fail('trailing', this.#at, `${left} bytes`)
    } finally {
      this.#bytes = NO_BYTES
    }
  }

  #item(depthLeft: number): void {
    const start = this.#at
    const head = this.#bytes[this.#take(1)] as number
    switch (head & 0xe0) {
      case MAJOR.unsigned:
        this.#argument(head)
        break
      case MAJOR.negative:
        // −1 − n must be safe as well, which leaves n one less.
        if (this.#argument(head) === Number.MAX_SAFE_INTEGER) this.#fail('outOfRange', start)
        break
      case MAJOR.bytes:
        this.#take(this.#argument(head))
        break
      case MAJOR.text:
        this.#text(this.#argument(head))
        break
      case MAJOR.array:
        if (depthLeft === 0) this.#fail('tooDeep', start)
        this.#array(this.#argument(head), depthLeft - 1)
        break
      case MAJOR.map:
        if (depthLeft === 0) this.#fail('tooDeep', start)
        this.#map(this.#argument(head), depthLeft - 1)
        break
      case MAJOR.tag:
        this.#bigint(head, start)
        break
      default:
        this.#simple(head, start)
    }
  }

  #array(count: number, depthLeft: number): void {
    // Each element takes at least one byte, so a false count is refused before the first element.
    if (count > this.#bytes.length - this.#at) this.#fail('truncated', this.#at)
    for (let i = 0; i < count; i++) this.#item(depthLeft)
  }

  #map(count: number, depthLeft: number): void {
    const bytes = this.#bytes
    if (count * 2 > bytes.length - this.#at) this.#fail('truncated', this.#at)
    const keys = this.#keys
    const first = this.#keysEnd
    const many = count > PAIRWISE_KEYS_MAX ? new Set<string>() : undefined
    for (let i = 0; i < count; i++) {
      const start = this.#at
      const head = bytes[this.#take(1)] as number
      if ((head & 0xe0) !== MAJOR.text) this.#fail('unsupported', start, 'a map key must be text')
      const length = this.#argument(head)
      const key = this.#text(length)
      if (many === undefined) {
        for (let k = first; k < this.#keysEnd; k += 2) {
          if (keys[k + 1] === length && sameBytes(bytes, keys[k] as number, key, length)) {
            this.#fail('duplicateKey', start)
          }
        }
        keys[this.#keysEnd++] = key
        keys[this.#keysEnd++] = length
      } else {
        // The mark in front keeps digits from being hashed by their value, which would let a peer choose keys that collide.
        many.add(`k${utf8Between(bytes, key, key + length, key)}`)
        if (many.size <= i) this.#fail('duplicateKey', start)
      }
      this.#item(depthLeft)
    }
    this.#keysEnd = first
  }

  /** Tags 2 and 3 around a byte string of at most 8 bytes without leading zeros: a bigint. There is no other tag. */
  #bigint(head: number, start: number): void {
    const tag = this.#argument(head)
    if (tag !== BIGINT_TAG.positive && tag !== BIGINT_TAG.negative) {
      this.#fail('unsupported', start, `tag ${tag}`)
    }
    const inner = this.#bytes[this.#take(1)] as number
    if ((inner & 0xe0) !== MAJOR.bytes) this.#fail('unsupported', start, 'a bigint is a byte string')
    const length = this.#argument(inner)
    const magnitude = this.#take(length)
    if (length > BIGINT_BYTES_MAX) this.#fail('outOfRange', start)
    if (length > 0 && this.#bytes[magnitude] === 0) this.#fail('notShortest', start)
  }

  #simple(head: number, start: number): void {
    switch (head) {
      case SIMPLE.false:
      case SIMPLE.true:
      case SIMPLE.null:
        return
      case SIMPLE.float16: {
        const at = this.#take(2)
        this.#float(halfValue(((this.#bytes[at] as number) << 8) | (this.#bytes[at + 1] as number)), start)
        return
      }
      case SIMPLE.float32: {
        const value = floatAt(this.#bytes, this.#take(4), 4)
        this.#float(value, start)
        if (halfBits(value) !== undefined) this.#fail('notShortest', start)
        return
      }
      case SIMPLE.float64: {
        const value = floatAt(this.#bytes, this.#take(8), 8)
        this.#float(value, start)
        if (Math.fround(value) === value) this.#fail('notShortest', start)
        return
      }
      default:
        this.#fail('unsupported', start)
    }
  }

  /** A float is finite, and no safe integer: those are written as integers, all but −0. */
  #float(value: number, start: number): void {
    if (!Number.isFinite(value)) this.#fail('unsupported', start, 'not a finite number')
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.#fail('notShortest', start)
  }

  /** Takes text of `length` bytes and returns where it starts. */
  #text(length: number): number {
    const start = this.#take(length)
    if (!isAscii(this.#bytes, start, this.#at)) utf8Between(this.#bytes, start, this.#at, start)
    return start
  }

  /** The argument of a head (RFC 8949 §3): in the head byte, or in the next 1, 2, 4 or 8 bytes; always in the fewest. */
  #argument(head: number): number {
    const short = head & 0x1f
    return short < 24 ? short : this.#longArgument(short)
  }

  #longArgument(short: number): number {
    const start = this.#at - 1
    // 28 to 30 are reserved; 31 is an indefinite length.
    if (short > 27) this.#fail('unsupported', start)
    const size = 1 << (short - 24)
    const at = this.#take(size)
    let value = 0
    for (let i = 0; i < size; i++) value = value * 0x100 + (this.#bytes[at + i] as number)
    if (value > Number.MAX_SAFE_INTEGER) this.#fail('outOfRange', start)
    // Half the size would have done, or the head alone.
    if (value < (size === 1 ? 24 : 2 ** (size * 4))) this.#fail('notShortest', start)
    return value
  }

  /** Takes the next `count` bytes and returns where they start. */
  #take(count: number): number {
    const at = this.#at
    const left = this.#bytes.length - at
    if (count > left) this.#fail('truncated', at, `${count} bytes wanted, ${left} left`)
    this.#at = at + count
    return at
  }

  #fail(reason: DecodeReason, offset: number, detail?: string): never {
    throw new DecodeError(reason, offset, detail)
  }
}

/** One for all calls. Checking calls nobody else's code, so it is never asked again meanwhile. */
const scanner = new ValueScanner()

function sameBytes(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) {
    if (bytes[a + i] !== bytes[b + i]) return false
  }
  return true
}
