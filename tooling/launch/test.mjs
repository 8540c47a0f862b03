// `npm test`: formatting, lint, types and package checks, then every package's tests; the last line says what came of it.
// With arguments (`npm test -- --project hlc`) it runs only the tests they select.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findChromium } from './chromium.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const [program, ...first] = JSON.parse(process.env.STARLING_PNPM ?? '["pnpm"]')
const vitestArgs = process.argv.slice(2)

const checks = [
  ['formatting', ['run', 'format:check'], 'run "pnpm run format"'],
  ['lint', ['run', 'lint']],
  ['types of the tests', ['exec', 'tsc', '-p', 'tsconfig.test.json']],
  ['types of the benchmarks', ['exec', 'tsc', '-p', 'tooling/bench/tsconfig.test.json']],
  ['unused code and dependencies', ['exec', 'knip']]
]

let passed = 0
let failed = 0

if (vitestArgs.length === 0) await Promise.all(checks.map(each => check(...each)))

const folder = mkdtempSync(join(tmpdir(), 'starling-test-'))
try {
  const report = join(folder, 'report.json')
  const { code } = await run(
    [
      'exec',
      'vitest',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...vitestArgs
    ],
    'inherit'
  )
  const counts = countTests(report)
  passed += counts.passed
  failed += counts.failed
  if (vitestArgs.length === 0) failed += browserSuite(counts.browser)
  // A run that fails outside a test (an unhandled rejection, a file that does not load) is a failure too.
  if (code !== 0 && counts.failed === 0) failed++
} finally {
  rmSync(folder, { recursive: true, force: true })
}

console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

/** None needs another, so all run at once. */
async function check(title, command, advice) {
  const startedMs = performance.now()
  const { code, output } = await run(command, 'pipe')
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  if (code === 0) {
    passed++
    console.log(`✓ ${title} (${seconds} s)`)
  } else {
    failed++
    console.log(`${output}\n✗ ${title} (${seconds} s)${advice === undefined ? '' : `: ${advice}`}`)
  }
}

function countTests(report) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(
      readFileSync(report, 'utf8')
    )
    const browser = testResults.filter(({ name }) => name.endsWith('.browser.test.ts')).length
    // A skipped test has not passed.
    return { passed: numPassedTests, failed: numFailedTests + numPendingTests, browser }
  } catch (error) {
    console.log(`The test run left no report: ${error.message}`)
    return { passed: 0, failed: 1, browser: 0 }
  }
}

/** Says when the pages were not tested. That is a failure only where somebody has said that they must be. */
function browserSuite(files) {
  if (files > 0) return 0
  console.log(`browser suite not run: ${findChromium() === undefined ? 'no Chromium' : 'no test files'}`)
  return process.env.STARLING_BROWSER === 'required' ? 1 : 0
}

function run(args, stdio) {
  return new Promise(resolve => {
    const child = spawn(program, [...first, ...args], {
      cwd: root,
      stdio: ['ignore', stdio, stdio],
      shell: process.platform === 'win32'
    })
    let output = ''
    child.stdout?.on('data', chunk => (output += chunk))
    child.stderr?.on('data', chunk => (output += chunk))
    child.on('error', error => resolve({ code: 1, output: error.message }))
    child.on('close', code => resolve({ code, output }))
  })
}
