import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readPage, ROOT } from './support/markdown.ts'

// Goal: who meets an error finds out what to do. Method: the classes of errors that the packages export are compared with the rows
// of docs/guide/errors.md, both ways, and each package's README must name its own.

const exported = (
  await Promise.all(
    readdirSync(join(ROOT, 'packages')).map(async name => {
      const entry = join(ROOT, 'packages', name, 'src/index.ts')
      if (!existsSync(entry)) return []
      const module = (await import(entry)) as Record<string, unknown>
      return Object.entries(module)
        .filter(([, value]) => typeof value === 'function' && value.prototype instanceof Error)
        .map(([error]) => ({ error, from: name }))
    })
  )
).flat()

/** Rows of the tables: names in the first cell, packages in the second. */
const rows = readPage('docs/guide/errors.md')
  .split('\n')
  .filter(line => line.startsWith('| `'))
  .map(line => line.split('|').map(cell => cell.trim()))
  .flatMap(([, names = '', packages = '', when = '', advice = '']) =>
    [...names.matchAll(/`(?<error>\w+)`/gu)].flatMap(({ groups }) =>
      packages.split(', ').map(from => ({ error: groups?.['error'] ?? '', from, when, advice }))
    )
  )

const line = ({ error, from }: { error: string; from: string }): string => `${from} ${error}`

describe('the page of errors', () => {
  test('has each class that a package exports, once, and no other', () => {
    expect(exported.length).toBeGreaterThan(60)
    expect(rows.map(line).sort()).toEqual([...new Set(exported.map(line))].sort())
  })

  test('says of each when it comes and what to do', () => {
    const short = rows.filter(({ when, advice }) => when.length < 10 || advice.length < 5)
    expect(short.map(line)).toEqual([])
  })

  test('each is in the table of errors of its package’s README', () => {
    const missing = exported.filter(({ error, from }) => {
      const errors =
        readPage(`packages/${from}/README.md`)
          .split(/^## Errors$/mu)[1]
          ?.split(/^## /mu)[0] ?? ''
      return !errors.includes(`\`${error}\``)
    })
    expect(missing.map(line)).toEqual([])
  })
})
