// `npm run test:deep [-- STAGE…]`: the same tests, longer. What a stage came to is kept in test-results/, so a run that was cut
// short goes on with the stages that are left; a new commit starts afresh. Naming stages runs them in any case.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'test-results')
const resultFile = join(folder, 'deep.json')

const projects = names => names.flatMap(name => ['--project', name])

/** What each stage runs. The times are those of an idle machine with 2 cores, measured where they say so and else guessed. */
const stages = {
  laws: {
    about: 'every property of the pure packages, 200,000 cases each (about an hour)',
    env: { FC_RUNS: '200000' },
    args: projects(['codec', 'hlc', 'ormap', 'reconcile'])
  },
  kills: {
    about:
      '1,000 kills of a process that writes, 200 of one that recovers, 200 power cuts of an ext4 image (about 15 minutes)',
    env: { STARLING_KILL_CYCLES: '1000', STARLING_KILL_RECOVERIES: '200', STARLING_POWER_CUTS: '200' },
    args: ['packages/log/test/crash.test.ts', 'packages/log/test/power-cut.test.ts']
  },
  disk: {
    about:
      'every crash image of small workloads up to 5,000 each, 5,000 swarms, every bit flipped (about an hour)',
    env: { STARLING_CRASH_IMAGES: '5000', STARLING_SWARM_SEEDS: '5000', STARLING_FLIP_EVERY: '1' },
    args: ['packages/log/test/sim']
  },
  clusters: {
    about: '1,000 random clusters of full replicas (about half an hour)',
    env: { STARLING_CLUSTER_SEEDS: '1000' },
    args: ['tooling/scenarios/test/cluster-seeds.test.ts']
  },
  worlds: {
    about: '3,000 random worlds of HyParView and Plumtree (about half an hour)',
    env: { STARLING_SIM_SEEDS: '3000' },
    args: ['tooling/scenarios/test/planned.test.ts']
  },
  faults: {
    about: 'each of 60 syncs failing in a real process, and 1,000,000 overwrites (about 10 minutes)',
    env: { STARLING_FAILED_SYNCS: '60', STARLING_OVERWRITES: '1000000', STARLING_PUTS: '100000' },
    args: [
      'packages/log/test/real-faults.test.ts',
      'packages/log/test/compaction.test.ts',
      'packages/log/test/write-size.test.ts',
      'packages/replica/test/overwrites.test.ts'
    ]
  },
  floods: {
    about:
      '10,000 streams begun and reset, and as many opened at once, over QUIC and over TCP (about 5 minutes)',
    env: { STARLING_MUX_STREAMS: '10000' },
    args: ['packages/mux/test/flood.e2e.test.ts']
  },
  processes: {
    about:
      '10 clusters of 61 processes that start at once, 1,250 double dials, pauses of 90 s (about 15 minutes)',
    env: { STARLING_STORMS: '10', STARLING_BOTH_DIAL: '1000', STARLING_PAUSE_MS: '90000' },
    args: ['storm', 'both-dial', 'process-faults'].map(name => `packages/node/test/${name}.e2e.test.ts`)
  }
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter(name => !Object.hasOwn(stages, name))
if (unknown.length > 0) {
  console.error(`There is no stage ${unknown.join(', ')}; there are ${Object.keys(stages).join(', ')}.`)
  process.exit(2)
}

const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], {
  cwd: root,
  encoding: 'utf8'
}).stdout.trim()
mkdirSync(folder, { recursive: true })
const kept = existsSync(resultFile) ? JSON.parse(readFileSync(resultFile, 'utf8')) : {}
const results = kept.commit === commit ? kept.stages : {}

for (const [name, stage] of Object.entries(stages)) {
  const done = results[name]?.failed === 0
  if (wanted.length === 0 ? done : !wanted.includes(name)) continue
  console.log(`${name}: ${stage.about}`)
  results[name] = await runStage(stage)
  writeFileSync(resultFile, `${JSON.stringify({ commit, stages: results }, null, 2)}\n`)
}

let passed = 0
let failed = 0
for (const [name, result] of Object.entries(results)) {
  console.log(`${name}: ${result.passed} passed, ${result.failed} failed, ${result.seconds} s`)
  passed += result.passed
  failed += result.failed
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

/** Runs the tests without a time limit and reads the last line. */
function runStage({ env, args }) {
  const startedMs = performance.now()
  return new Promise(resolve => {
    const child = spawn(
      process.execPath,
      [join(root, 'tooling/launch/test.mjs'), ...args, '--testTimeout=0', '--hookTimeout=0'],
      {
        cwd: root,
        env: { ...process.env, ...env, STARLING_RESULTS: folder },
        stdio: ['ignore', 'pipe', 'inherit']
      }
    )
    let output = ''
    child.stdout.on('data', chunk => {
      process.stdout.write(chunk)
      output += chunk
    })
    child.on('close', () => {
      const counts = /(\d+) passed, (\d+) failed\s*$/.exec(output)
      const seconds = Math.round((performance.now() - startedMs) / 1000)
      resolve({ passed: Number(counts?.[1] ?? 0), failed: Number(counts?.[2] ?? 1), seconds })
    })
  })
}
