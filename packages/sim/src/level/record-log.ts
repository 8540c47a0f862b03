import type { DiskFile } from '../disk/disk-process.ts'
import { crc32c } from './crc32c.ts'

/**
 * The record format that LevelDB uses for its logs and its manifest: blocks of 32 KiB, each filled with fragments
 * `crc:u32 length:u16 type:u8 payload`. A record that does not fit goes on in the next block.
 */
export const BLOCK_BYTES = 32_768
const HEADER_BYTES = 7

const FULL = 1
const FIRST = 2
const MIDDLE = 3
const LAST = 4

/** Appends records to a file. */
export class RecordWriter {
  readonly #file: DiskFile
  #blockOffset: number

  constructor(file: DiskFile) {
    this.#file = file
    this.#blockOffset = file.size % BLOCK_BYTES
  }

  /**
   * Appends one record. After a write that failed in part the file is shorter than this writer takes it to be, and it goes
   * on regardless: readers lose the frame, and with it later records. So does the real one (measured: after one full disk
   * every later synced write was gone).
   */
  async append(record: Uint8Array): Promise<void> {
    let at = 0
    for (let begin = true; begin || at < record.length; begin = false) {
      const left = BLOCK_BYTES - this.#blockOffset
      if (left < HEADER_BYTES) {
        if (left > 0) await this.#file.write(this.#file.size, new Uint8Array(left))
        this.#blockOffset = 0
      }
      const length = Math.min(record.length - at, BLOCK_BYTES - this.#blockOffset - HEADER_BYTES)
      const end = at + length === record.length
      const type = begin ? (end ? FULL : FIRST) : end ? LAST : MIDDLE
      this.#blockOffset += HEADER_BYTES + length
      await this.#file.write(this.#file.size, fragment(type, record.subarray(at, at + length)))
      at += length
    }
  }
}

/** What reading a file of records found. */
export interface RecordReading {
  readonly records: readonly Uint8Array[]
  /** What was skipped, in words; nothing for a tail that was cut, which is taken for a writer that died. */
  readonly problems: readonly string[]
}

/**
 * Reads the records of a file. After a bad checksum or length the rest of its block is skipped and reading goes on in the
 * next one: records in between are gone without an error (measured: one flipped bit, 68 of 1,000 rows).
 */
export function readRecords(content: Uint8Array): RecordReading {
  const records: Uint8Array[] = []
  const problems: string[] = []
  let parts: Uint8Array[] | undefined
  for (const physical of fragments(content)) {
    if (physical.type === 'bad') {
      if (physical.reason !== undefined) problems.push(physical.reason)
      if (parts !== undefined) problems.push('error in middle of record')
      parts = undefined
      continue
    }
    const { kind, payload } = physical
    if (kind === FULL || kind === FIRST) {
      if (parts !== undefined) problems.push('partial record without end')
      parts = kind === FIRST ? [payload] : undefined
      if (kind === FULL) records.push(payload)
    } else if (parts === undefined) {
      problems.push('missing start of fragmented record')
    } else {
      parts.push(payload)
      if (kind === LAST) {
        records.push(joined(parts))
        parts = undefined
      }
    }
  }
  return { records, problems }
}

type Physical =
  | { readonly type: 'good'; readonly kind: number; readonly payload: Uint8Array }
  | { readonly type: 'bad'; readonly reason: string | undefined }

function* fragments(content: Uint8Array): Generator<Physical> {
  for (let start = 0; start < content.length; start += BLOCK_BYTES) {
    const block = content.subarray(start, start + BLOCK_BYTES)
    const last = start + BLOCK_BYTES > content.length
    for (let at = 0; block.length - at >= HEADER_BYTES;) {
      const view = new DataView(block.buffer, block.byteOffset + at)
      const length = view.getUint16(4, true)
      const kind = view.getUint8(6)
      const end = at + HEADER_BYTES + length
      if (end > block.length) {
        if (last) return
        yield { type: 'bad', reason: 'bad record length' }
        break
      }
      if (kind === 0 && length === 0) {
        yield { type: 'bad', reason: undefined }
        break
      }
      if (view.getUint32(0, true) !== crc32c(block.subarray(at + 6, end))) {
        yield { type: 'bad', reason: 'checksum mismatch' }
        break
      }
      if (kind < FULL || kind > LAST) yield { type: 'bad', reason: `unknown record type ${kind}` }
      else yield { type: 'good', kind, payload: block.subarray(at + HEADER_BYTES, end) }
      at = end
    }
  }
}

function fragment(type: number, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(HEADER_BYTES + payload.length)
  out.set(payload, HEADER_BYTES)
  out[6] = type
  const view = new DataView(out.buffer)
  view.setUint16(4, payload.length, true)
  view.setUint32(0, crc32c(out.subarray(6)), true)
  return out
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
