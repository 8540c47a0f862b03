import { ByteWriter } from '@starling/codec'
import type { Hash } from '@starling/ports'
import type { LogRow, RecoveredRow, RowKind } from './ports.ts'

/** A kind of row that is not a key's. */
export type SideKind = Extract<RowKind, 'known' | 'setAside'>

interface SideRow {
  readonly kind: SideKind
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly hash: Uint8Array
}

/** A row as it should be on disk, for a log that is recovered. */
export type AppliedSideRow = SideRow

/** The first byte of what a side row's hash covers. No entry format has these numbers, so it never equals another row's hash. */
const HASH_DOMAIN: Readonly<Record<SideKind, number>> = { known: 0xfe, setAside: 0xff }

/**
 * The rows beside those of the keys: few, and kept here as they should be on disk. What changes waits for the next batch and is
 * in it before anything else, in the order of the changes.
 */
export class SideRows {
  readonly #hash: Hash
  readonly #rows = new Map<string, SideRow>()
  /** Hashes of the rows in the log, as last appended. */
  readonly #inLog = new Map<string, Uint8Array>()
  readonly #changed = new Map<string, { readonly kind: SideKind; readonly key: Uint8Array }>()

  constructor(hash: Hash) {
    this.#hash = hash
  }

  /** Whether something waits for the next batch. */
  get waits(): boolean {
    return this.#changed.size > 0
  }

  /** A row that was read back. */
  load({ kind, key, value, hash }: RecoveredRow & { readonly kind: SideKind }): void {
    const row = { kind, key: new Uint8Array(key), value: new Uint8Array(value), hash: new Uint8Array(hash) }
    const name = nameOf(kind, key)
    this.#rows.set(name, row)
    this.#inLog.set(name, row.hash)
  }

  put(kind: SideKind, key: Uint8Array, value: Uint8Array): void {
    const name = nameOf(kind, key)
    const writer = new ByteWriter(value.length + key.length + 8).u8(HASH_DOMAIN[kind])
    const hash = this.#hash(writer.bytes(key).raw(value).finish())
    this.#rows.set(name, { kind, key, value, hash })
    this.#changed.set(name, { kind, key })
  }

  delete(kind: SideKind, key: Uint8Array): void {
    const name = nameOf(kind, key)
    if (!this.#rows.delete(name) && !this.#inLog.has(name)) return
    this.#changed.set(name, { kind, key })
  }

  /** What waits, in lists of rows that one batch takes; they count as written from now on. */
  take(rowsMax: number, bytesMax: number): LogRow[][] {
    const lists: LogRow[][] = []
    let rows: LogRow[] = []
    let bytes = 0
    for (const [name, { kind, key }] of this.#changed) {
      const row = this.#rows.get(name)
      const replaces = this.#inLog.get(name)
      if (row === undefined && replaces === undefined) continue
      if (rows.length >= rowsMax || bytes >= bytesMax) {
        lists.push(rows)
        rows = []
        bytes = 0
      }
      rows.push({ kind, key, value: row?.value, hash: row?.hash, replaces })
      bytes += key.length + (row?.value.length ?? 0)
      if (row === undefined) this.#inLog.delete(name)
      else this.#inLog.set(name, row.hash)
    }
    this.#changed.clear()
    if (rows.length > 0) lists.push(rows)
    return lists
  }

  /** Every row as it should be. */
  rows(): Iterable<AppliedSideRow> {
    return this.#rows.values()
  }

  /** Everything is in the log as it should be: it was recovered. */
  met(): void {
    this.#changed.clear()
    this.#inLog.clear()
    for (const [name, row] of this.#rows) this.#inLog.set(name, row.hash)
  }
}

function nameOf(kind: SideKind, key: Uint8Array): string {
  let name: string = kind
  for (const byte of key) name += String.fromCharCode(byte)
  return name
}
