import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Recorded } from '../../../tooling/vitest/recorded-metrics.ts'
import { createNode } from '../src/index.ts'
import { recordNodeMetrics } from './recorded-node-metrics.ts'

// Goal: docs/metrics.md says what a node registers, all of it and nothing else, and the dashboard asks for nothing that is not there.

const DOCS = join(import.meta.dirname, '../../../docs')
const NAME = /^starling_[a-z]+(?:_[a-z]+)+$/u

interface Row {
  readonly type: string
  readonly label: string | undefined
  readonly unit: string
}

/** The rows of the page's tables, by name. A name twice fails. */
function documented(): Map<string, Row> {
  const page = readFileSync(join(DOCS, 'metrics.md'), 'utf8')
  const rows = new Map<string, Row>()
  const row =
    /^\| `(?<name>starling_\w+)` \| (?<type>\w+) \| (?:`(?<label>\w+)`|–) \| (?<unit>\w+) \| (?<meaning>.{3,}) \|$/gmu
  for (const { groups = {} } of page.matchAll(row)) {
    const { name = '', type = '', label, unit = '' } = groups
    expect(rows.has(name), name).toBe(false)
    rows.set(name, { type, label, unit })
  }
  return rows
}

function unitOf(name: string): string {
  if (name.includes('_bytes')) return 'bytes'
  return name.includes('_seconds') ? 'seconds' : 'count'
}

let folder: string
let registered: ReadonlyMap<string, Recorded>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'starling-names-'))
  const { recorded, metrics } = recordNodeMetrics()
  const cluster = { name: 'named', open: true }
  const node = await createNode({ dataDir: folder, cluster, maps: { m: {} }, metrics })
  await node.stop()
  registered = recorded.registered
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

test('every figure that a node registers has its row, with type, label and unit, and every row its figure', () => {
  expect(registered.size).toBeGreaterThan(100)
  const actual = [...registered].map(([name, { type, label }]) => [name, { type, label, unit: unitOf(name) }])
  expect(Object.fromEntries(documented())).toEqual(Object.fromEntries(actual))
})

test('names follow one rule, and say in one line what they count', () => {
  for (const [name, { type, help }] of registered) {
    expect(name).toMatch(NAME)
    expect(name.endsWith('_total'), name).toBe(type === 'counter')
    expect(help.length, name).toBeGreaterThan(3)
  }
})

describe('the dashboard', () => {
  interface Panel {
    readonly id: number
    readonly type: string
    readonly title: string
    readonly description?: string
    readonly targets?: readonly { readonly expr: string }[]
  }
  const text = readFileSync(join(DOCS, 'grafana/starling.json'), 'utf8')
  const { panels } = JSON.parse(text) as { panels: readonly Panel[] }
  const charts = panels.filter(({ type }) => type !== 'row')

  test('asks only for what is documented, in the form that its type has', () => {
    const rows = documented()
    const used = new Set([...text.matchAll(/starling_\w+/gu)].map(([name]) => name))
    expect(used.size).toBeGreaterThan(20)
    for (const name of used) {
      const bucket = name.endsWith('_bucket')
      const row = rows.get(bucket ? name.slice(0, -'_bucket'.length) : name)
      expect(row, name).toBeDefined()
      expect(row?.type === 'histogram', name).toBe(bucket)
    }
  })

  test('takes counters by their rate and gauges as they are', () => {
    const rows = documented()
    for (const { title, targets = [] } of charts) {
      for (const { expr } of targets) {
        for (const { 0: name, index } of expr.matchAll(/starling_\w+/gu)) {
          const type = rows.get(name)?.type ?? 'histogram'
          expect(expr.slice(0, index).endsWith('rate('), `${title}: ${name}`).toBe(type !== 'gauge')
        }
      }
    }
  })

  test('has a title, a description and a question in each panel, and no id twice', () => {
    expect(charts.length).toBeGreaterThan(20)
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    for (const { title, description = '', targets = [] } of charts) {
      expect([title.length > 0, description.length > 10, targets.length > 0]).toEqual([true, true, true])
    }
  })
})
