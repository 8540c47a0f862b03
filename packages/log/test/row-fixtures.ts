import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RowKind } from '../src/index.ts'
import { putRowKey, rowKeyBytes, rowPrefix } from '../src/keys.ts'

export { RowModel, batch, contents, hashOf, rejection, utf8 } from '../src/contract-rows.ts'

/** The database key of a row. */
export function rowKey(name: Uint8Array, kind: RowKind, key: Uint8Array): Uint8Array {
  const prefix = rowPrefix(name)
  const out = new Uint8Array(rowKeyBytes(prefix, key))
  putRowKey(out, 0, prefix, kind, key)
  return out
}

/** A temporary folder for one test. */
export async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-log-'))
  try {
    await run(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
