import { createHash } from 'node:crypto'
import type { LogBatch, LogRow, RecoveredLog, RowKind } from './types.ts'

export function utf8(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text))
}

export function hashOf(kind: RowKind, key: string, value: string): Uint8Array {
  return new Uint8Array(
    createHash('sha256')
      .update(JSON.stringify([kind, key, value]))
      .digest()
  )
}

/** Rows as text, and the hash that each next write replaces: what an owner of a log keeps. */
export class RowModel {
  readonly rows: Map<string, string> = new Map()

  put(key: string, value: string, kind: RowKind = 'live'): LogRow {
    const before = this.rows.get(`${kind} ${key}`)
    this.rows.set(`${kind} ${key}`, value)
    return {
      kind,
      key: utf8(key),
      value: utf8(value),
      hash: hashOf(kind, key, value),
      replaces: before === undefined ? undefined : hashOf(kind, key, before)
    }
  }

  delete(key: string, kind: RowKind = 'live'): LogRow {
    const before = this.rows.get(`${kind} ${key}`)
    this.rows.delete(`${kind} ${key}`)
    return {
      kind,
      key: utf8(key),
      value: undefined,
      hash: undefined,
      replaces: before === undefined ? undefined : hashOf(kind, key, before)
    }
  }

  static of(recovered: RecoveredLog): RowModel {
    const model = new RowModel()
    for (const [key, value] of Object.entries(contents(recovered))) model.rows.set(key, value)
    return model
  }

  contents(): Record<string, string> {
    return Object.fromEntries([...this.rows].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** The rows as an owner lists them when its log recovers. */
  applied(): { kind: RowKind; key: Uint8Array; hash: Uint8Array; value: () => Uint8Array }[] {
    return [...this.rows].map(([id, value]) => {
      const [kind, key] = [id.slice(0, id.indexOf(' ')) as RowKind, id.slice(id.indexOf(' ') + 1)]
      return { kind, key: utf8(key), hash: hashOf(kind, key, value), value: () => utf8(value) }
    })
  }
}

export function contents(recovered: RecoveredLog): Record<string, string> {
  const rows = Array.from(
    recovered.rows,
    row =>
      [`${row.kind} ${Buffer.from(row.key).toString()}`, Buffer.from(row.value).toString()] as [
        string,
        string
      ]
  )
  return Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1)))
}

export function batch(rows: readonly LogRow[], clockMark: bigint = 0n): LogBatch {
  return { rows, clockMark }
}

/** What a promise rejects with; `undefined` when it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<Error | undefined> {
  try {
    await promise
    return undefined
  } catch (error) {
    return error as Error
  }
}
