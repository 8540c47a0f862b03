import { UsageError } from '../usage-error.ts'
import { benchWrite } from './bench-write.ts'
import { NoServerError, ProblemError } from './client.ts'
import { helpOf, overview, parseCommand, type Command, type CommandContext } from './command.ts'
import { doctor } from './doctor.ts'
import { EXIT } from './exit-code.ts'
import { get } from './get.ts'
import { inspect } from './inspect.ts'
import { node } from './node.ts'
import { print, remark } from './print.ts'
import { del, set } from './set.ts'
import { suggest } from './suggest.ts'
import { up } from './up.ts'
import { watch } from './watch.ts'

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [up, node, get, set, del, watch, inspect, benchWrite, doctor]

/** Runs the command line and resolves with the exit code; whatever goes wrong is one sentence on standard error. */
export async function main(args: readonly string[]): Promise<number> {
  const stop = new AbortController()
  const onSignal = (): void => stop.abort(new Error('interrupted'))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal)
  // Whoever read the output is gone (a pipe into head): there is nobody to print for.
  process.stdout.on('error', onSignal)
  try {
    return await dispatch(args, { environment: process.env, signal: stop.signal })
  } catch (error) {
    if (stop.signal.aborted) return EXIT.interrupted
    remark(error instanceof Error ? error.message : String(error))
    return exitCodeOf(error)
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal)
  }
}

async function dispatch([name, ...args]: readonly string[], context: CommandContext): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    const about = name === 'help' && args[0] !== undefined ? commandOf(args[0]) : undefined
    print(about === undefined ? overview(COMMANDS) : helpOf(about))
    return name === undefined ? EXIT.usage : EXIT.done
  }
  const command = commandOf(name)
  const given = parseCommand(command, args)
  if (!given.flag('help')) return await command.run(given, context)
  print(helpOf(command))
  return EXIT.done
}

function commandOf(name: string): Command {
  const command = COMMANDS.find(each => each.name === name)
  if (command !== undefined) return command
  const names = COMMANDS.map(each => each.name)
  const meant = suggest(name, names)
  throw new UsageError(
    `There is no command "${name}"${meant === undefined ? `; there are ${names.join(', ')}.` : `; did you mean ${meant}?`}`
  )
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage
  if (error instanceof NoServerError) return EXIT.unreachable
  if (error instanceof ProblemError) return error.problem.status === 412 ? EXIT.changed : EXIT.refused
  // An error with a name is about what was given: a folder, a port, an address, a secret. Anything else is a bug of ours.
  return error instanceof Error && error.name !== 'Error' ? EXIT.usage : EXIT.no
}
