import { Buffer } from 'node:buffer'
import type { Row } from '../workload.ts'
import type { Delta, DeltaCodec } from './delta.ts'

const KEY_START = 17
const scratch = new Uint8Array(4096)
const encoder = new TextEncoder()

// The platform's own way from bytes to text, without the checks around it.
const { utf8Slice } = Buffer.prototype as unknown as {
  utf8Slice: (this: Uint8Array, start: number, end: number) => string
}

/**
 * The least that a writer and a reader made for this one record can do: fixed fields at fixed places, the value as JSON, one
 * buffer that is used again. It checks nothing, and knows that a record is short.
 *
 * Layout: id (8), wall (6), counter (2), bytes of the key (1), key, JSON to the end.
 */
export function createFloorCodec(): DeltaCodec {
  return {
    encodeAll(deltas) {
      const encoded: Uint8Array[] = []
      for (const delta of deltas) encoded.push(encodeDelta(delta))
      return encoded
    },
    decodeAll(encoded) {
      const deltas: Delta[] = []
      for (const bytes of encoded) deltas.push(decodeDelta(bytes))
      return deltas
    }
  }
}

function encodeDelta({ key, value, id, wall, counter }: Delta): Uint8Array {
  for (let i = 0; i < 8; i++) scratch[i] = id[i] as number
  const high = Math.floor(wall / 2 ** 32)
  scratch[8] = high >>> 8
  scratch[9] = high
  scratch[10] = wall >>> 24
  scratch[11] = wall >>> 16
  scratch[12] = wall >>> 8
  scratch[13] = wall
  scratch[14] = counter >>> 8
  scratch[15] = counter
  const valueStart = write(key, KEY_START)
  scratch[16] = valueStart - KEY_START
  return scratch.slice(0, write(JSON.stringify(value), valueStart))
}

function decodeDelta(bytes: Uint8Array): Delta {
  const valueStart = KEY_START + at(bytes, 16)
  const low = ((at(bytes, 10) << 24) | (at(bytes, 11) << 16) | (at(bytes, 12) << 8) | at(bytes, 13)) >>> 0
  return {
    key: utf8Slice.call(bytes, KEY_START, valueStart),
    value: JSON.parse(utf8Slice.call(bytes, valueStart, bytes.length)) as Row,
    id: bytes.subarray(0, 8),
    wall: ((at(bytes, 8) << 8) | at(bytes, 9)) * 2 ** 32 + low,
    counter: (at(bytes, 14) << 8) | at(bytes, 15)
  }
}

/** Writes text, which is mostly ASCII, and returns where it ends. */
function write(text: string, start: number): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) return start + encoder.encodeInto(text, scratch.subarray(start)).written
    scratch[start + i] = unit
  }
  return start + text.length
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] as number
}
