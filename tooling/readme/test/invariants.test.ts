import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

// Goal: docs/invariants.md tells the truth. Method: every test it cites is looked up in its file by its title, and every id
// that a package's tests use must have a row.

const root = join(import.meta.dirname, '../../..')
const ID = /\b(?:MUX|HLC|ORM|WIRE|LOG|HPV|PLT|REP|MAP|PSM|TSM)-[IDA]\d+\b/gu

interface Citation {
  readonly id: string
  /** Below the repository's root. */
  readonly file: string
  readonly title: string
}

interface Row {
  readonly id: string
  readonly statement: string
  readonly citations: readonly Citation[]
  /** What is left of the last column without its citations: nothing but commas and semicolons. */
  readonly rest: string
}

const rows = readFileSync(join(root, 'docs/invariants.md'), 'utf8')
  .split('\n')
  .filter(line => /^\| [A-Z]+-/u.test(line))
  .map(readRow)

function readRow(line: string): Row {
  const [, id = '', statement = '', tests = ''] = line.split('|').map(cell => cell.trim())
  const groups = [
    ...tests.matchAll(/`(?<name>[a-z]+)\/(?<path>[^`]+\.ts)`: (?<titles>“[^”]*”(?:, “[^”]*”)*)/gu)
  ]
  const citations = groups.flatMap(({ groups: parts }) =>
    [...(parts?.['titles'] ?? '').matchAll(/“(?<title>[^”]*)”/gu)].map(title => ({
      id,
      file: `packages/${parts?.['name']}/test/${parts?.['path']}`,
      title: title.groups?.['title'] ?? ''
    }))
  )
  const rest = groups.reduce((left, [whole]) => left.replace(whole, ''), tests).replaceAll(/[;\s]/gu, '')
  return { id, statement, citations, rest }
}

/** Whether a source has a string literal with exactly this text. */
function hasTitle(source: string, title: string): boolean {
  return ["'", '"', '`'].some(quote => source.includes(`${quote}${title}${quote}`))
}

function testFiles(): string[] {
  return readdirSync(join(root, 'packages')).flatMap(name => {
    const folder = join(root, 'packages', name, 'test')
    if (!existsSync(folder)) return []
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter(file => /\.m?ts$/u.test(file))
      .map(file => join(folder, file))
  })
}

describe('invariants', () => {
  test('each id has one row, and each row a sentence and a test or a “not yet”', () => {
    expect(rows.length).toBeGreaterThan(100)
    expect(rows.map(({ id }) => id)).toEqual([...new Set(rows.map(({ id }) => id))])
    const empty = rows.filter(
      ({ statement, citations }) =>
        !/[.]$/u.test(statement) || (citations.length === 0 && !/not yet/iu.test(statement))
    )
    expect(empty.map(({ id }) => id)).toEqual([])
    expect(rows.filter(({ rest }) => rest !== '').map(({ id, rest }) => `${id}: ${rest}`)).toEqual([])
  })

  test('each cited file is there and has a test with the cited title', () => {
    const citations = rows.flatMap(row => row.citations)
    const missing = citations.filter(({ file, title }) => {
      const path = join(root, file)
      return !existsSync(path) || !hasTitle(readFileSync(path, 'utf8'), title)
    })
    expect(missing).toEqual([])
  })

  test('each id that a package’s test uses has a row', () => {
    const known = new Set(rows.map(({ id }) => id))
    const files = testFiles()
    expect(files.length).toBeGreaterThan(100)
    const used = files.flatMap(file =>
      [...readFileSync(file, 'utf8').matchAll(ID)].map(([id]) => ({ id, file }))
    )
    expect(used.length).toBeGreaterThan(50)
    expect(used.filter(({ id }) => !known.has(id))).toEqual([])
  })
})
