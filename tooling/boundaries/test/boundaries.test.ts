import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packages } from '../layers.mjs'

// Goal: each wall between the layers is shown to stand. Method: a copy of the rules in a temporary folder, one file with one
// forbidden thing in it, and the real linter or compiler run over it.

const root = join(import.meta.dirname, '../../..')
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-boundaries-'))
  for (const path of ['oxlint.config.mjs', 'tooling/boundaries/layers.mjs', 'tooling/tsconfig']) {
    cpSync(join(root, path), join(folder, path), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function write(path: string, text: string): string {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return file
}

function run(program: string, args: string[]): { code: number; output: string } {
  try {
    const output = execFileSync(process.execPath, [join(root, 'node_modules', program), ...args], {
      cwd: folder,
      encoding: 'utf8',
      stdio: 'pipe'
    })
    return { code: 0, output }
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string }
    return { code: status, output: stdout + stderr }
  }
}

const lint = (file: string) => run('oxlint/bin/oxlint', ['-c', 'oxlint.config.mjs', file])

describe('the linter refuses', () => {
  test.each([
    [
      'a pure package that reads a clock',
      'hlc',
      'export const now: number = Date.now()\n',
      'no-restricted-globals'
    ],
    ['a pure package that sets a timer', 'plumtree', 'setTimeout(String, 1)\n', 'no-restricted-globals'],
    [
      'a pure package that draws chance',
      'hyparview',
      'export const r: number = Math.random()\n',
      'no-restricted-properties'
    ],
    [
      'a pure package that opens a file',
      'ormap',
      "export { readFileSync } from 'node:fs'\n",
      'no-restricted-imports'
    ],
    ['a driver that sets its own timer', 'peers', 'setTimeout(String, 1)\n', 'no-restricted-globals'],
    ['an upward import', 'hlc', "export * from '@starling/ormap'\n", 'no-restricted-imports'],
    [
      'an L3 package that imports another',
      'gossip',
      "export * from '@starling/peers'\n",
      'no-restricted-imports'
    ],
    ['libp2p itself outside node', 'mux', "export * from 'libp2p'\n", 'no-restricted-imports'],
    ['QUIC outside node', 'peers', "export * from '@chainsafe/libp2p-quic'\n", 'no-restricted-imports'],
    ['a deep import', 'hlc', "export * from '@starling/codec/src/reader.ts'\n", 'no-restricted-imports'],
    [
      'code of the replica in the map',
      'map',
      "export { createReplica } from '@starling/replica'\n",
      'no-restricted-imports'
    ],
    [
      'the system’s ports in a driver',
      'replica',
      "export * from '@starling/ports/system'\n",
      'no-restricted-imports'
    ]
  ])('%s', (_, name, text, rule) => {
    const { code, output } = lint(write(`packages/${name}/src/forbidden.ts`, text))
    expect(output).toContain(rule)
    expect(code).toBe(1)
  })

  test('nothing in the same places when the import is allowed', () => {
    const file = write('packages/ormap/src/allowed.ts', "export * from '@starling/hlc'\n")
    expect(lint(file)).toMatchObject({ code: 0 })
    const types = write('packages/map/src/allowed.ts', "export type { Replica } from '@starling/replica'\n")
    expect(lint(types)).toMatchObject({ code: 0 })
  })
})

describe('the compiler refuses', () => {
  function compile(name: string, text: string): { code: number; output: string } {
    write(`packages/${name}/src/forbidden.ts`, text)
    cpSync(join(root, 'packages', name, 'package.json'), join(folder, 'packages', name, 'package.json'))
    rmSync(join(folder, 'packages', name, 'node_modules'), { force: true })
    symlinkSync(join(root, 'packages', name, 'node_modules'), join(folder, 'packages', name, 'node_modules'))
    const config = write(
      `packages/${name}/tsconfig.json`,
      JSON.stringify({
        extends: '../../tooling/tsconfig/pure.json',
        compilerOptions: { noEmit: true, composite: false, declaration: true, declarationMap: false },
        include: ['src/forbidden.ts']
      })
    )
    return run('typescript/bin/tsc', ['-p', config])
  }

  test.each([
    ['a timer', 'setTimeout(() => {}, 1)\n', 'setTimeout'],
    ['the process', 'export const p: unknown = process.env\n', 'process'],
    [
      'a promise of the platform',
      "import { readFile } from 'node:fs/promises'\nexport const r: unknown = readFile\n",
      'node:fs/promises'
    ],
    ['a package that is not declared', "export * from '@starling/log'\n", '@starling/log']
  ])('%s in a pure package', (_, text, named) => {
    const { code, output } = compile('hlc', text)
    expect(output).toContain(named)
    expect(code).not.toBe(0)
  })

  test('nothing when a pure package stays pure', () => {
    expect(compile('hlc', 'export const one: number = 1\n')).toMatchObject({ code: 0 })
  })
})

describe('what the packages declare', () => {
  const manifest = (name: string) =>
    JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
  const ours = (dependencies: Record<string, string> = {}) =>
    Object.keys(dependencies)
      .filter(key => key.startsWith('@starling/'))
      .map(key => key.slice('@starling/'.length))

  test('every package has a row in the table', () => {
    expect(readdirSync(join(root, 'packages')).sort()).toEqual(Object.keys(packages).sort())
  })

  test.each(Object.entries(packages))(
    '%s depends downward only, and on the simulator for tests only',
    (name, rules) => {
      const { dependencies, devDependencies, peerDependencies } = manifest(name)
      expect(rules.mayImport).toEqual(expect.arrayContaining(ours(dependencies)))
      // Tests of a driver may run it on the real parts below its port.
      expect([...rules.mayImport, 'sim', 'mux', 'peers', 'ports']).toEqual(
        expect.arrayContaining(ours(devDependencies))
      )
      expect(ours(peerDependencies)).toEqual([])
      for (const other of ours(dependencies)) {
        expect(packages[other]?.layer).toBeLessThanOrEqual(rules.layer)
      }
    }
  )

  test.each(Object.keys(packages))('%s is complete as a package', name => {
    const { license, author, engines, exports, files, type } = manifest(name)
    expect({ license, author, type, node: engines.node }).toEqual({
      license: 'Apache-2.0 OR MIT',
      author: 'the Starling contributors',
      type: 'module',
      node: ['log', 'node'].includes(name) ? '>=22.2' : '>=22'
    })
    expect(files).toEqual(expect.arrayContaining(['dist', 'src', 'LICENSE-APACHE', 'LICENSE-MIT']))
    for (const entry of Object.values<{ types: string }>(exports)) expect(Object.keys(entry)[0]).toBe('types')
    const present = readdirSync(join(root, 'packages', name))
    expect(present).toEqual(
      expect.arrayContaining(['README.md', 'LICENSE-APACHE', 'LICENSE-MIT', 'src', 'test'])
    )
  })
})
