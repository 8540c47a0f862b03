import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import * as zlib from 'node:zlib'

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
  readonly #file: FileHandle
  readonly #onError: (error: unknown) => void
  #next: MarkValue | undefined
  #writing: Promise<void> | undefined

  private constructor(file: FileHandle, onError: (error: unknown) => void) {
    this.#file = file
    this.#onError = onError
  }

  /** Opens the file, creating it when missing, and reads the newest mark in it. */
  static async open(
    path: string,
    onError: (error: unknown) => void
  ): Promise<{ readonly mark: SideMark; readonly found: MarkValue | undefined }> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
    try {
      const bytes = new Uint8Array(2 * SLOT_STRIDE)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
      const slots = [0, SLOT_STRIDE].flatMap(at => readSlot(bytes.subarray(0, bytesRead), at) ?? [])
      const found = slots.reduce<MarkValue | undefined>(
        (newest, slot) => (newest === undefined || slot.batch > newest.batch ? slot : newest),
        undefined
      )
      return { mark: new SideMark(file, onError), found }
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
        const at = Number(value.batch & 1n) * SLOT_STRIDE
        await this.#file.write(encodeSlot(value), 0, SLOT_BYTES, at)
      }
    } catch (error) {
      this.#onError(error)
    }
    this.#writing = undefined
  }
}

function encodeSlot(value: MarkValue): Uint8Array {
  const out = new Uint8Array(SLOT_BYTES)
  const view = new DataView(out.buffer)
  view.setBigUint64(4, value.batch)
  view.setBigUint64(12, value.clockMark)
  view.setUint32(0, zlib.crc32(out.subarray(4)))
  return out
}

function readSlot(bytes: Uint8Array, at: number): MarkValue | undefined {
  if (bytes.length < at + SLOT_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, SLOT_BYTES)
  if (view.getUint32(0) !== zlib.crc32(bytes.subarray(at + 4, at + SLOT_BYTES))) return undefined
  return { batch: view.getBigUint64(4), clockMark: view.getBigUint64(12) }
}
