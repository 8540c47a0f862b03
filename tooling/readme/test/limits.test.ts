import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { limitsOf, show, type Limit } from './support/limits.ts'
import { readPage, ROOT, section } from './support/markdown.ts'

// Goal: who asks for a limit finds its name, its default and its source, and they are those of the code. Method: the table of limits
// is written from every `config.ts` and compared with the page; `npm test -- --project readme -u` writes it anew. The limits that the
// guide names by hand are looked up in it.

/** Upper layers first, as people meet them. */
const PACKAGES = [
  ...['node', 'map', 'replica', 'sync', 'gossip', 'peers', 'mux', 'log'],
  ...['ormap', 'hlc', 'reconcile', 'hyparview', 'plumtree', 'sim', 'codec']
]

const HEAD = `# Limits

Every number that a package's \`config.ts\` holds: its name, its value unless somebody sets another, what it bounds, what happens
beyond it, and where it comes from. “Guess” means that nobody has measured another. What can be set, and where, is in the package's README; its *Limits* say
what a caller sees beyond each.

This page is written from the sources by a test, which fails when it differs: \`npm test -- --project readme limits -u\` writes it anew.
`

const all = new Map<string, readonly Limit[]>()
for (const name of PACKAGES) all.set(name, await limitsOf(name))

/** One comment may stand for several numbers that follow each other. */
const row = (limit: Limit, at: number, limits: readonly Limit[]): string => {
  const doc = limit.doc === limits[at - 1]?.doc ? 'as above' : limit.doc.replaceAll('|', '\\|')
  return `| \`${limit.name}\` | ${show(limit)} | ${doc} |`
}

const table = (name: string, limits: readonly Limit[]): string =>
  `\n## ${name}\n\n[README](../../packages/${name}/README.md#limits)\n\n| Name | Default | What it is |\n| --- | --- | --- |\n${limits.map(row).join('\n')}\n`

describe('limits', () => {
  test('the page is what the sources say', async () => {
    const page = HEAD + [...all].map(([name, limits]) => table(name, limits)).join('')
    expect([...all.values()].flat().length).toBeGreaterThan(200)
    await expect(page).toMatchFileSnapshot(join(ROOT, 'docs/reference/limits.md'))
  })

  test('each has a comment that says what it is', () => {
    const bare = [...all].flatMap(([name, limits]) =>
      limits.filter(({ doc }) => doc.length < 15).map(limit => `${name}: ${limit.name}`)
    )
    expect(bare).toEqual([])
  })

  test('those that the guide names are there, with these defaults', () => {
    const rows = section(readPage('docs/guide/sizing.md'), 'The limits that people meet')
      .split('\n')
      .filter(line => line.startsWith('| ') && line.includes('`'))
      .map(line => line.split('|').map(cell => cell.trim()))
    expect(rows.length).toBeGreaterThan(10)
    const known = [...all.values()].flat()
    const wrong = rows.flatMap(([, what = '', names = '', defaults = '']) =>
      [...names.matchAll(/`(?:limits\.)?(?<name>[\w.]+)`/gu)].flatMap(({ groups }) => {
        const name = groups?.['name'] ?? ''
        const found = known.filter(limit => limit.name === name || limit.name.endsWith(`.${name}`))
        return found.some(limit => defaults.includes(show(limit)))
          ? []
          : [`${what}: ${name} is ${found.map(show).join(' or ')}`]
      })
    )
    expect(wrong).toEqual([])
  })
})
