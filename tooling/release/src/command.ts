import { spawn, type ChildProcess } from 'node:child_process'

export interface CommandOptions {
  readonly cwd: string
  readonly env?: NodeJS.ProcessEnv
  /** Milliseconds until it is ended. */
  readonly timeoutMs: number
}

export interface CommandResult {
  /** `null` when it was ended for its time. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

/** A command ended badly. The message holds what it said. */
export class CommandError extends Error {
  override readonly name = 'CommandError'

  constructor(title: string, result: CommandResult) {
    const ending = result.code === null ? 'took too long' : `ended with ${result.code}`
    super(`${title} ${ending}:\n${tail(`${result.stdout}\n${result.stderr}`.trim())}`)
  }
}

/** What is kept of the output of a command that failed, characters. */
const OUTPUT_CHARS_MAX = 4_000

function tail(text: string): string {
  return text.length <= OUTPUT_CHARS_MAX ? text : `…${text.slice(-OUTPUT_CHARS_MAX)}`
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Runs a program to its end and keeps what it printed. It rejects only when the program cannot be started. */
export async function run(
  program: string,
  args: readonly string[],
  { cwd, env = process.env, timeoutMs }: CommandOptions
): Promise<CommandResult> {
  const startedMs = performance.now()
  const child = spawn(program, args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    // npm and pnpm are scripts there.
    shell: process.platform === 'win32' && program !== process.execPath
  })
  running.add(child)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', chunk => (stdout += chunk))
  child.stderr.on('data', chunk => (stderr += chunk))
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, timeoutMs)
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', resolve)
    })
    return { code: late ? null : (code ?? 1), stdout, stderr, ms: performance.now() - startedMs }
  } finally {
    clearTimeout(timer)
    running.delete(child)
  }
}

/** The same, for a command that must succeed. Rejects with a {@link CommandError}. */
export async function mustRun(
  title: string,
  program: string,
  args: readonly string[],
  options: CommandOptions
): Promise<CommandResult> {
  const result = await run(program, args, options)
  if (result.code !== 0) throw new CommandError(title, result)
  return result
}
