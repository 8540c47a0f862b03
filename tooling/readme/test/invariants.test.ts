import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

// Goal: docs/invariants.md and docs/guarantees.md tell the truth. Method: every test they cite is looked up in its file by its
// title, and every id that a package's tests use must have a row.

const root = join(import.meta.dirname, '../../..')
const ID = /\b(?:MUX|HLC|ORM|WIRE|LOG|HPV|PLT|REP|MAP|PSM|TSM)-[IDA]\d+\b/gu

/** `package/file`: “title”, “title”. */
const CITATIONS = /`(?<name>[a-z]+)\/(?<path>[^`]+\.ts)`: (?<titles>“[^”]*”(?:, “[^”]*”)*)/gu

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
  const groups = [...tests.matchAll(CITATIONS)]
  const citations = citationsIn(tests, id)
  const rest = groups.reduce((left, [whole]) => left.replace(whole, ''), tests).replaceAll(/[;\s]/gu, '')
  return { id, statement, citations, rest }
}

function citationsIn(text: string, id: string): Citation[] {
  return [...text.matchAll(CITATIONS)].flatMap(({ groups }) =>
    [...(groups?.['titles'] ?? '').matchAll(/“(?<title>[^”]*)”/gu)].map(title => ({
      id,
      file: `${folderOf(groups?.['name'] ?? '')}/test/${groups?.['path']}`,
      title: title.groups?.['title'] ?? ''
    }))
  )
}

function folderOf(name: string): string {
  const group = ['packages', 'tooling', 'apps'].find(each => existsSync(join(root, each, name)))
  return `${group ?? 'packages'}/${name}`
}

function missing(citations: readonly Citation[]): readonly Citation[] {
  return citations.filter(({ file, title }) => {
    const path = join(root, file)
    return !existsSync(path) || !hasTitle(readFileSync(path, 'utf8'), title)
  })
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
    expect(missing(rows.flatMap(row => row.citations))).toEqual([])
  })

  test('each test that the guarantees cite is there, every promise cites some, and each story has a row', () => {
    // Its paragraphs are wrapped, also within a title.
    const page = readFileSync(join(root, 'docs/guarantees.md'), 'utf8').replaceAll(/\n +/gu, ' ')
    const sections = page.split('\n## ').slice(1)
    expect(sections).toHaveLength(9)
    expect(sections.filter(section => citationsIn(section, '').length < 3)).toEqual([])
    const named = page.match(/[a-z]\.ts`/gu)?.length ?? 0
    expect(page.match(CITATIONS)).toHaveLength(named)
    expect(missing(citationsIn(page, 'guarantees'))).toEqual([])
    expect(page.match(/^\| E2E-\d+/gmu)).toHaveLength(11)
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
