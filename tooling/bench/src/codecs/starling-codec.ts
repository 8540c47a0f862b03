import { ByteReader, ByteWriter, decodeValue, encodeValue } from '@starling/codec'
import type { Row } from '../workload.ts'
import type { Delta, DeltaCodec } from './delta.ts'

const KEY_BYTES_MAX = 1024
const VALUE_BYTES_MAX = 65_536
const COUNTER_BITS = 16n
const COUNTER_MASK = 0xffffn

/** The record as the packages write theirs: fields in a row, the value in the checked CBOR profile, every length bounded. */
export function createStarlingCodec(): DeltaCodec {
  return {
    encodeAll(deltas) {
      const encoded: Uint8Array[] = []
      for (const { key, value, id, wall, counter } of deltas) {
        const writer = new ByteWriter()
          .string(key)
          .raw(id)
          .u64((BigInt(wall) << COUNTER_BITS) | BigInt(counter))
          .bytes(encodeValue(value))
        encoded.push(writer.finish())
      }
      return encoded
    },
    decodeAll(encoded) {
      const deltas: Delta[] = []
      for (const bytes of encoded) {
        const reader = new ByteReader(bytes)
        const key = reader.string(KEY_BYTES_MAX)
        const id = reader.raw(8)
        const stamp = reader.u64()
        const value: unknown = decodeValue(reader.bytes(VALUE_BYTES_MAX))
        reader.end()
        deltas.push({
          key,
          value: value as Row,
          id,
          wall: Number(stamp >> COUNTER_BITS),
          counter: Number(stamp & COUNTER_MASK)
        })
      }
      return deltas
    }
  }
}
