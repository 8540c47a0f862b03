import type { Entry, Json } from '../api/types.ts'

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** For people, on standard error: standard output is what was asked for. */
export function remark(text: string): void {
  process.stderr.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value))
}

/** A value as one line: text as it is, everything else as JSON. */
export function shown(value: Json): string {
  return typeof value === 'string' && !/[\p{Cc}\p{Cf}]/u.test(value) ? value : JSON.stringify(value)
}

/** An entry as a person reads it; what was written at the same time follows. */
export function entryLine({ value, conflicts }: Entry): string {
  return (conflicts ?? [value]).map(shown).join('   | written at the same time: ')
}

/** Rows in columns; the last one is as wide as it likes. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, index) => Math.max(cell.length, widest[index] ?? 0)),
    []
  )
  return rows
    .map(row =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd()
    )
    .join('\n')
}
