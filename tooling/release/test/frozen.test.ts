import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ROOT } from '../src/public-packages.ts'
import { copyFolder, readFolder, writeFolder, type FolderContent } from './frozen/data-folder.ts'
import { overlayFormats } from './frozen/overlay-formats.ts'
import { sessionFormats } from './frozen/session-formats.ts'
import { stateFormats } from './frozen/state-formats.ts'
import { topicFormats } from './frozen/topic-formats.ts'
import { fromHex, hex, mapValues, plain, type WireFormat } from './frozen/wire-format.ts'

// Goal: bytes of every published version stay readable. Method: fixtures/VERSION holds bytes of each format and a data folder, as
// that version wrote them; today's code reads them all, finds what was meant, and writes those of the newest version the same.
// With STARLING_FREEZE=VERSION (`npm run freeze`) it writes the folder of that version instead.

interface Vector {
  readonly bytes: string
  /** What they say; absent for hashes. */
  readonly means?: unknown
}

interface FrozenFormat {
  readonly page: string
  readonly vectors: Readonly<Record<string, Vector>>
}

const formats = [...stateFormats, ...sessionFormats, ...topicFormats, ...overlayFormats]
const fixtures = join(ROOT, 'fixtures')
const { STARLING_FREEZE: freezing } = process.env
const scratch = mkdtempSync(join(tmpdir(), 'starling-frozen-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const folderOf = (version: string): string => join(fixtures, version)
const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'))
const writeJson = (file: string, value: unknown): void =>
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)

/** What today's code makes of a format. */
function freeze({ page, write, read }: WireFormat): FrozenFormat {
  const vectors = mapValues(write(), bytes => ({
    bytes: hex(bytes),
    ...(read === undefined ? {} : { means: plain(read(bytes)) })
  }))
  return { page, vectors }
}

async function freezeAll(version: string): Promise<void> {
  const folder = folderOf(version)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'wire'), { recursive: true })
  for (const format of formats) writeJson(join(folder, 'wire', `${format.name}.json`), freeze(format))
  const content = await writeFolder(join(folder, 'data'), scratch)
  writeJson(join(folder, 'data.json'), plain(content))
}
if (freezing !== undefined) await freezeAll(freezing)

/** `0.10` after `0.9`. */
function byVersion(a: string, b: string): number {
  const [[majorA = 0, minorA = 0], [majorB = 0, minorB = 0]] = [a, b].map(version =>
    version.split('.').map(Number)
  ) as [number[], number[]]
  return majorA - majorB || minorA - minorB
}

const versions = readdirSync(fixtures)
  .filter(name => /^\d+\.\d+$/u.test(name))
  .sort(byVersion)
const newest = versions.at(-1) ?? ''

test('there is a frozen version, and every format has a name and a page of its own', () => {
  expect(versions).toContain('0.1')
  expect(new Set(formats.map(({ name }) => name)).size).toBe(formats.length)
  for (const { page } of formats) expect(existsSync(join(ROOT, 'docs/wire', page)), page).toBe(true)
})

describe.each(versions)('the bytes of %s', version => {
  const frozen = readdirSync(join(folderOf(version), 'wire')).map(file => ({
    name: file.replace('.json', ''),
    format: readJson(join(folderOf(version), 'wire', file)) as FrozenFormat
  }))

  test.each(frozen)('$name is read, and says what it said', ({ name, format }) => {
    const today = formats.find(each => each.name === name)
    expect(Object.keys(format.vectors).length).toBeGreaterThan(0)
    for (const [example, { bytes, means }] of Object.entries(format.vectors)) {
      if (today?.read === undefined) expect(means).toBeUndefined()
      else expect(plain(today.read(fromHex(bytes))), example).toEqual(means)
    }
  })

  test('a node opens its data folder, finds everything in it, and goes on', async () => {
    const folder = join(scratch, `open-${version}`)
    copyFolder(join(folderOf(version), 'data'), folder)
    const content: FolderContent = await readFolder(folder)
    expect(plain(content)).toEqual(readJson(join(folderOf(version), 'data.json')))
  })
})

describe(`the newest version, ${newest}`, () => {
  test.each(formats)('$name is written the same', ({ name, write, rewrite }) => {
    const frozen = readJson(join(folderOf(newest), 'wire', `${name}.json`)) as FrozenFormat
    const bytes = mapValues(frozen.vectors, vector => vector.bytes)
    const advice =
      `The bytes of ${name} have changed. Before ${newest} is published: npm run freeze -- ${newest} --replace. ` +
      'After that the change belongs to the next version: see fixtures/README.md.'
    expect(mapValues(write(), hex), advice).toEqual(bytes)
    if (rewrite !== undefined) {
      expect(mapValues(bytes, text => hex(rewrite(fromHex(text))))).toEqual(bytes)
    }
  })
})
