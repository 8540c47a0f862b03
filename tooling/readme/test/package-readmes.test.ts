import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readPage, ROOT, section } from './support/markdown.ts'

// Goal: who knows one package's README finds the way in all, and no export is missing from its page. Method: the order of the sections
// is checked, and the exports of every entry point are compared with the first column of the API's tables, its types, and the errors.

const FIRST = ['Install', 'Usage']
const LAST = ['Limits', 'Errors', 'Reference']

interface Exports {
  readonly values: readonly string[]
  readonly types: readonly string[]
}

const names = readdirSync(join(ROOT, 'packages')).filter(name =>
  existsSync(join(ROOT, 'packages', name, 'package.json'))
)

async function exportsOf(name: string): Promise<Exports> {
  const folder = join(ROOT, 'packages', name)
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    exports: Record<string, unknown>
  }
  const sources = Object.keys(exports)
    .filter(entry => !entry.endsWith('.json'))
    .map(entry => join(folder, 'src', `${entry === '.' ? 'index' : entry.slice(2)}.ts`))
  const modules = await Promise.all(sources.map(async source => (await import(source)) as object))
  const values = modules.flatMap(module => Object.entries(module))
  const isError = (value: unknown): boolean => typeof value === 'function' && value.prototype instanceof Error
  return {
    values: [...new Set(values.filter(([, value]) => !isError(value)).map(([key]) => key))],
    types: typesIn(sources[0] as string)
  }
}

/** The types that a source exports, its own and those it passes on. */
function typesIn(path: string): string[] {
  const source = readFileSync(path, 'utf8')
  const code = source.replaceAll(/\/\*\*[\s\S]*?\*\//gu, '')
  const own = [...code.matchAll(/^export (?:interface|type) (?<name>\w+)/gmu)].map(
    ({ groups }) => groups?.['name'] ?? ''
  )
  const lists = code.matchAll(/export (?<only>type )?\{(?<list>[^}]*)\}/gu)
  const passedOn = [...lists].flatMap(({ groups }) =>
    (groups?.['list'] ?? '')
      .split(',')
      .map(each => each.trim())
      .filter(each => each !== '' && (groups?.['only'] !== undefined || each.startsWith('type ')))
      .map(each => each.replace(/^type /u, '').replace(/.* as /u, ''))
  )
  const whole = [...code.matchAll(/^export type \* from '(?<from>[^']+)'/gmu)].flatMap(({ groups }) =>
    typesIn(join(path, '..', groups?.['from'] ?? ''))
  )
  return [...own, ...passedOn, ...whole]
}

/** Names that begin a code span of a table's first column, or of the list of types. */
function documented(name: string): { readonly values: string[]; readonly types: string[] } {
  const api = section(readPage(`packages/${name}/README.md`), 'API')
  const table = api.split('\n| --- | --- |\n')[1]?.split('\n\n')[0] ?? ''
  const cells = table.split('\n').map(line => line.split('|')[1] ?? '')
  const types = /^Types: (?<list>[\s\S]*?)\n\n/mu.exec(`${api}\n\n`)?.groups?.['list'] ?? ''
  const spans = (text: string): string[] =>
    [...text.matchAll(/`(?<span>\w+)[^`]*`/gu)].map(({ groups }) => groups?.['span'] ?? '')
  return { values: cells.flatMap(spans), types: spans(types) }
}

describe.each(names)('the README of %s', name => {
  const page = readPage(`packages/${name}/README.md`)

  test('has the sections of every README, in their order', () => {
    const titles = [...page.matchAll(/^## (?<title>.+)$/gmu)].map(({ groups }) => groups?.['title'] ?? '')
    expect(titles.slice(0, 2)).toEqual(FIRST)
    expect(titles.slice(-3)).toEqual(LAST)
    expect(titles.filter(title => title === 'API')).toHaveLength(1)
    expect(page).toMatch(/^# @starling\/\w+\n\n\*\*[^*]+\*\*\n/u)
    expect(page.trimEnd().split('\n').at(-1)).toBe('Licence: Apache-2.0 OR MIT.')
  })

  test('has each export in its table or its list of types, and no other name', async () => {
    const { values, types } = await exportsOf(name)
    const found = documented(name)
    // `@starling/name/entry` says where an export comes from.
    expect(found.values.sort()).toEqual([...values].sort())
    const errors = section(page, 'Errors')
    expect(types.filter(type => !found.types.includes(type) && !errors.includes(`\`${type}\``))).toEqual([])
    expect(found.types.filter(type => !types.includes(type))).toEqual([])
  })
})
