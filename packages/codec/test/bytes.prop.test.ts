import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter, DecodeError } from '../src/index.ts'
import { runs } from './runs.ts'

type Field =
  | { type: 'u8' | 'u16' | 'u24' | 'u32' | 'varint'; value: number }
  | { type: 'u64'; value: bigint }
  | { type: 'bytes'; value: Uint8Array }
  | { type: 'copy'; value: Uint8Array }
  | { type: 'string'; value: string }

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ type: fc.constant('u8' as const), value: fc.nat({ max: 0xff }) }),
  fc.record({ type: fc.constant('u16' as const), value: fc.nat({ max: 0xffff }) }),
  fc.record({ type: fc.constant('u24' as const), value: fc.nat({ max: 0xff_ffff }) }),
  fc.record({ type: fc.constant('u32' as const), value: fc.integer({ min: 0, max: 0xffff_ffff }) }),
  fc.record({ type: fc.constant('varint' as const), value: fc.maxSafeNat() }),
  fc.record({ type: fc.constant('u64' as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
  fc.record({ type: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({ type: fc.constant('copy' as const), value: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({ type: fc.constant('string' as const), value: fc.string({ unit: 'grapheme', maxLength: 40 }) })
)

const LIMIT = 200

function write(writer: ByteWriter, { type, value }: Field): void {
  if (type === 'u64') writer.u64(value)
  else if (type === 'bytes' || type === 'copy') writer.bytes(value)
  else if (type === 'string') writer.string(value)
  else writer[type](value)
}

function read(reader: ByteReader, type: Field['type']): unknown {
  return type === 'bytes' || type === 'copy' || type === 'string' ? reader[type](LIMIT) : reader[type]()
}

test('what is written is read back, by the same methods in the same order', () => {
  fc.assert(
    fc.property(fc.array(field, { maxLength: 20 }), fields => {
      const writer = new ByteWriter(0)
      for (const each of fields) write(writer, each)
      const reader = new ByteReader(writer.finish())
      for (const each of fields) expect(read(reader, each.type)).toEqual(each.value)
      reader.end()
    }),
    runs(2000)
  )
})

test('arbitrary bytes are read to values that write the same bytes, or refused as a DecodeError', () => {
  const types = fc.array(
    field.map(each => each.type),
    { minLength: 1, maxLength: 6 }
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 48 }), types, (input, order) => {
      const reader = new ByteReader(input)
      const writer = new ByteWriter()
      try {
        for (const type of order) {
          write(writer, { type, value: read(reader, type) } as Field)
        }
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
        return
      }
      expect(writer.finish()).toEqual(input.slice(0, reader.offset))
    }),
    runs(5000)
  )
})
