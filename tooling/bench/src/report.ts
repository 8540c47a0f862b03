import { rounded, versus } from './statistics.ts'
import type { Better, Measurement } from './suite.ts'

/** One line of `--json`. Its keys and their order are stable. */
export interface Line {
  readonly suite: string
  readonly case: string
  readonly metric: string
  readonly unit: string
  readonly value: number
  readonly better: Better
  /** The same figure of the floor and of each peer. */
  readonly reference: Readonly<Record<string, number>>
  /** How many times better ours is: 1 is equal, above 1 ours is better. */
  readonly versus: Readonly<Record<string, number>>
  /** Why a reference is not in `reference`; the key is only there when one is missing. */
  readonly missing?: Readonly<Record<string, string>>
}

export function lineOf(
  suite: string,
  { metric, value, reference }: Measurement,
  missing: ReadonlyMap<string, string>
): Line {
  const { case: name, metric: kind, unit, better, resolution } = metric
  const entries = Object.entries(reference)
  return {
    suite,
    case: name,
    metric: kind,
    unit,
    value: rounded(value),
    better,
    reference: Object.fromEntries(entries.map(([peer, theirs]) => [peer, rounded(theirs)])),
    versus: Object.fromEntries(
      entries.map(([peer, theirs]) => [peer, rounded(versus(value, theirs, better, resolution))])
    ),
    ...(missing.size === 0 ? {} : { missing: Object.fromEntries(missing) })
  }
}

/** The lines of one suite as a table for people, with what is missing below it. */
export function renderTable(lines: readonly Line[], references: readonly string[]): string {
  const shown = references.filter(name => lines.some(line => Object.hasOwn(line.reference, name)))
  const rows = lines.map(line => [
    line.metric === line.unit ? line.case : `${line.case} ${line.metric}`,
    figure(line.value, line.unit),
    ...shown.map(name => {
      const theirs = line.reference[name]
      const ratio = line.versus[name]
      return theirs === undefined || ratio === undefined
        ? '-'
        : `${figure(theirs, line.unit)} (${rounded3(ratio)}x)`
    })
  ])
  const missing = new Map(lines.flatMap(line => Object.entries(line.missing ?? {})))
  return [
    ...align([[lines[0]?.suite ?? '', 'ours', ...shown], ...rows]),
    ...[...missing].map(([name, reason]) => `${name} is missing: ${reason}`)
  ].join('\n')
}

function figure(value: number, unit: string): string {
  return unit === 'ratio' ? String(rounded3(value)) : `${rounded3(value)} ${unit}`
}

function rounded3(value: number): number {
  return value >= 1000 ? Math.round(value) : Number(value.toPrecision(3))
}

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows.map(row =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
      )
      .join('  ')
      .trimEnd()
  )
}
