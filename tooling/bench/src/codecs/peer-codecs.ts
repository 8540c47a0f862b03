import { Buffer } from 'node:buffer'
import type { Row } from '../workload.ts'
import type { Delta, DeltaCodec } from './delta.ts'

/** JSON has no bytes, so the id goes as hexadecimal text. */
export function createJsonCodec(): DeltaCodec {
  return {
    encodeAll(deltas) {
      const encoded: Uint8Array[] = []
      for (const delta of deltas) {
        const id = Buffer.from(delta.id.buffer, delta.id.byteOffset, delta.id.length).toString('hex')
        encoded.push(Buffer.from(JSON.stringify({ ...delta, id })))
      }
      return encoded
    },
    decodeAll(encoded) {
      const deltas: Delta[] = []
      for (const bytes of encoded) {
        const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
        const delta = JSON.parse(buffer.toString('utf8')) as Omit<Delta, 'id'> & { id: string }
        deltas.push({ ...delta, id: Buffer.from(delta.id, 'hex') })
      }
      return deltas
    }
  }
}

export async function createCborgCodec(): Promise<DeltaCodec> {
  const { decode, encode } = await import('cborg')
  return {
    encodeAll(deltas) {
      const encoded: Uint8Array[] = []
      for (const delta of deltas) encoded.push(encode(delta))
      return encoded
    },
    decodeAll(encoded) {
      const deltas: Delta[] = []
      for (const bytes of encoded) deltas.push(decode(bytes) as Delta)
      return deltas
    }
  }
}

/** As self-describing maps: shared record structures would need a table that both ends have. */
export async function createCborXCodec(): Promise<DeltaCodec> {
  const { Encoder } = await import('cbor-x')
  const encoder = new Encoder({ useRecords: false })
  return {
    encodeAll(deltas) {
      const encoded: Uint8Array[] = []
      for (const delta of deltas) encoded.push(encoder.encode(delta))
      return encoded
    },
    decodeAll(encoded) {
      const deltas: Delta[] = []
      for (const bytes of encoded) deltas.push(encoder.decode(bytes) as Delta)
      return deltas
    }
  }
}

/** As self-describing maps, like cbor-x. */
export async function createMsgpackrCodec(): Promise<DeltaCodec> {
  const { Packr } = await import('msgpackr')
  const packr = new Packr({ useRecords: false })
  return {
    encodeAll(deltas) {
      const encoded: Uint8Array[] = []
      for (const delta of deltas) encoded.push(packr.pack(delta))
      return encoded
    },
    decodeAll(encoded) {
      const deltas: Delta[] = []
      for (const bytes of encoded) deltas.push(packr.unpack(bytes) as Delta)
      return deltas
    }
  }
}

/** Whether what came back is what went in. */
export function sameDelta(a: Delta, b: Delta): boolean {
  const sameRow = (left: Row, right: Row): boolean =>
    left.n === right.n && left.s === right.s && left.b === right.b
  return (
    a.key === b.key &&
    sameRow(a.value, b.value) &&
    Buffer.compare(a.id, b.id) === 0 &&
    a.wall === b.wall &&
    a.counter === b.counter
  )
}
