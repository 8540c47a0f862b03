import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

// Goal: what a reader pastes from a README works. Method: the first `ts` block under "Usage" of every README is put into its
// package's own folder (where the package can be imported by its name), type-checked, and run on the build in an empty folder.

const run = promisify(execFile)
const root = join(import.meta.dirname, '../../..')
const RUN_TIMEOUT_MS = 30_000

interface Example {
  readonly title: string
  readonly folder: string
  readonly file: string
  readonly code: string
}

const readmes = [
  { title: 'the root README', path: 'README.md', home: 'packages/node', name: 'root.ts' },
  ...readdirSync(join(root, 'packages')).map(name => ({
    title: `@starling/${name}`,
    path: `packages/${name}/README.md`,
    home: `packages/${name}`,
    name: 'usage.ts'
  }))
]

const examples = readmes.map(({ title, path, home, name }): Example => {
  const folder = join(root, home, '.example')
  return { title, folder, file: join(folder, name), code: usageBlock(join(root, path)) }
})

const workFolder = mkdtempSync(join(tmpdir(), 'starling-readme-'))
const typeCheckFolder = join(root, 'tooling/readme/.example')

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

function usageBlock(path: string): string {
  if (!existsSync(path)) return ''
  const usage = readFileSync(path, 'utf8')
    .split(/^## /mu)
    .find(section => section.startsWith('Usage'))
  return usage?.match(/```ts\n(?<code>[\s\S]*?)```/u)?.groups?.['code'] ?? ''
}

test.each(examples)('$title has a usage example', ({ code }) => {
  expect(code).toContain("from '@starling/")
})

test('every example passes the compiler in strict mode', async () => {
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
        typeRoots: [join(root, 'node_modules/@types')]
      },
      files: examples.map(example => example.file)
    })
  )
  const { stdout } = await run(process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    config
  ]).catch((error: { stdout: string }) => error)
  expect(stdout).toBe('')
})

test.each(examples)('$title: the example runs and ends by itself', async ({ title, file }) => {
  const cwd = mkdtempSync(join(workFolder, 'run-'))
  const { stderr } = await run(
    process.execPath,
    ['--experimental-strip-types', '--disable-warning=ExperimentalWarning', file],
    {
      cwd,
      timeout: RUN_TIMEOUT_MS,
      env: { ...process.env, CLUSTER_SECRET: 'an example secret of some length' }
    }
  )
  expect({ title, stderr }).toEqual({ title, stderr: '' })
})
