import { compareBytes, type TableEntry } from './entries.ts'

/** What was written since the last table, by key. */
export class MemoryTable {
  readonly #entries = new Map<string, TableEntry>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: Uint8Array): TableEntry | undefined {
    return this.#entries.get(textOf(key))
  }

  set(entry: TableEntry): void {
    this.#entries.set(textOf(entry.key), entry)
    this.#bytes += entry.key.length + (entry.value?.length ?? 0) + 16
  }

  values(): readonly TableEntry[] {
    return [...this.#entries.values()]
  }
}

/** The newest entry of each key in the order of the keys, from lists of which a later one overrides an earlier one. */
export function merged(lists: readonly (readonly TableEntry[])[]): TableEntry[] {
  const newest = new Map<string, TableEntry>()
  for (const list of lists) for (const entry of list) newest.set(textOf(entry.key), entry)
  return [...newest.values()].sort((a, b) => compareBytes(a.key, b.key))
}

function textOf(key: Uint8Array): string {
  let text = ''
  for (const byte of key) text += String.fromCharCode(byte)
  return text
}
