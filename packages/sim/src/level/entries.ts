import { corruption } from './level-error.ts'

/** One change in a batch. */
export type SimLevelOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }

/** A key, and its value or that it was deleted. */
export interface TableEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

const PUT = 1
const DELETE = 0
const ENTRY_HEADER_BYTES = 9

/** The magic at a table's end: without it the file is no table. */
const MAGIC = 0xdb4775248b80fb57n
const FOOTER_BYTES = 12

/** A log record: the changes of one batch. */
export function encodeBatch(operations: readonly SimLevelOperation[]): Uint8Array {
  return encodeEntries(
    operations.map(one => ({ key: one.key, value: one.type === 'put' ? one.value : undefined })),
    0
  )
}

/** The changes of a log record; those before the place where it stops making sense. */
export function decodeBatch(record: Uint8Array): readonly TableEntry[] {
  const entries: TableEntry[] = []
  let at = 0
  while (at < record.length) {
    const entry = decodeEntry(record, at)
    if (entry === undefined) break
    entries.push(entry)
    at = entry.end
  }
  return entries
}

/** A table: entries in the order of their keys, their number and a magic. Its contents have no checksum that is checked. */
export function encodeTable(entries: readonly TableEntry[]): Uint8Array {
  const out = encodeEntries(entries, FOOTER_BYTES)
  const view = new DataView(out.buffer)
  view.setUint32(out.length - FOOTER_BYTES, entries.length)
  view.setBigUint64(out.length - 8, MAGIC)
  return out
}

/**
 * The entries of a table. A flipped bit in a key or a value goes unnoticed, as with the real one, whose checksums the
 * binding does not verify (measured); one that breaks the structure is an error.
 *
 * @throws SimLevelError with `LEVEL_CORRUPTION`.
 */
export function decodeTable(content: Uint8Array): readonly TableEntry[] {
  if (content.length < FOOTER_BYTES) throw corruption('file is too short to be an sstable')
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength)
  if (view.getBigUint64(content.length - 8) !== MAGIC) {
    throw corruption('not an sstable (bad magic number)')
  }
  const body = content.subarray(0, content.length - FOOTER_BYTES)
  const entries: TableEntry[] = []
  for (let at = 0; at < body.length;) {
    const entry = decodeEntry(body, at)
    if (entry === undefined) throw corruption('bad entry in block')
    entries.push(entry)
    at = entry.end
  }
  if (entries.length !== view.getUint32(content.length - FOOTER_BYTES)) throw corruption('bad block contents')
  return entries
}

function encodeEntries(entries: readonly TableEntry[], extra: number): Uint8Array {
  const size = entries.reduce(
    (sum, { key, value }) => sum + ENTRY_HEADER_BYTES + key.length + (value?.length ?? 0),
    extra
  )
  const out = new Uint8Array(size)
  const view = new DataView(out.buffer)
  let at = 0
  for (const { key, value } of entries) {
    out[at] = value === undefined ? DELETE : PUT
    view.setUint32(at + 1, key.length)
    view.setUint32(at + 5, value?.length ?? 0)
    out.set(key, at + ENTRY_HEADER_BYTES)
    if (value !== undefined) out.set(value, at + ENTRY_HEADER_BYTES + key.length)
    at += ENTRY_HEADER_BYTES + key.length + (value?.length ?? 0)
  }
  return out
}

function decodeEntry(bytes: Uint8Array, at: number): (TableEntry & { readonly end: number }) | undefined {
  if (at + ENTRY_HEADER_BYTES > bytes.length) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + at)
  const type = view.getUint8(0)
  const keyEnd = at + ENTRY_HEADER_BYTES + view.getUint32(1)
  const end = keyEnd + view.getUint32(5)
  if (type > PUT || end > bytes.length) return undefined
  const key = bytes.slice(at + ENTRY_HEADER_BYTES, keyEnd)
  return { key, value: type === PUT ? bytes.slice(keyEnd, end) : undefined, end }
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
