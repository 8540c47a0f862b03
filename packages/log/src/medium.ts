import type { Level } from './level.ts'

/** A small file that is read once and then written in place. Nothing of it needs to be synced. */
export interface MarkFile {
  /** What is there; empty for a new file. */
  read(): Promise<Uint8Array>
  write(bytes: Uint8Array, at: number): Promise<void>
  close(): Promise<void>
}

/** What a store stands on. It belongs to one store at a time: whoever makes it sees to that. */
export interface StoreMedium {
  /** What errors and `store.directory` call it. */
  readonly directory: string
  /** A closed handle on the database; a new one for each opening. */
  level(): Level
  /** Opens the side mark, made when missing. */
  openMark(): Promise<MarkFile>
  /** Gives the medium up, once everything is closed. */
  release(): Promise<void>
}
