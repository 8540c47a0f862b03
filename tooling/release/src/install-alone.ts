import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommandError, mustRun, run } from './command.ts'
import type { NodeRelease } from './node-release.ts'
import type { PackedPackage } from './pack.ts'
import { ROOT } from './public-packages.ts'
import { readExample } from './readme-example.ts'

const INSTALL_TIMEOUT_MS = 300_000
const COMPILE_TIMEOUT_MS = 60_000
const RUN_TIMEOUT_MS = 60_000

export interface Installed {
  readonly package: string
  /** The version of Node.js, `v22.23.1`. */
  readonly node: string
  /** Packages in `node_modules` afterwards. */
  readonly packages: number
  readonly installMs: number
  readonly typesMs: number
  readonly runMs: number
  /** What is wrong; absent when nothing is. */
  readonly problem?: string
}

/**
 * Does what a newcomer does: an empty project, the README's install line, the README's example, type-checked strictly (with the
 * declarations of all libraries) and run. Never rejects: what goes wrong is the `problem`.
 */
export async function installAlone(
  { name, short, unpacked }: PackedPackage,
  node: NodeRelease,
  registry: string,
  work: string
): Promise<Installed> {
  const project = join(work, `${short}-${node.version}`)
  const figures = { packages: 0, installMs: 0, typesMs: 0, runMs: 0 }
  try {
    const { installs, code, unnamed } = readExample(unpacked)
    writeProject(project, code, registry)
    const npmArgs = ['install', '--no-audit', '--no-fund', '--no-update-notifier', ...installs]
    const within = { cwd: project, env: node.env }
    const installed = await mustRun('npm install', 'npm', npmArgs, {
      ...within,
      timeoutMs: INSTALL_TIMEOUT_MS
    })
    figures.installMs = Math.round(installed.ms)
    figures.packages = countPackages(join(project, 'node_modules'))
    if (unnamed.length > 0) {
      throw new Error(`the example imports ${unnamed.join(', ')}, which the Install line does not name`)
    }
    const tsc = [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.']
    const compiled = await run(process.execPath, tsc, { ...within, timeoutMs: COMPILE_TIMEOUT_MS })
    figures.typesMs = Math.round(compiled.ms)
    if (compiled.code === null || ownErrors(compiled.stdout) !== '') {
      throw new CommandError('the type check', { ...compiled, stdout: ownErrors(compiled.stdout) })
    }
    const ran = await mustRun('the example', node.program, ['usage.js'], {
      cwd: project,
      env: { ...node.env, CLUSTER_SECRET: 'an example secret of some length' },
      timeoutMs: RUN_TIMEOUT_MS
    })
    figures.runMs = Math.round(ran.ms)
    if (ran.stderr !== '') throw new Error(`the example printed an error: ${ran.stderr}`)
    return { package: name, node: node.version, ...figures }
  } catch (error) {
    return { package: name, node: node.version, ...figures, problem: (error as Error).message }
  }
}

function writeProject(folder: string, code: string, registry: string): void {
  mkdirSync(folder, { recursive: true })
  const write = (file: string, text: string): void => writeFileSync(join(folder, file), text)
  write('package.json', `${JSON.stringify({ private: true, type: 'module' })}\n`)
  write('.npmrc', `@starling:registry=${registry}\n`)
  write('usage.ts', `${code}\nexport {}\n`)
  write('tsconfig.json', `${JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files: ['usage.ts'] })}\n`)
}

/** Compiled rather than stripped of its types, so that a Node.js that cannot strip them runs it too. */
const COMPILER_OPTIONS = {
  module: 'nodenext',
  target: 'es2023',
  lib: ['es2024', 'esnext.disposable', 'dom'],
  strict: true,
  skipLibCheck: false,
  types: ['node'],
  typeRoots: [join(ROOT, 'node_modules/@types')]
}

/**
 * The compiler's errors but for those in other libraries' declarations, which are not ours to mend (and which most people leave
 * unchecked with `skipLibCheck`).
 */
function ownErrors(stdout: string): string {
  const foreign = /^node_modules\/(?!@starling\/)/u
  // A line that is indented belongs to the error above it.
  return stdout
    .split(/\n(?=\S)/u)
    .filter(error => !foreign.test(error.replaceAll('\\', '/')))
    .join('\n')
    .trim()
}

function countPackages(folder: string): number {
  const lock = JSON.parse(readFileSync(join(folder, '.package-lock.json'), 'utf8')) as { packages: object }
  const listed = Object.keys(lock.packages).filter(path => path !== '').length
  return listed === 0 ? readdirSync(folder).length : listed
}
