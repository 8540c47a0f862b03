import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { publicPackages, ROOT } from '../src/public-packages.ts'

// Goal: what a registry's page and a bundler read of each public package is there and true. Method: each field is compared with
// what it must say; the address of the repository is written once, in the root's package.json.

interface FullManifest {
  readonly name: string
  readonly description?: string
  readonly keywords?: readonly string[]
  readonly license?: string
  readonly author?: string
  readonly homepage?: string
  readonly bugs?: { readonly url: string }
  readonly repository?: { readonly type: string; readonly url: string; readonly directory?: string }
  readonly type?: string
  readonly sideEffects?: boolean | readonly string[]
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly publishConfig?: unknown
  readonly engines?: { readonly node: string }
  readonly dependencies?: Readonly<Record<string, string>>
  readonly scripts?: Readonly<Record<string, string>>
}

const read = (folder: string): FullManifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as FullManifest
const root = read(ROOT)
const packages = publicPackages().map(({ short, folder }) => ({ short, folder, manifest: read(folder) }))

/** `>=22.2` as a number that can be compared. */
function oldestNode(manifest: FullManifest | undefined): number {
  const [, major = '0', minor = '0'] = /^>=(\d+)(?:\.(\d+))?$/u.exec(manifest?.engines?.node ?? '') ?? []
  return Number(major) * 1_000 + Number(minor)
}

test('there are sixteen public packages', () => {
  expect(packages).toHaveLength(16)
})

test.each(packages)('@starling/$short says where it comes from and what it is', ({ short, manifest }) => {
  const address = root.homepage?.replace('#readme', '')
  expect(manifest).toMatchObject({
    name: `@starling/${short}`,
    license: root.license,
    author: root.author,
    homepage: `${address}/tree/main/packages/${short}#readme`,
    bugs: { url: `${address}/issues` },
    repository: { type: 'git', url: `git+${address}.git`, directory: `packages/${short}` },
    type: 'module',
    publishConfig: { access: 'public', provenance: true }
  })
  expect(manifest.description?.length).toBeGreaterThan(20)
  expect(manifest.keywords?.length).toBeGreaterThanOrEqual(5)
  expect(manifest.sideEffects).toEqual(short === 'node' ? ['./dist/node-version.js'] : false)
  // What runs at somebody else's install.
  expect(Object.keys(manifest.scripts ?? {}).filter(name => /install|prepare/u.test(name))).toEqual([])
})

test.each(packages)('@starling/$short exports types first, then the module', ({ manifest }) => {
  const conditions = Object.values(manifest.exports ?? {})
  expect(conditions.length).toBeGreaterThan(0)
  for (const entry of conditions) {
    expect(Object.keys(entry)).toEqual(['types', 'default'])
    expect(entry['types']).toBe(entry['default']?.replace(/\.js$/u, '.d.ts'))
  }
})

test.each(packages)('@starling/$short asks for no older Node.js than what it depends on', ({ manifest }) => {
  expect(oldestNode(manifest)).toBeGreaterThanOrEqual(22_000)
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    const other = packages.find(each => each.manifest.name === name)
    expect(oldestNode(manifest), name).toBeGreaterThanOrEqual(oldestNode(other?.manifest))
  }
})

test.each(['LICENSE-APACHE', 'LICENSE-MIT'])('every package has the root’s %s', file => {
  const text = readFileSync(join(ROOT, file), 'utf8')
  for (const { folder } of packages) expect(readFileSync(join(folder, file), 'utf8')).toBe(text)
})
