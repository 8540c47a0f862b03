/** The program behind `npm run release`: versions from changesets, and the publication of what the registry does not have yet. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { publicPackages, ROOT } from './public-packages.ts'

const USAGE = `npm run release -- version   turns the waiting changesets into versions and changelogs
npm run release -- publish   publishes what the registry does not have yet, and tags it`

const [program = 'pnpm', ...first] = JSON.parse(process.env['STARLING_PNPM'] ?? '["pnpm"]') as string[]

process.exitCode = await main(process.argv.slice(2))

async function main([verb, ...others]: readonly string[]): Promise<number> {
  if (others.length === 0 && verb === 'version') {
    return (await pnpm('exec', 'changeset', 'version')) || (await pnpm('install', '--lockfile-only'))
  }
  if (others.length === 0 && verb === 'publish') {
    const problems = unreadiness()
    for (const problem of problems) process.stderr.write(`${problem}\n`)
    return problems.length > 0 ? 1 : await pnpm('exec', 'changeset', 'publish')
  }
  process.stderr.write(`${USAGE}\n`)
  return 2
}

/** Why what is here must not be published. */
function unreadiness(): readonly string[] {
  const problems: string[] = []
  for (const { name, manifest } of publicPackages()) {
    if (manifest.version === '0.0.0')
      problems.push(`${name} has no version yet: run "npm run release -- version".`)
  }
  const node = publicPackages().find(({ short }) => short === 'node')?.manifest.version ?? ''
  const line = node.split('.').slice(0, 2).join('.')
  if (!existsSync(join(ROOT, 'fixtures', line))) {
    problems.push(
      `There are no frozen bytes of ${line}: run "npm run freeze -- ${line}" and commit fixtures/${line}.`
    )
  }
  return problems
}

function pnpm(...args: readonly string[]): Promise<number> {
  return new Promise(resolve => {
    const child = spawn(program, [...first, ...args], {
      cwd: ROOT,
      stdio: 'inherit',
      shell: process.platform === 'win32'
    })
    child.on('error', error => {
      process.stderr.write(`${error.message}\n`)
      resolve(1)
    })
    child.on('exit', code => resolve(code ?? 1))
  })
}
