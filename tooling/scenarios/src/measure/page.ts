import { mean, runs, values, type Result } from './results.ts'
import { tables, type Column, type Goal, type Row, type Table } from './tables.ts'

/** What the reader is told before the tables. `by hand` marks where text begins that no run replaces. */
const BEGINNING = `# Membership and broadcast, measured

Written by a program from runs of the simulator; the part below “What the figures say” is written by hand.

\`\`\`sh
npm run setup && npm run build
node tooling/scenarios/dist/measure/main.js run test-results/overlay.jsonl 2
node tooling/scenarios/dist/measure/main.js page test-results/overlay.jsonl docs/measurements
npm run sim -- overlay --nodes 10000 --seed 1 --json      # or any single row
npm run bench -- gossip                                   # against @libp2p/gossipsub, on the same links
\`\`\`

Every row is a mean over its seeds (1, 2, …; the number is in brackets), with the least and the greatest where they differ.
Times are simulated. Links have a one-way delay of 10 to 50 ms, fixed for each pair and first in, first out; active views hold
5, passive views 30; a shuffle cycle is 60 s; ten cycles of warm-up unless a row says otherwise. **Bold** figures miss their goal
in the mean. In the second line of a row are those of iroh-gossip 0.101.0, its protocol code run in the same settings.
`

const NOTES = '## What the figures say'

/** The page, with the part below {@link NOTES} as it was in the page before. */
export function page(results: readonly Result[], before: string): string {
  const parts = [BEGINNING]
  for (const table of tables()) parts.push(tableText(results, table))
  parts.push(swarmText(results), figures())
  const notes = before.indexOf(NOTES)
  parts.push(notes < 0 ? `${NOTES}\n` : before.slice(notes))
  return parts.join('\n')
}

function tableText(results: readonly Result[], { heading, text, columns, rows }: Table): string {
  const head = ['', ...columns.map(column => column.heading)]
  const lines = [row(head), row(head.map(() => '---'))]
  const goals = rows.some(({ goals: some }) => Object.keys(some).length > 0)
  for (const one of rows) {
    const count = runs(results, one.name)
    if (count === 0) continue
    lines.push(row([`${one.label} (${count})`, ...columns.map(column => ours(results, one, column))]))
    if (one.other !== undefined && Object.keys(one.other).length > 0) {
      lines.push(row(['iroh-gossip', ...columns.map(({ metric }) => one.other?.[metric] ?? '')]))
    }
    if (goals && Object.keys(one.goals).length > 0) {
      lines.push(row(['goal', ...columns.map(({ metric }) => goalText(one.goals[metric]))]))
    }
  }
  return `## ${heading}\n\n${text}\n\n${lines.join('\n')}\n`
}

function ours(results: readonly Result[], { name, goals }: Row, { metric, digits }: Column): string {
  const found = values(results, name, metric)
  const never = runs(results, name) - found.length
  if (found.length === 0) return 'never'
  const average = mean(found)
  const [least, greatest] = [Math.min(...found), Math.max(...found)].map(value => value.toFixed(digits))
  const spread = least === greatest ? '' : ` (${least} to ${greatest})`
  const text = `${average.toFixed(digits)}${spread}${never > 0 ? `, never in ${never}` : ''}`
  return meets(average, goals[metric]) && (never === 0 || goals[metric] === undefined) ? text : `**${text}**`
}

function meets(value: number, goal: Goal | undefined): boolean {
  if (goal === undefined) return true
  return goal.better === 'lower' ? value <= goal.limit : value >= goal.limit
}

function goalText(goal: Goal | undefined): string {
  if (goal === undefined) return ''
  return `${goal.better === 'lower' ? '≤' : '≥'} ${Number(goal.limit.toPrecision(4))}`
}

function swarmText(results: readonly Result[]): string {
  const swarms = results.filter(({ name }) => name === 'swarm')
  if (swarms.length === 0) return ''
  const sum = (metric: string): number =>
    swarms.reduce((total, { report }) => total + (report.metrics[metric] ?? 0), 0)
  const faults = Object.keys(swarms[0]?.report.metrics ?? {}).filter(name => name.endsWith('Faults'))
  const list = faults.map(name => `${sum(name)} ${name.replace('Faults', '')}`).join(', ')
  const broken = swarms.flatMap(({ report }) => report.violations.map(sentence => `- ${sentence}`))
  return `## Swarm\n\n${sum('seeds')} random worlds with ${sum('broadcasts')} broadcasts and these faults: ${list}. Worlds that broke a promise: ${sum('seedsFailed')}.\n\n${broken.join('\n')}\n`
}

function figures(): string {
  const names = [
    ['degree', 'Neighbours of a node'],
    ['delivery', 'Deliveries over time'],
    ['recovery', 'Recovery after failures'],
    ['eclipse', 'Hostile peers in views']
  ]
  return `## Plots\n\n${names.map(([file, title]) => `![${title}](overlay/${file}.svg)`).join('\n\n')}\n`
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
