import type { ScenarioResult } from './scenario.ts'

/** Figures by name. `null` says that something never happened. */
export type Metrics = Readonly<Record<string, number | null>>

/** The one line of JSON a run ends with. Its keys and their order are stable. */
export interface Report {
  readonly scenario: string
  readonly nodes: number
  readonly seed: number
  readonly ok: boolean
  readonly violations: readonly string[]
  readonly metrics: Metrics
  readonly traceHash: string
  readonly simulatedMs: number
  readonly wallMs: number
}

export function createReport(
  scenario: string,
  nodes: number,
  seed: number,
  result: ScenarioResult,
  wallMs: number
): Report {
  const { violations, metrics, traceHash, simulatedMs } = result
  return {
    scenario,
    nodes,
    seed,
    ok: violations.length === 0,
    violations,
    metrics: rounded(metrics),
    traceHash,
    simulatedMs: Math.round(simulatedMs),
    wallMs: Math.round(wallMs)
  }
}

/** Six significant digits: more would only be noise. */
function rounded(metrics: Metrics): Metrics {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [
      name,
      value === null ? null : Number(value.toPrecision(6))
    ])
  )
}

/** The report as a table for people. */
export function renderTable(report: Report): string {
  const rows: [string, string][] = Object.entries(report.metrics).map(([name, value]) => [
    name,
    value === null ? 'never' : String(value)
  ])
  rows.push(['trace hash', report.traceHash])
  rows.push([
    'simulated',
    `${(report.simulatedMs / 1000).toFixed(1)} s in ${(report.wallMs / 1000).toFixed(1)} s`
  ])
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)
  const verdict = report.ok ? 'ok' : `${report.violations.length} violation(s)`
  const head = `${report.scenario}, ${report.nodes} nodes, seed ${report.seed}: ${verdict}`
  return [head, ...lines, ...report.violations.map(text => `  violated: ${text}`)].join('\n')
}
