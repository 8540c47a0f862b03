import * as zlib from 'node:zlib'
import type { MarkFile } from './medium.ts'

/** What the store knew when its newest synced write was done. */
export interface MarkValue {
  readonly batch: bigint
  readonly clockMark: bigint
}

/** `crc:u32 batch:u64 clockMark:u64`, big-endian. Two slots are written in turn: a torn write leaves the other. */
const SLOT_BYTES = 20
const SLOT_STRIDE = 32

/**
 * The small file beside the database that holds the number of the newest synced batch. A database cannot see that its own
 * tail is missing; this file can. It is written after the commit and not synced: a mark behind the store is normal, a
 * store behind its mark has lost acknowledged writes.
 */
export class SideMark {
  /** What the file said on opening. */
  readonly found: MarkValue | undefined
  readonly #file: MarkFile
  readonly #onError: (error: unknown) => void
  #next: MarkValue | undefined
  #writing: Promise<void> | undefined

  private constructor(file: MarkFile, found: MarkValue | undefined, onError: (error: unknown) => void) {
    this.#file = file
    this.found = found
    this.#onError = onError
  }

  /** Reads the newest mark in the file, and takes the file over. */
  static async open(file: MarkFile, onError: (error: unknown) => void): Promise<SideMark> {
    try {
      return new SideMark(file, readMark(await file.read()), onError)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Notes a synced batch. Only the newest is written; an older one that still waits is dropped. */
  note(value: MarkValue): void {
    this.#next = value
    this.#writing ??= this.#write()
  }

  /** What the file says now; `undefined` when it says nothing that can be read. */
  async read(): Promise<MarkValue | undefined> {
    await this.#writing
    return readMark(await this.#file.read())
  }

  /** Waits for the last write and closes the file. */
  async close(): Promise<void> {
    await this.#writing
    await this.#file.close()
  }

  async #write(): Promise<void> {
    try {
      while (this.#next !== undefined) {
        const value = this.#next
        this.#next = undefined
        await writeMark(this.#file, value)
      }
    } catch (error) {
      this.#onError(error)
    }
    this.#writing = undefined
  }
}

/** Writes one mark into its slot. */
export async function writeMark(file: MarkFile, value: MarkValue): Promise<void> {
  const out = new Uint8Array(SLOT_BYTES)
  const view = new DataView(out.buffer)
  view.setBigUint64(4, value.batch)
  view.setBigUint64(12, value.clockMark)
  view.setUint32(0, zlib.crc32(out.subarray(4)))
  await file.write(out, Number(value.batch & 1n) * SLOT_STRIDE)
}

/** The newest mark in the bytes of the file. */
export function readMark(bytes: Uint8Array): MarkValue | undefined {
  const slots = [0, SLOT_STRIDE].flatMap(at => readSlot(bytes, at) ?? [])
  return slots.reduce<MarkValue | undefined>(
    (newest, slot) => (newest === undefined || slot.batch > newest.batch ? slot : newest),
    undefined
  )
}

function readSlot(bytes: Uint8Array, at: number): MarkValue | undefined {
  if (bytes.length < at + SLOT_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, SLOT_BYTES)
  if (view.getUint32(0) !== zlib.crc32(bytes.subarray(at + 4, at + SLOT_BYTES))) return undefined
  return { batch: view.getBigUint64(4), clockMark: view.getBigUint64(12) }
}
