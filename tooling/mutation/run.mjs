// `npm run mutants [-- AREA|ID…] [--dry]`: runs the tests of each mutant and sees them fail. A mutant that survives is a hole in the
// tests. What came of each is written to docs/measurements/mutants.md, but with --dry.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadMutants, mutate } from './load-mutants.mjs'
import { isRight, resultPage } from './result-page.mjs'

const root = join(import.meta.dirname, '..', '..')
const [program, ...first] = JSON.parse(process.env.STARLING_PNPM ?? '["pnpm"]')
const dry = process.argv.includes('--dry')
const wanted = process.argv.slice(2).filter(name => name !== '--dry')
const all = loadMutants()
const known = new Set(all.flatMap(({ id, area }) => [id, area]))
const unknown = wanted.filter(name => !known.has(name))
if (unknown.length > 0) {
  console.error(
    `No mutant or area is called ${unknown.join(', ')}; areas: ${[...new Set(all.map(m => m.area))].join(', ')}`
  )
  process.exit(2)
}
const chosen = all.filter(
  ({ id, area }) => wanted.length === 0 || wanted.includes(id) || wanted.includes(area)
)

const results = []
for (const mutant of chosen) {
  const startedMs = performance.now()
  const result = { mutant, ...(await tryMutant(mutant)) }
  results.push(result)
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  const killer = result.killedBy === undefined ? '' : `: ${result.killedBy}`
  console.log(`${result.verdict.padEnd(8)} ${mutant.id} (${seconds} s)${killer}`)
}
const right = results.filter(isRight)
const page = join(root, 'docs/measurements/mutants.md')
if (!dry) writeFileSync(page, resultPage(all, results, readFileSync(page, 'utf8')))
console.log(`${right.length} as they must, ${results.length - right.length} not`)
process.exitCode = right.length === results.length ? 0 : 1

/** `killed` needs a test that ran and failed: a source that does not load proves nothing. */
async function tryMutant(mutant) {
  const { problem } = mutate(mutant)
  if (problem !== undefined) return { verdict: 'broken', killedBy: problem }
  const folder = mkdtempSync(join(tmpdir(), 'starling-mutant-'))
  try {
    const report = join(folder, 'report.json')
    const output = ['--reporter=json', `--outputFile.json=${report}`, '--bail=1']
    const end = await run([...first, 'exec', 'vitest', 'run', ...output, ...mutant.tests], mutant.id)
    let tests
    try {
      tests = JSON.parse(readFileSync(report, 'utf8')).testResults.flatMap(file => file.assertionResults)
    } catch {
      return { verdict: 'broken', killedBy: `no report: ${end.output.slice(-400)}` }
    }
    const failed = tests.find(test => test.status === 'failed')
    if (failed !== undefined) return { verdict: 'killed', killedBy: failed.title }
    return end.code === 0
      ? { verdict: 'survived' }
      : { verdict: 'broken', killedBy: `no test failed, yet the run did: ${end.output.slice(-400)}` }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function run(args, id) {
  return new Promise(resolve => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, STARLING_MUTANT: id },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32'
    })
    let output = ''
    child.stdout.on('data', chunk => (output += chunk))
    child.stderr.on('data', chunk => (output += chunk))
    child.on('error', error => resolve({ code: 1, output: error.message }))
    child.on('close', code => resolve({ code, output }))
  })
}
