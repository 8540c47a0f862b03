import { spawn } from 'node:child_process'
import { join } from 'node:path'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs one of the programs to its end, with nothing in its environment that would change what it does. */
export function run(
  program: 'demo' | 'node' | 'starling',
  args: readonly string[],
  { input = '', environment = {} }: { input?: string; environment?: Record<string, string> } = {}
): Promise<Ended> {
  const child = spawn(process.execPath, [join(import.meta.dirname, `../../dist/${program}.js`), ...args], {
    env: { ...cleanEnvironment(), ...environment }
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', chunk => (stdout += String(chunk)))
  child.stderr.on('data', chunk => (stderr += String(chunk)))
  child.stdin.end(input)
  return new Promise(resolve => child.on('close', code => resolve({ code, stdout, stderr })))
}

export function cleanEnvironment(): NodeJS.ProcessEnv {
  const environment = { ...process.env }
  for (const name of ['CLUSTER_SECRET', 'STARLING_URL', 'STARLING_TOKEN']) delete environment[name]
  return environment
}
