import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

// Goal: what each command installs and builds, and that nothing is done twice. Method: the second step in a small repository of
// its own, with a pnpm that only notes what it was asked for.

const FILTER = '--filter=!@starling/bench'
const INSTALL = 'install --frozen-lockfile'
const BUILD = 'run build'

const launchFolder = join(import.meta.dirname, '..')
let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'starling-set-up-'))
  cpSync(join(launchFolder, 'set-up.mjs'), join(root, 'tooling/launch/set-up.mjs'))
  write('package.json', '{"packageManager":"pnpm@11.28.10"}')
  for (const name of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'turbo.json']) write(name, '')
  write('tooling/bench/package.json', '{}')
  write('tooling/bench/dist/main.js', 'console.log("bench", ...process.argv.slice(2))')
  write('apps/demo/dist/demo.js', 'console.log("demo", ...process.argv.slice(2))')
  write('packages/one/package.json', '{}')
  write('packages/one/src/index.ts', 'export const one = 1')
  write(
    'bin/pnpm',
    `#!/bin/sh
if [ "$1" = --version ]; then echo 11.0.0; else echo "$*" >> ${join(root, 'asked')}; exit $(cat ${join(root, 'exit')}); fi
`
  )
  chmodSync(join(root, 'bin/pnpm'), 0o755)
  write('exit', '0')
})

afterEach(() => rmSync(root, { recursive: true, force: true }))

function write(path: string, text: string): void {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** Runs a command and gives what pnpm was asked for meanwhile. */
function run(...args: string[]): { asked: string[]; code: number | null; stdout: string } {
  write('asked', '')
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'tooling/launch/set-up.mjs'), ...args], {
    env: { PATH: `${join(root, 'bin')}:/usr/bin:/bin` },
    encoding: 'utf8'
  })
  const asked = readFileSync(join(root, 'asked'), 'utf8').split('\n').filter(Boolean)
  return { asked, code: status, stdout }
}

test('every command but the benchmarks installs and builds without them, once', () => {
  const first = run('demo', '--nodes', '3')
  expect(first.asked).toEqual([`${INSTALL} ${FILTER}`, `${BUILD} ${FILTER}`])
  expect(first).toMatchObject({ code: 0, stdout: 'demo --nodes 3\n' })
  expect(run('setup').asked).toEqual([])
})

test('the benchmarks install and build the rest, once', () => {
  run('setup')
  const first = run('bench', 'codec', '--json')
  expect(first.asked).toEqual([INSTALL, BUILD])
  expect(first).toMatchObject({ code: 0, stdout: 'bench codec --json\n' })
  expect(run('bench').asked).toEqual([])
})

test('what the benchmarks installed and built serves every other command, until something changes', () => {
  run('bench')
  expect(run('setup').asked).toEqual([])
  write('pnpm-lock.yaml', 'changed')
  expect(run('setup').asked).toEqual([`${INSTALL} ${FILTER}`, `${BUILD} ${FILTER}`])
  // The rest is out of date now, so the benchmarks bring it up to date, and nobody else has to again.
  expect(run('bench').asked).toEqual([INSTALL, BUILD])
  expect(run('setup').asked).toEqual([])
})

test('a changed source is built again, and nothing is installed for it', () => {
  run('bench')
  appendFileSync(join(root, 'packages/one/src/index.ts'), '\n')
  expect(run('bench').asked).toEqual([BUILD])
  expect(run('setup').asked).toEqual([])
})

test('what failed is tried again, and ends with exit code 2', () => {
  write('exit', '1')
  expect(run('demo')).toMatchObject({ code: 2, asked: [`${INSTALL} ${FILTER}`], stdout: '' })
  write('exit', '0')
  expect(run('demo')).toMatchObject({ code: 0, asked: [`${INSTALL} ${FILTER}`, `${BUILD} ${FILTER}`] })
})
