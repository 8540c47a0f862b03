/** What a name in a folder stands for. A number names one file or folder for the whole life of a disk. */
export interface FolderEntry {
  readonly type: 'file' | 'folder'
  readonly id: number
}

/** The names in a folder. */
export type Names = ReadonlyMap<string, FolderEntry>

/** A change of a folder that has not been synced. */
export type FolderOperation =
  | { readonly type: 'add'; readonly name: string; readonly entry: FolderEntry }
  | { readonly type: 'remove'; readonly name: string }
  | { readonly type: 'rename'; readonly from: string; readonly to: string }

/**
 * A folder: the names the disk holds, and what was done to them since. A power cut keeps the first few of the unsynced
 * operations, as a file system with a journal does: never a later one without an earlier one of the same folder.
 */
export class FolderNode {
  /** Replaced, never changed. */
  durable: Names
  pending: FolderOperation[] = []
  readonly entries: Map<string, FolderEntry>

  constructor(entries: Names = new Map()) {
    this.durable = entries
    this.entries = new Map(entries)
  }

  apply(operation: FolderOperation): void {
    this.pending.push(operation)
    change(this.entries, operation)
  }

  /** Every name reaches the disk. */
  sync(): void {
    this.durable = kept(this.durable, this.pending, this.pending.length)
    this.pending = []
  }
}

/** The names after the first `count` operations. */
export function kept(durable: Names, pending: readonly FolderOperation[], count: number): Names {
  if (count === 0) return durable
  const entries = new Map(durable)
  for (const operation of pending.slice(0, count)) change(entries, operation)
  return entries
}

function change(entries: Map<string, FolderEntry>, operation: FolderOperation): void {
  if (operation.type === 'add') entries.set(operation.name, operation.entry)
  else if (operation.type === 'remove') entries.delete(operation.name)
  else {
    const entry = entries.get(operation.from)
    entries.delete(operation.from)
    if (entry !== undefined) entries.set(operation.to, entry)
  }
}
