import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

// Goal: every root script starts on whatever Node.js people have, or says in one sentence what is needed. Method: the first
// step is run with another version number under its eyes, and with an npx that only prints what it was asked for.

const launch = join(import.meta.dirname, '../launch.cjs')
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-launch-'))
  writeFileSync(
    join(folder, 'pretend.cjs'),
    `const node = process.env.PRETEND_NODE
     Object.defineProperty(process, 'version', { value: 'v' + node })
     Object.defineProperty(process, 'versions', { value: { ...process.versions, node } })`
  )
  writeFileSync(join(folder, 'npx'), '#!/bin/sh\necho "npx $@"\nexit 7\n')
  chmodSync(join(folder, 'npx'), 0o755)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(
  version: string,
  args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise(resolve => {
    const options = { env: { PATH: `${folder}:/usr/bin:/bin`, PRETEND_NODE: version } }
    execFile(
      process.execPath,
      ['-r', join(folder, 'pretend.cjs'), launch, ...args],
      options,
      (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
      }
    )
  })
}

test.each(['12.22.0', '18.20.8'])(
  'Node.js %s is too old even to start: one sentence, exit code 2',
  async version => {
    const { code, stdout, stderr } = await run(version, ['demo'])
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(
      /^Starling needs Node\.js 20 or newer to set itself up, and this is v\d+\.\d+\.\d+: .*\.\n$/u
    )
  }
)

test.each(['20.20.2', '22.12.0'])(
  'Node.js %s brings a fitting one from npm, and passes words and exit code on',
  async version => {
    const { code, stdout } = await run(version, ['demo', '--nodes', '7'])
    expect(stdout).toMatch(/^npx --yes --package=node@24\.\d+\.\d+ -- node .*set-up\.mjs demo --nodes 7\n$/u)
    expect(code).toBe(7)
  }
)

test.each(['22.13.0', '24.0.0', '26.1.0'])('Node.js %s is used as it is', async version => {
  const { code, stdout, stderr } = await run(version, ['nonsense'])
  // The second step ran, without npx: it is the one that knows the commands.
  expect(stderr).toMatch(/^Unknown command "nonsense": use bench, .*demo, .*test:deep or setup\.\n$/u)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
})
