import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { mustRun } from './command.ts'

const DOWNLOAD_TIMEOUT_MS = 300_000

export interface NodeRelease {
  /** `v22.23.1` */
  readonly version: string
  readonly program: string
  /** The environment in which `node` and `npm` are this release. */
  readonly env: NodeJS.ProcessEnv
}

/**
 * Brings a Node.js through the `node` package of the npm registry.
 *
 * @param wanted A major version, or a whole one.
 */
export async function bringNode(wanted: string, folder: string): Promise<NodeRelease> {
  const home = join(folder, `node-${wanted}`)
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n')
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', `node@${wanted}`]
  await mustRun(`bringing Node.js ${wanted}`, 'npm', args, { cwd: home, timeoutMs: DOWNLOAD_TIMEOUT_MS })
  const program = join(home, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (!existsSync(program)) throw new Error(`the package node@${wanted} brought no ${program}`)
  const env = { ...process.env, PATH: [dirname(program), process.env['PATH']].join(delimiter) }
  const { stdout } = await mustRun('node --version', program, ['--version'], { cwd: home, timeoutMs: 10_000 })
  return { version: stdout.trim(), program, env }
}

/** The Node.js that runs this. */
export function thisNode(): NodeRelease {
  const env = { ...process.env, PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter) }
  return { version: process.version, program: process.execPath, env }
}
