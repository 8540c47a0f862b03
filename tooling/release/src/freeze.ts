/** The program behind `npm run freeze`: writes the bytes and the data folder of a version below `fixtures`. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './command.ts'
import { ROOT } from './public-packages.ts'

const USAGE = `npm run freeze -- VERSION [--replace]
Writes fixtures/VERSION (for example 0.2) with today's code. A folder that is there is replaced only with --replace, and never when
that version has been published.`

const QUERY_TIMEOUT_MS = 60_000

process.exitCode = await main(process.argv.slice(2))

async function main([version = '', ...others]: readonly string[]): Promise<number> {
  const replace = others[0] === '--replace'
  if (!/^\d+\.\d+$/u.test(version) || others.length > (replace ? 1 : 0)) {
    process.stderr.write(`${USAGE}\n`)
    return 2
  }
  if (existsSync(join(ROOT, 'fixtures', version))) {
    if (!replace) return refuse(`fixtures/${version} is there already.`)
    if (await isPublished(version)) return refuse(`${version} is published: its bytes are what they are.`)
  }
  const [program = 'pnpm', ...first] = JSON.parse(process.env['STARLING_PNPM'] ?? '["pnpm"]') as string[]
  const args = [...first, 'exec', 'vitest', 'run', '--project', 'release', 'frozen.test.ts']
  const env = { ...process.env, STARLING_FREEZE: version }
  const { status } = spawnSync(program, args, {
    cwd: ROOT,
    env,
    stdio: 'inherit',
    shell: process.platform === 'win32'
  })
  return status ?? 1
}

function refuse(why: string): number {
  process.stderr.write(`${why}\n`)
  return 1
}

/** Whether the registry has a version of the node in this line; a registry that does not answer counts as yes. */
async function isPublished(line: string): Promise<boolean> {
  const args = ['view', `@starling/node@${line}`, 'version']
  const { code, stdout, stderr } = await run('npm', args, { cwd: ROOT, timeoutMs: QUERY_TIMEOUT_MS })
  return code === 0 ? stdout.trim() !== '' : !/E404/u.test(stderr)
}
