/** The program behind `npm run sim:nightly`: fresh seeds for as long as there is time, and a file for each that fails. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from './command.ts'
import { ROOT } from './public-packages.ts'

/** Seeds that one night may use. The next night begins where they end, so no seed comes twice before the 32 bits are through. */
const SEEDS_PER_NIGHT = 100_000
const SEEDS_PER_RUN = 25
const RUN_TIMEOUT_MS = 1_800_000
/** More failing seeds than this say nothing new. */
const FAILURES_MAX = 10

const USAGE =
  'usage: npm run sim:nightly -- SCENARIO --night N [--minutes M] [--seeds S]; SCENARIO is one that takes --seeds, as swarm and cluster do'

interface Asked {
  readonly scenario: string
  readonly night: number
  readonly minutes: number
  readonly seeds: number
}

process.exitCode = await main()

async function main(): Promise<number> {
  const asked = readArguments()
  if (asked === undefined) {
    process.stderr.write(`${USAGE}\n`)
    return 2
  }
  const folder = join(ROOT, 'test-results/nightly')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const endMs = performance.now() + asked.minutes * 60_000
  const first = (asked.night * SEEDS_PER_NIGHT) % 2 ** 32
  const failed: number[] = []
  let tried = 0
  while (tried < asked.seeds && performance.now() < endMs && failed.length < FAILURES_MAX) {
    const seeds = Math.min(SEEDS_PER_RUN, asked.seeds - tried)
    const { code, violations, output } = await simulate(asked.scenario, first + tried, seeds)
    const bad = failingSeeds(violations)
    if (code !== 0 && bad.length === 0) {
      writeFileSync(join(folder, `${asked.scenario}-${first + tried}.txt`), output)
      process.stdout.write(`${asked.scenario} from seed ${first + tried} on ended with ${code}:\n${output}\n`)
      return 1
    }
    for (const seed of bad) await file(asked.scenario, seed, folder)
    failed.push(...bad)
    tried += seeds
    process.stdout.write(`${asked.scenario}: ${tried} seeds from ${first} on, ${failed.length} failed\n`)
  }
  return failed.length === 0 ? 0 : 1
}

/** Runs one seed alone, and leaves its plan and what it came to. */
async function file(scenario: string, seed: number, folder: string): Promise<void> {
  const plan = join(folder, `${scenario}-${seed}.plan.json`)
  const { output } = await simulate(scenario, seed, 1, ['--save', plan])
  writeFileSync(join(folder, `${scenario}-${seed}.result.json`), `${output}\n`)
  process.stdout.write(`failed: npm run sim -- ${scenario} --seed ${seed} --seeds 1\n`)
}

async function simulate(
  scenario: string,
  seed: number,
  seeds: number,
  more: readonly string[] = []
): Promise<{
  readonly code: number | null
  readonly violations: readonly string[]
  readonly output: string
}> {
  const args = [scenario, '--seed', String(seed), '--seeds', String(seeds), '--json', ...more]
  const program = join(ROOT, 'tooling/scenarios/dist/main.js')
  const { code, stdout, stderr } = await run(process.execPath, [program, ...args], {
    cwd: ROOT,
    timeoutMs: RUN_TIMEOUT_MS
  })
  const last = stdout.trim().split('\n').at(-1) ?? ''
  try {
    const { violations } = JSON.parse(last) as { readonly violations: readonly string[] }
    return { code, violations, output: last }
  } catch {
    return { code, violations: [], output: `${stdout}\n${stderr}`.trim() }
  }
}

/** A run over several seeds names the seed behind each violation. */
function failingSeeds(violations: readonly string[]): readonly number[] {
  const seeds = violations.map(violation => /\(seed (?<seed>\d+)\)$/u.exec(violation)?.groups?.['seed'])
  return [...new Set(seeds.filter(seed => seed !== undefined).map(Number))]
}

function readArguments(): Asked | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        night: { type: 'string' },
        minutes: { type: 'string', default: '60' },
        seeds: { type: 'string', default: String(SEEDS_PER_NIGHT) }
      }
    })
    const [scenario, ...others] = positionals
    const [night, minutes, seeds] = [values.night, values.minutes, values.seeds].map(Number)
    const whole = [night, seeds].every(number => Number.isSafeInteger(number) && (number ?? -1) >= 0)
    if (scenario === undefined || others.length > 0 || !whole || !((minutes ?? 0) > 0)) return undefined
    return {
      scenario,
      night: night ?? 0,
      minutes: minutes ?? 0,
      seeds: Math.min(seeds ?? 0, SEEDS_PER_NIGHT)
    }
  } catch {
    return undefined
  }
}
