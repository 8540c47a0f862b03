import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { installAlone } from '../src/install-alone.ts'
import { startRegistry } from '../src/local-registry.ts'
import { thisNode } from '../src/node-release.ts'
import { packAll, type PackedPackage } from '../src/pack.ts'
import { publicPackages } from '../src/public-packages.ts'
import { transitiveDependencies } from './transitive-dependencies.ts'

// Goal: what will be published is what is meant to be. Method: all packages are packed as a release packs them; the tarballs are
// looked into, measured against budgets.json, and a few are installed in empty projects. `npm run check:install` does that with
// all of them, on every supported line of Node.js.

interface Budget {
  readonly packedBytes: number
  readonly unpackedBytes: number
  readonly dependencies: number
}

const names = publicPackages().map(({ short }) => short)
const budgetFile = join(import.meta.dirname, '../budgets.json')
const budgets = JSON.parse(readFileSync(budgetFile, 'utf8')) as Readonly<Record<string, Budget>>

/** Packages that bring nothing from outside, so that they install without a network. */
const INSTALLED_HERE = ['gossip', 'ormap', 'sim']

/** Ways to resolve a module that know no `exports`, or come from CommonJS. */
const NOT_FOR_ES_MODULES = ['node10', 'node16-cjs']

let work: string
let packed: readonly PackedPackage[]

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'starling-packed-'))
  packed = await packAll(join(work, 'tarballs'))
})

afterAll(() => rmSync(work, { recursive: true, force: true }))

function packedAs(short: string): PackedPackage {
  const found = packed.find(each => each.short === short)
  if (found === undefined) throw new Error(`${short} was not packed`)
  return found
}

test.each(names)('%s packs its build, its sources, its README and its licences, and nothing else', short => {
  const { files } = packedAs(short)
  const paths = files.map(({ path }) => path)
  for (const needed of ['package.json', 'README.md', 'LICENSE-APACHE', 'LICENSE-MIT', 'dist/index.js']) {
    expect(paths).toContain(needed)
  }
  const wanted =
    /^(?:package\.json|README\.md|CHANGELOG\.md|LICENSE-(?:APACHE|MIT)|dist\/[a-z0-9/-]+\.(?:js|d\.ts)(?:\.map)?|src\/[a-z0-9/-]+\.ts)$/u
  expect(paths.filter(path => !wanted.test(path))).toEqual([])
  expect(paths.filter(path => /\.test\.|\/test\//u.test(path))).toEqual([])
})

test.each(names)('%s: each source map names a source that is packed, and holds none itself', short => {
  const { files, unpacked } = packedAs(short)
  const maps = files.map(({ path }) => path).filter(path => path.endsWith('.map'))
  expect(maps.length).toBeGreaterThan(0)
  for (const path of maps) {
    const map = JSON.parse(readFileSync(join(unpacked, path), 'utf8')) as Record<string, string[] | undefined>
    expect(map['sourcesContent']).toBeUndefined()
    for (const source of map['sources'] ?? []) {
      expect(existsSync(join(unpacked, posix.join(posix.dirname(path), source))), `${path}: ${source}`).toBe(
        true
      )
    }
  }
})

test.each(names)('%s is published with plain ranges: no workspace and no catalog is left', short => {
  const { manifest } = packedAs(short)
  const ranges = Object.values(manifest.dependencies ?? {})
  expect(ranges.filter(range => !/^[\^~]?\d+\.\d+\.\d+$/u.test(range))).toEqual([])
})

test.each(names)('%s has entry points that resolve to files of the right format', async short => {
  const { unpacked } = packedAs(short)
  const { messages, pkg } = await publint({ pkgDir: unpacked, pack: false, strict: true })
  expect(messages.map(message => formatMessage(message, pkg))).toEqual([])
})

test.each(names)('%s has types that ES modules resolve, in every way that compilers do', async short => {
  const tarball = new Uint8Array(readFileSync(packedAs(short).tarball))
  const result = await checkPackage(createPackageFromTarballData(tarball))
  if (result.types === false) throw new Error(`${short} packs no types`)
  const ours = result.problems.filter(
    problem => !('resolutionKind' in problem && NOT_FOR_ES_MODULES.includes(problem.resolutionKind))
  )
  expect(ours).toEqual([])
})

test.each(names)('%s is within its budget of bytes and dependencies', short => {
  const { packedBytes, unpackedBytes } = packedAs(short)
  const measured = { packedBytes, unpackedBytes, dependencies: transitiveDependencies(short).size }
  const budget = budgets[short]
  const over = Object.entries(measured).filter(
    ([figure, value]) => value > (budget?.[figure as keyof Budget] ?? 0)
  )
  const advice =
    `@starling/${short} now has ${JSON.stringify(measured)}, and its budget is ${JSON.stringify(budget)}. ` +
    `If the growth is worth it, raise the line of "${short}" in tooling/release/budgets.json and say why in the commit.`
  expect(over, advice).toEqual([])
})

test('there is a budget for each public package and for nothing else', () => {
  expect(Object.keys(budgets)).toEqual(names)
})

test('some packages install alone in an empty project, and their README examples compile and run', async () => {
  const registry = await startRegistry(packed)
  try {
    for (const short of INSTALLED_HERE) {
      const { problem } = await installAlone(packedAs(short), thisNode(), registry.url, work)
      expect(problem, short).toBeUndefined()
    }
  } finally {
    await registry.close()
  }
})
