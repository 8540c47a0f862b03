/**
 * Runs everything that the page of measurements shows, and writes the page. What has been measured is kept, one line for each
 * run, so that a run that was cut short goes on with what is left.
 *
 *     node tooling/scenarios/dist/measure/main.js run FILE.jsonl [JOBS] [MINUTES]
 *     node tooling/scenarios/dist/measure/main.js page FILE.jsonl FOLDER
 */
import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { Report } from '../report.ts'
import { matrix, type Measured } from './matrix.ts'
import { page } from './page.ts'
import { plots } from './plots.ts'
import type { Result } from './results.ts'

const program = fileURLToPath(new URL('../main.js', import.meta.url))

const [verb, file, ...rest] = process.argv.slice(2)
if (file === undefined || (verb !== 'run' && verb !== 'page')) {
  process.stderr.write('usage: measure run FILE.jsonl [JOBS] [MINUTES], or: measure page FILE.jsonl FOLDER\n')
  process.exitCode = 2
} else if (verb === 'run') {
  await measure(file, Number(rest[0] ?? 2), Number(rest[1] ?? Infinity))
} else {
  write(file, rest[0] ?? '.')
}

/** Runs what is not in the file yet, some at a time, until all is done or the time is over. */
async function measure(path: string, jobs: number, minutes: number): Promise<void> {
  const done = new Set(read(path).map(({ args }) => args.join(' ')))
  const left = matrix().filter(({ args }) => !done.has(args.join(' ')))
  const endMs = performance.now() + minutes * 60_000
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined && performance.now() < endMs; next = left.shift()) {
      const report = await run(next)
      if (report === undefined) continue
      appendFileSync(
        path,
        `${JSON.stringify({ name: next.name, args: next.args, report } satisfies Result)}\n`
      )
      process.stderr.write(`${next.name}, seed ${report.seed}: ${(report.wallMs / 1_000).toFixed(0)} s\n`)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  process.stderr.write(left.length === 0 ? 'everything is measured\n' : `${left.length} runs are left\n`)
}

function run({ name, args }: Measured): Promise<Report | undefined> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [program, ...args, '--json'], {
      stdio: ['ignore', 'pipe', 'ignore']
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.on('close', () => {
      const last = output.trim().split('\n').at(-1) ?? ''
      if (last.startsWith('{')) return resolve(JSON.parse(last) as Report)
      process.stderr.write(`${name} gave no report\n`)
      resolve(undefined)
    })
  })
}

function read(path: string): Result[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  return lines.filter(line => line !== '').map(line => JSON.parse(line) as Result)
}

function write(path: string, folder: string): void {
  const results = read(path)
  const old = join(folder, 'overlay.md')
  const text = page(results, existsSync(old) ? readFileSync(old, 'utf8') : '')
  for (const [name, content] of [['overlay.md', text] as const, ...plots(results)]) {
    const target = join(folder, name)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, content)
  }
}
