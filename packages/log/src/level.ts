import { ClassicLevel } from 'classic-level'
import type { KeyRange } from './keys.ts'

/** One change in a batch. */
export type LevelOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }

/** What the store needs of an ordered key-value database. Narrow, so that tests can put faults in between. */
export interface Level {
  open(): Promise<void>
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  /** All or nothing. With `sync` it resolves after the disk confirmed. */
  batch(operations: readonly LevelOperation[], options: { readonly sync: boolean }): Promise<void>
  /** A scan in key order over the state at this call; the caller closes it. */
  scan(range: KeyRange): LevelScan
  close(): Promise<void>
}

export interface LevelScan {
  /** Up to `size` entries; an empty list is the end. */
  next(size: number): Promise<readonly (readonly [key: Uint8Array, value: Uint8Array])[]>
  close(): Promise<void>
}

/** classic-level, with keys and values as plain byte arrays. */
export function classicLevel(location: string): Level {
  const database = new ClassicLevel<Uint8Array, Uint8Array>(location, {
    keyEncoding: 'view',
    valueEncoding: 'view'
  })
  return {
    open: () => database.open({ passive: false }),
    get: key => database.get(key),
    batch: (operations, { sync }) => database.batch(operations as LevelOperation[], { sync }),
    scan(range) {
      const iterator = database.iterator({ gte: range.gte, lt: range.lt })
      return { next: size => iterator.nextv(size), close: () => iterator.close() }
    },
    close: () => database.close()
  }
}
