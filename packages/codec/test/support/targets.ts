import { isUtf8 } from 'node:buffer'
import {
  ByteReader,
  ByteWriter,
  checkValue,
  DecodeError,
  decodeUtf8,
  decodeValue,
  encodeFrame,
  encodeUtf8,
  encodeValue,
  FrameDecoder,
  type Value
} from '../../src/index.ts'
import { hasIndexKeys } from './values.ts'

/**
 * Each target gives bytes to one decoder and throws when something other than a value or a `DecodeError` comes out, when the
 * value does not encode to the same bytes, or when two ways to decode disagree. It returns what was refused, or `accepted`.
 */
export const TARGETS = { value: valueTarget, frames: framesTarget, fields: fieldsTarget, utf8: utf8Target }

export type Target = keyof typeof TARGETS

/** Bytes a frame may carry here, so that both sides of the limit are met. */
export const FRAME_BYTES_MAX = 300

function valueTarget(bytes: Uint8Array): string {
  const checked = outcome(() => checkValue(bytes))
  let decoded: Value = null
  const built = outcome(() => {
    decoded = decodeValue(bytes)
  })
  same('checkValue and decodeValue', checked, built)
  if (built === 'accepted' && !hasIndexKeys(decoded)) same('bytes', hex(encodeValue(decoded)), hex(bytes))
  if (({} as Record<string, unknown>)['polluted'] !== undefined)
    throw new Error('Object.prototype has changed')
  return built
}

function framesTarget(bytes: Uint8Array): string {
  const whole = frames(bytes, bytes.length)
  for (const size of [1, 3, 7]) same(`frames in chunks of ${size}`, frames(bytes, size), whole)
  const [payloads = '', refused = ''] = whole.split(' ')
  if (refused !== 'accepted') return refused.replace(/@.*/, '')
  const list = payloads === '' ? [] : payloads.split('|').slice(1)
  same('frames', list.map(each => hex(encodeFrame(fromHex(each), FRAME_BYTES_MAX))).join(''), hex(bytes))
  return refused
}

/** The frames and then the outcome, from the bytes in chunks of `size`. */
function frames(bytes: Uint8Array, size: number): string {
  const decoder = new FrameDecoder(FRAME_BYTES_MAX)
  let payloads = ''
  const end = outcome(() => {
    for (let at = 0; at < bytes.length; at += size) {
      decoder.push(bytes.subarray(at, at + size), payload => (payloads += `|${hex(payload)}`))
      if (decoder.pending > FRAME_BYTES_MAX + 8) throw new Error(`${decoder.pending} bytes are held`)
    }
    decoder.end()
  })
  return `${payloads} ${end}`
}

/** The first byte of each field says which one follows. */
function fieldsTarget(bytes: Uint8Array): string {
  const reader = new ByteReader(bytes)
  const writer = new ByteWriter()
  const end = outcome(() => {
    while (reader.remaining > 0) {
      const kind = reader.u8()
      writer.u8(kind)
      switch (kind % 8) {
        case 0:
          writer.u16(reader.u16())
          break
        case 1:
          writer.u24(reader.u24())
          break
        case 2:
          writer.u32(reader.u32())
          break
        case 3:
          writer.u64(reader.u64())
          break
        case 4:
          writer.varint(reader.varint())
          break
        case 5:
          writer.bytes(reader.bytes(100))
          break
        case 6:
          writer.string(reader.string(100))
          break
        default:
          writer.text(reader.text(3))
      }
    }
  })
  if (end === 'accepted') same('fields', hex(writer.finish()), hex(bytes))
  return end
}

function utf8Target(bytes: Uint8Array): string {
  let text = ''
  const end = outcome(() => {
    text = decodeUtf8(bytes)
  })
  same('decodeUtf8 and the platform', end === 'accepted', isUtf8(bytes))
  if (end === 'accepted') same('bytes', hex(encodeUtf8(text)), hex(bytes))
  return end
}

function outcome(decode: () => void): string {
  try {
    decode()
    return 'accepted'
  } catch (error) {
    if (error instanceof DecodeError) return `${error.reason}@${error.offset}`
    throw error
  }
}

function same(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)} is not ${String(expected)}`)
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
