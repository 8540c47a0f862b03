import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readPage, ROOT, section } from './support/markdown.ts'

// Goal: ARCHITECTURE.md gives a reason for every library that comes from elsewhere. Method: its table is compared with the package.json
// of every package and application; benchmarks' peers and what the tooling itself needs are not in it.

type Manifest = Readonly<
  Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>> | undefined>
>

/** Types of a library whose own row says why it is there. */
const TYPES_ONLY = /^@types\//u

function manifests(group: string): Manifest[] {
  return readdirSync(join(ROOT, group))
    .map(name => join(ROOT, group, name, 'package.json'))
    .filter(path => existsSync(path))
    .map(path => JSON.parse(readFileSync(path, 'utf8')) as Manifest)
}

const named = (manifest: Manifest, kind: keyof Manifest): string[] =>
  Object.keys(manifest[kind] ?? {}).filter(name => !name.startsWith('@starling/') && !TYPES_ONLY.test(name))

const published = [...manifests('packages'), ...manifests('apps')]
const everywhere = [
  ...published,
  ...manifests('tooling'),
  JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest
]

const rows = section(readPage('ARCHITECTURE.md'), 'Outside libraries, and why')
  .split('\n')
  .filter(line => line.startsWith('| `'))
  .map(line => line.split('|').map(cell => cell.trim()))
const names = rows.flatMap(([, cell = '']) =>
  [...cell.matchAll(/`(?<name>[^`]+)`/gu)].map(({ groups }) => groups?.['name'] ?? '')
)

describe('the table of outside libraries', () => {
  test('has each that a package or an application uses, and a reason', () => {
    const used = published.flatMap(each => [
      ...named(each, 'dependencies'),
      ...named(each, 'devDependencies')
    ])
    expect(used.length).toBeGreaterThan(10)
    expect([...new Set(used)].filter(name => !names.includes(name))).toEqual([])
    expect(rows.filter(([, , where = '', why = '']) => where === '' || why.length < 10)).toEqual([])
  })

  test('has none that nobody uses', () => {
    const all = everywhere.flatMap(each => [
      ...named(each, 'dependencies'),
      ...named(each, 'devDependencies')
    ])
    // These two go by another name in the registry.
    const known = new Set([...all, 'attw', 'changesets'])
    expect(names.filter(name => !known.has(name))).toEqual([])
  })
})
