import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fences, pages, readPage, ROOT } from './support/markdown.ts'

// Goal: what a reader pastes from a page works. Method: every `ts` block of the README, of docs/ and of the packages' READMEs is put
// into the folder of the first package it imports (where that can be imported by its name), type-checked, and run on the build in an
// empty folder. A block under `<!-- continues -->` is the next part of the program above it. A `text` block under
// `<!-- prints -->` is what the program above it writes to standard output.

const run = promisify(execFile)
const RUN_TIMEOUT_MS = 60_000

interface Example {
  readonly title: string
  readonly folder: string
  readonly file: string
  readonly code: string
  readonly prints: string | undefined
}

const sources = pages().filter(path => /^(?:README\.md|docs\/.*|packages\/[a-z]+\/README\.md)$/u.test(path))
const examples = sources.flatMap(examplesOf)

function examplesOf(path: string): Example[] {
  const found: { line: number; code: string; prints?: string }[] = []
  for (const { language, code, line, marker } of fences(readPage(path))) {
    const last = found.at(-1)
    if (language === 'ts' && marker === 'continues' && last !== undefined) last.code += `\n${code}`
    else if (language === 'ts') found.push({ line, code })
    else if (marker === 'prints' && last !== undefined) last.prints = `${code}\n`
  }
  return found.map(({ line, code, prints }) => {
    const home = homeOf(path, code)
    const folder = join(ROOT, 'packages', home, '.example')
    const file = join(folder, `${path.replaceAll(/\W+/gu, '-')}-${line}.ts`)
    return { title: `${path}:${line}`, folder, file, code, prints }
  })
}

/** A README's own package; elsewhere the package that the example imports first. */
function homeOf(path: string, code: string): string {
  const own = /^packages\/(?<name>[a-z]+)\//u.exec(path)
  return (own ?? /from '@starling\/(?<name>[a-z]+)/u.exec(code))?.groups?.['name'] ?? 'node'
}

const workFolder = mkdtempSync(join(tmpdir(), 'starling-examples-'))
const typeCheckFolder = join(ROOT, 'tooling/readme/.example')

beforeAll(() => {
  for (const { folder, file, code } of examples) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, `${code}\nexport {}\n`)
  }
})

afterAll(() => {
  for (const folder of [...examples.map(example => example.folder), workFolder, typeCheckFolder]) {
    rmSync(folder, { recursive: true, force: true })
  }
})

describe('the examples', () => {
  test('are in every README of a package, and say where what they use comes from', () => {
    const without = sources.filter(
      path => path.endsWith('README.md') && !path.startsWith('docs/') && examplesOf(path).length === 0
    )
    expect(without).toEqual([])
    expect(
      examples.filter(({ code }) => !code.includes("from '@starling/")).map(({ title }) => title)
    ).toEqual([])
  })

  test('hide in no block of another language', () => {
    const languages = new Set(sources.flatMap(path => fences(readPage(path)).map(({ language }) => language)))
    expect([...languages].filter(each => /^(?:js|javascript|typescript|tsx|mjs|mts)$/u.test(each))).toEqual(
      []
    )
  })

  test('pass the compiler in strict mode', async () => {
    mkdirSync(typeCheckFolder, { recursive: true })
    const config = join(typeCheckFolder, 'tsconfig.json')
    writeFileSync(
      config,
      JSON.stringify({
        compilerOptions: {
          module: 'nodenext',
          target: 'es2023',
          lib: ['es2024', 'esnext.disposable', 'dom'],
          strict: true,
          noEmit: true,
          skipLibCheck: true,
          types: ['node'],
          typeRoots: [join(ROOT, 'node_modules/@types')]
        },
        files: examples.map(example => example.file)
      })
    )
    const { stdout } = await run(process.execPath, [
      join(ROOT, 'node_modules/typescript/bin/tsc'),
      '-p',
      config
    ]).catch((error: { stdout: string }) => error)
    expect(stdout).toBe('')
  })

  test.each(examples)(
    '$title runs, ends by itself, and prints what the page says',
    async ({ file, prints }) => {
      const cwd = mkdtempSync(join(workFolder, 'run-'))
      const { stdout, stderr } = await run(
        process.execPath,
        ['--experimental-strip-types', '--disable-warning=ExperimentalWarning', file],
        {
          cwd,
          timeout: RUN_TIMEOUT_MS,
          env: { ...process.env, NO_COLOR: '1', CLUSTER_SECRET: 'an example secret of some length' }
        }
      )
      expect(stderr).toBe('')
      if (prints !== undefined) expect(stdout).toBe(prints)
    }
  )
})
