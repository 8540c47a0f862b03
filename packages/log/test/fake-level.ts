import type { Level, LevelOperation, LevelScan } from '../src/level.ts'
import type { KeyRange } from '../src/keys.ts'

type Content = Map<string, Uint8Array>

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const bytes = (key: string): Uint8Array => new Uint8Array(Buffer.from(key, 'latin1'))

/** A disk that can lose what was not synced, fail a given write, and hold writes back until told. */
export class FakeDisk {
  /** What a power cut leaves. */
  durable: Content = new Map()
  /** What readers see. */
  volatile: Content = new Map()
  /** Every batch that reached the database, failed ones included. */
  readonly batches: { readonly operations: readonly LevelOperation[]; readonly sync: boolean }[] = []
  /** Called before each write with its number from 1; a returned error fails it, applied or not. */
  fault: ((write: number) => { readonly error: Error; readonly applied: boolean } | undefined) | undefined
  /** When set, a write waits for it. */
  gate: Promise<void> | undefined
  openScans = 0
  compactions = 0
  /** What `bytesOnDisk` says; the content's own bytes unless set. */
  bytes: number | undefined
  open = false

  powerCut(): void {
    this.volatile = new Map(this.durable)
    this.open = false
  }

  edit(change: (content: Content) => void): void {
    change(this.volatile)
    this.durable = new Map(this.volatile)
  }

  level(): Level {
    return new FakeLevel(this)
  }
}

class FakeLevel implements Level {
  readonly #disk: FakeDisk

  constructor(disk: FakeDisk) {
    this.#disk = disk
  }

  async open(): Promise<void> {
    if (this.#disk.open) throw new Error('the fake database is open already')
    this.#disk.open = true
    // LevelDB writes what it reads from its log into a table, and syncs that.
    this.#disk.durable = new Map(this.#disk.volatile)
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#disk.volatile.get(text(key))
  }

  async batch(operations: readonly LevelOperation[], options: { readonly sync: boolean }): Promise<void> {
    const disk = this.#disk
    disk.batches.push({ operations, sync: options.sync })
    const fault = disk.fault?.(disk.batches.length)
    await disk.gate
    if (fault === undefined || fault.applied) {
      for (const one of operations) {
        if (one.type === 'del') disk.volatile.delete(text(one.key))
        else disk.volatile.set(text(one.key), one.value)
      }
      if (options.sync && fault === undefined) disk.durable = new Map(disk.volatile)
    }
    if (fault !== undefined) throw fault.error
  }

  scan(range: KeyRange): LevelScan {
    const disk = this.#disk
    disk.openScans++
    const from = text(range.gte)
    const to = text(range.lt)
    const entries = [...disk.volatile]
      .filter(([key]) => key >= from && key < to)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [bytes(key), value] as const)
    return {
      next: async size => entries.splice(0, size),
      close: async () => {
        disk.openScans--
      }
    }
  }

  async compact(): Promise<void> {
    this.#disk.compactions++
  }

  async bytesOnDisk(): Promise<number> {
    return (
      this.#disk.bytes ??
      [...this.#disk.volatile].reduce((sum, [key, value]) => sum + key.length + value.length, 0)
    )
  }

  async close(): Promise<void> {
    this.#disk.open = false
  }
}
