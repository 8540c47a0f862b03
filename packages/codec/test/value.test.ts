import { describe, expect, test } from 'vitest'
import { DecodeError, decodeValue, encodeValue, UnencodableValueError, type Value } from '../src/index.ts'

const hex = (list: Uint8Array) => Buffer.from(list).toString('hex')
const fromHex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const refusal = (text: string, limits = {}) => {
  try {
    decodeValue(fromHex(text), limits)
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError)
    return (error as DecodeError).reason
  }
  return 'accepted'
}
const unencodable = (value: unknown, limits = {}) => {
  try {
    encodeValue(value as Value, limits)
  } catch (error) {
    expect(error).toBeInstanceOf(UnencodableValueError)
    const { path, reason } = error as UnencodableValueError
    return [reason, ...path]
  }
  return ['accepted']
}
const nested = (depth: number): Value => (depth === 0 ? 0 : [nested(depth - 1)])

function detached(): Uint8Array {
  const bytes = new Uint8Array(4)
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  return bytes
}

describe('vectors', () => {
  // The first block is from RFC 8949, appendix A.
  test.each<[Value, string]>([
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [1000, '1903e8'],
    [1000000, '1a000f4240'],
    [1000000000000, '1b000000e8d4a51000'],
    [-1, '20'],
    [-1000, '3903e7'],
    [1.1, 'fb3ff199999999999a'],
    [1.5, 'f93e00'],
    [100000.5, 'fa47c35040'],
    [3.4028234663852886e38, 'fa7f7fffff'],
    [1e300, 'fb7e37e43c8800759c'],
    [5.960464477539063e-8, 'f90001'],
    [0.00006103515625, 'f90400'],
    [-4.1, 'fbc010666666666666'],
    [false, 'f4'],
    [true, 'f5'],
    [null, 'f6'],
    ['', '60'],
    ['IETF', '6449455446'],
    ['\u00fc', '62c3bc'],
    ['\ud800\udd51', '64f0908591'],
    [fromHex('01020304'), '4401020304'],
    [[1, [2, 3], [4, 5]], '8301820203820405'],
    [{ a: 1, b: [2, 3] }, 'a26161016162820203'],
    [-0, 'f98000'],
    [Number.MAX_SAFE_INTEGER, '1b001fffffffffffff'],
    [Number.MIN_SAFE_INTEGER, '3b001ffffffffffffe'],
    [2 ** 53, 'fa5a000000'],
    [0n, 'c240'],
    [5n, 'c24105'],
    [-1n, 'c340'],
    [2n ** 64n - 1n, 'c248ffffffffffffffff'],
    [-(2n ** 64n), 'c348ffffffffffffffff'],
    [{ b: 1, a: 2 }, 'a2616201616102'],
    ['\ufeffa', '64efbbbf61'],
    ['\ufeff\ufeff' + 'a'.repeat(40), '782eefbbbfefbbbf' + '61'.repeat(40)],
    [{ '\ufeffa': 1, a: 2 }, 'a264efbbbf6101616102']
  ])('vector %#', (value, text) => {
    expect(hex(encodeValue(value))).toBe(text)
    expect(decodeValue(fromHex(text))).toStrictEqual(value)
  })

  test('the writer keeps the order of keys and reads them in it', () => {
    const value = { z: 1, a: 2, m: 3 }
    expect(Object.keys(decodeValue(encodeValue(value)) as object)).toEqual(['z', 'a', 'm'])
  })

  test('__proto__ and its like are plain data', () => {
    const value = JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"toString":2,"":3}') as Value
    const decoded = decodeValue(encodeValue(value)) as Record<string, Value>
    expect(Object.keys(decoded)).toEqual(['__proto__', 'constructor', 'toString', ''])
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(hex(encodeValue(decoded))).toBe(hex(encodeValue(value)))
    expect(decodeValue(encodeValue(Object.assign(Object.create(null), { a: 1 }) as Value))).toEqual({ a: 1 })
  })

  test('keys are told apart, whatever was decoded before', () => {
    // Pairs that share a slot of the table of known keys, its length or both.
    const names = Array.from({ length: 3000 }, (_, i) => `k${i % 7}${i}`)
    for (const name of [...names, ...names.toReversed(), 'é', 'e\u0301', 'x'.repeat(32), 'x'.repeat(33)]) {
      expect(Object.keys(decodeValue(encodeValue({ [name]: 1 })) as object)).toEqual([name])
    }
  })

  test('a key is not taken for another whose characters are its bytes', () => {
    // Enough of them for some to share a slot of the table of known keys.
    for (let point = 0x800; point < 0x1000; point += 64) {
      for (let prefix = 0x20; prefix < 0x7f; prefix++) {
        const key = String.fromCharCode(prefix, point)
        const twin = Buffer.from(key).toString('latin1')
        for (const name of [twin, key, twin]) {
          expect(Object.keys(decodeValue(encodeValue({ [name]: 1 })) as object)).toEqual([name])
        }
      }
    }
  })

  test('keys that look like array indexes are kept, in the order of JavaScript', () => {
    for (const names of [
      ['332'],
      ['4294967294', '5'],
      ['5', '4294967294'],
      ['4294967295', '0', 'a'],
      ['7', '1']
    ]) {
      const value = Object.fromEntries(names.map((name, i) => [name, i]))
      const decoded = decodeValue(encodeValue(value))
      expect(decoded).toStrictEqual(value)
      expect(Object.keys(decoded as object)).toEqual(Object.keys(value))
    }
  })

  test('a key of a frozen prototype, or of one with a setter, is plain data', () => {
    const bytes = encodeValue({ toString: 1, odd: 2 })
    const seen: unknown[] = []
    const set = (each: unknown) => void seen.push(each)
    Reflect.defineProperty(Object.prototype, 'odd', { set, configurable: true })
    try {
      expect(Object.entries(decodeValue(bytes) as object)).toEqual([
        ['toString', 1],
        ['odd', 2]
      ])
    } finally {
      Reflect.deleteProperty(Object.prototype, 'odd')
    }
    expect(seen).toEqual([])
  })

  test('what is decoded shares nothing with the input', () => {
    const input = Buffer.from(encodeValue(Uint8Array.of(1, 2, 3)))
    const decoded = decodeValue(input) as Uint8Array
    input.fill(0)
    expect(decoded).toStrictEqual(Uint8Array.of(1, 2, 3))
  })
})

describe('decodeValue refuses', () => {
  test.each([
    ['nothing', '', 'truncated'],
    ['bytes after the value', '0000', 'trailing'],
    ['an indefinite array', '9fff', 'unsupported'],
    ['an indefinite map', 'bfff', 'unsupported'],
    ['indefinite text', '7f6161ff', 'unsupported'],
    ['indefinite bytes', '5f4101ff', 'unsupported'],
    ['a break alone', 'ff', 'unsupported'],
    ['undefined', 'f7', 'unsupported'],
    ['another simple value', 'f0', 'unsupported'],
    ['a simple value in two bytes', 'f820', 'unsupported'],
    ['a reserved head', '1c', 'unsupported'],
    ['an integer in too many bytes (1)', '1817', 'notShortest'],
    ['an integer in too many bytes (2)', '1900ff', 'notShortest'],
    ['an integer in too many bytes (4)', '1a0000ffff', 'notShortest'],
    ['an integer in too many bytes (8)', '1b00000000ffffffff', 'notShortest'],
    ['a length in too many bytes', '780161', 'notShortest'],
    ['an integer above 2^53 - 1', '1b0020000000000000', 'outOfRange'],
    ['an integer below -(2^53 - 1)', '3b001fffffffffffff', 'outOfRange'],
    ['an integer of 64 bits', '1bffffffffffffffff', 'outOfRange'],
    ['a date', 'c074323031332d30332d32315432303a30343a30305a', 'unsupported'],
    ['a tag on a number', 'c201', 'unsupported'],
    ['a bigint of 9 bytes', 'c249010000000000000000', 'outOfRange'],
    ['a bigint with a leading zero', 'c24100', 'notShortest'],
    ['NaN as a half', 'f97e00', 'unsupported'],
    ['NaN as a single', 'fa7fc00000', 'unsupported'],
    ['NaN as a double', 'fb7ff8000000000000', 'unsupported'],
    ['infinity', 'f97c00', 'unsupported'],
    ['minus infinity as a double', 'fbfff0000000000000', 'unsupported'],
    ['an integer as a float', 'f93c00', 'notShortest'],
    ['zero as a float', 'f90000', 'notShortest'],
    ['a half as a single', 'fa3fc00000', 'notShortest'],
    ['a subnormal half as a single', 'fa33800000', 'notShortest'],
    ['a single as a double', 'fb3ff8000000000000', 'notShortest'],
    ['-0 as a double', 'fb8000000000000000', 'notShortest'],
    ['a duplicate key', 'a2616101616102', 'duplicateKey'],
    [
      'a duplicate key among many',
      'aa' + '0123456788'.replaceAll(/./g, digit => `613${digit}00`),
      'duplicateKey'
    ],
    ['a key that is a number', 'a10101', 'unsupported'],
    ['a key that is bytes', 'a1416101', 'unsupported'],
    ['a map without its last value', 'a16161', 'truncated'],
    ['text that is not UTF-8', '62c328', 'badText'],
    ['an encoded surrogate', '63eda080', 'badText'],
    ['a key that is not UTF-8', 'a161ff00', 'badText'],
    ['bytes that declare 2^32 - 1', '5affffffff', 'truncated'],
    ['text that declares 2^53 - 1', '7b001fffffffffffff00', 'truncated'],
    ['an array that declares 2^64 - 1', '9bffffffffffffffff', 'outOfRange'],
    ['an array that declares 2^32 - 1', '9affffffff00', 'truncated'],
    ['a map that declares 2^32 - 1', 'baffffffff00', 'truncated']
  ])('%s', (_name, text, reason) => {
    expect(refusal(text)).toBe(reason)
  })

  test('nesting beyond the limit, however deep, without recursing', () => {
    expect(refusal('81'.repeat(16) + '00')).toBe('accepted')
    expect(refusal('81'.repeat(17) + '00')).toBe('tooDeep')
    expect(refusal('a16161'.repeat(17) + '00')).toBe('tooDeep')
    expect(refusal('81'.repeat(65_000) + '00')).toBe('tooDeep')
    expect(refusal('81'.repeat(3) + '00', { depthMax: 2 })).toBe('tooDeep')
  })

  test('more bytes than the limit', () => {
    expect(refusal('4401020304', { bytesMax: 5 })).toBe('accepted')
    expect(refusal('4401020304', { bytesMax: 4 })).toBe('tooLong')
  })
})

describe('encodeValue', () => {
  test('a getter may encode another value, and one that throws spoils nothing', () => {
    const value = {
      a: 'x',
      get inner() {
        return encodeValue({ deep: [1, 2, 3] })
      },
      b: 'y'
    }
    expect(decodeValue(encodeValue(value))).toEqual({
      a: 'x',
      inner: encodeValue({ deep: [1, 2, 3] }),
      b: 'y'
    })
    const failing = {
      a: 'x',
      get b(): Value {
        throw new Error('mine')
      }
    }
    expect(() => encodeValue(failing)).toThrow('mine')
    expect(() => encodeValue([[undefined]] as unknown as Value)).toThrow(UnencodableValueError)
    expect(hex(encodeValue([7]))).toBe('8107')
    expect(unencodable([undefined])).toEqual(['unsupportedType', 0])
  })

  test('limits given for one value do not bind the next', () => {
    expect(unencodable([[1]], { depthMax: 1 })[0]).toBe('tooDeep')
    expect(unencodable('xx', { bytesMax: 2 })).toEqual(['tooLarge'])
    expect(unencodable([['xx']])).toEqual(['accepted'])
  })
})

describe('encodeValue refuses', () => {
  test.each<[string, unknown, (string | number)[]]>([
    ['undefined', undefined, ['unsupportedType']],
    ['undefined inside', { a: [1, { b: undefined }] }, ['unsupportedType', 'a', 1, 'b']],
    ['a hole', [1, , 3], ['unsupportedType', 1]], // oxlint-disable-line no-sparse-arrays
    ['a function', { f: () => 1 }, ['unsupportedType', 'f']],
    ['a symbol', [Symbol('s')], ['unsupportedType', 0]],
    ['a Date', { at: new Date(0) }, ['unsupportedType', 'at']],
    ['a Map', new Map(), ['unsupportedType']],
    ['a Set', new Set(), ['unsupportedType']],
    ['a class instance', new URL('file:///'), ['unsupportedType']],
    ['another typed array', new Uint16Array(1), ['unsupportedType']],
    ['bytes of a buffer that was transferred', { b: detached() }, ['unsupportedType', 'b']],
    ['NaN', [Number.NaN], ['notFinite', 0]],
    ['Infinity', -Infinity, ['notFinite']],
    ['a bigint above 64 bits', { n: 2n ** 64n }, ['bigintRange', 'n']],
    ['a bigint below', -(2n ** 64n) - 1n, ['bigintRange']],
    ['a lone surrogate', ['\ud800'], ['illFormedText', 0]],
    ['a key with a lone surrogate', { '\udc00': 1 }, ['illFormedText', '\udc00']]
  ])('%s', (_name, value, expected) => {
    expect(unencodable(value)).toEqual(expected)
  })

  test('nesting beyond the limit, and cycles', () => {
    expect(unencodable(nested(16))).toEqual(['accepted'])
    expect(unencodable(nested(17))[0]).toBe('tooDeep')
    const cycle: unknown[] = []
    cycle.push(cycle)
    expect(unencodable(cycle)[0]).toBe('tooDeep')
  })

  test('more bytes than the limit, before they are encoded', () => {
    expect(unencodable('x'.repeat(97), { bytesMax: 100 })).toEqual(['accepted'])
    expect(unencodable('x'.repeat(99), { bytesMax: 100 })).toEqual(['tooLarge'])
    expect(unencodable({ a: new Uint8Array(70_000) })).toEqual(['tooLarge', 'a'])
    expect(unencodable(Array.from({ length: 70_000 }, () => 0))).toEqual(['tooLarge'])
    expect(unencodable(['x'.repeat(50), 'y'.repeat(50)], { bytesMax: 100 })).toEqual(['tooLarge', 1])
  })

  test('an array that a getter shortens or lengthens meanwhile', () => {
    const shrinking: unknown[] = [1, 2, 3]
    shrinking[0] = {
      get a() {
        return (shrinking.length = 2)
      }
    }
    expect(unencodable(shrinking)).toEqual(['unsupportedType', 2])
    const growing: unknown[] = [1]
    growing[0] = {
      get a() {
        return growing.push(2)
      }
    }
    expect(hex(encodeValue(growing as Value))).toBe('81a1616102')
  })

  test('with a message that names the place and the remedy', () => {
    expect(() => encodeValue({ a: [undefined] } as unknown as Value)).toThrow(
      'The value["a"][0] cannot be encoded: undefined is not data; leave it out or use null'
    )
  })
})
