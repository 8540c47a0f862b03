import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findChromium } from '../chromium.mjs'

// Goal: what `npm test` says and counts where there is no Chromium. Method: the program itself, with a pnpm whose checks all pass and
// whose Vitest leaves a report of ours.

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-browser-suite-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function runTests(
  files: readonly string[],
  env: Record<string, string>
): { last: string[]; code: number | null } {
  const report = {
    numPassedTests: 3,
    numFailedTests: 0,
    numPendingTests: 0,
    testResults: files.map(name => ({ name }))
  }
  const pnpm = join(folder, 'pnpm.mjs')
  writeFileSync(
    pnpm,
    `import { writeFileSync } from 'node:fs'
const option = process.argv.find(arg => arg.startsWith('--outputFile.json='))
if (option) writeFileSync(option.slice('--outputFile.json='.length), ${JSON.stringify(JSON.stringify(report))})`
  )
  const { stdout, status } = spawnSync(process.execPath, [join(import.meta.dirname, '../test.mjs')], {
    env: { PATH: folder, STARLING_PNPM: JSON.stringify([process.execPath, pnpm]), ...env },
    encoding: 'utf8'
  })
  return { last: stdout.trim().split('\n').slice(-2), code: status }
}

test('without Chromium one line says so and nothing is counted', () => {
  const { last, code } = runTests(['/a/x.test.ts'], {})
  expect(last).toEqual(['browser suite not run: no Chromium', '8 passed, 0 failed'])
  expect(code).toBe(0)
})

test('where the suite must run, its absence is a failure', () => {
  const { last, code } = runTests(['/a/x.test.ts'], { STARLING_BROWSER: 'required' })
  expect(last).toEqual(['browser suite not run: no Chromium', '8 passed, 1 failed'])
  expect(code).toBe(1)
})

test('a suite that ran is not spoken of', () => {
  const { last } = runTests(['/a/x.browser.test.ts'], { STARLING_BROWSER: 'required' })
  expect(last[0]).not.toContain('browser suite')
  expect(last[1]).toBe('8 passed, 0 failed')
})

test('Chromium is what CHROMIUM_PATH names, else what is on the path', () => {
  const chromium = join(folder, 'chromium')
  expect(findChromium({ PATH: ['/nowhere', folder].join(delimiter) })).toBe(undefined)
  writeFileSync(chromium, '')
  chmodSync(chromium, 0o755)
  expect(findChromium({ PATH: ['/nowhere', folder].join(delimiter) })).toBe(chromium)
  expect(findChromium({ PATH: folder, CHROMIUM_PATH: '/nowhere/chromium' })).toBe(undefined)
  expect(findChromium({ PATH: '', CHROMIUM_PATH: chromium })).toBe(chromium)
})
