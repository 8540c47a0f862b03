import type { Change } from '../api/types.ts'
import { UsageError } from '../usage-error.ts'
import { Client, CLIENT_OPTIONS, mapPath, NoServerError, ProblemError } from './client.ts'
import type { Command, CommandContext, Given } from './command.ts'
import { EXIT } from './exit-code.ts'
import { MAP_OPTION } from './get.ts'
import { print, printJson, remark, shown } from './print.ts'

/** Between two attempts to go on after the node went away, ms. */
const RETRY_MS = 1000

export const watch: Command = {
  name: 'watch',
  words: [],
  summary:
    'Prints every change of a map as it comes, until Ctrl-C. It waits for a node that goes away, and goes on.',
  options: {
    ...MAP_OPTION,
    from: {
      value: 'POINT',
      help: 'snapshot: begin with what is there; now: with the next change (default now)'
    },
    prefix: { value: 'TEXT', help: 'only keys that begin so' },
    count: { value: 'N', help: 'end after so many changes' },
    ...CLIENT_OPTIONS
  },
  examples: ['starling watch', 'starling watch --from snapshot --prefix flags/ --json'],
  run: async (given, context) => {
    const from = given.text('from') ?? 'now'
    if (from !== 'now' && from !== 'snapshot') {
      throw new UsageError(`--from takes snapshot or now, got "${from}".`)
    }
    const printer = new Printer(given)
    const client = await Client.connect(given, context)
    for (let again = false; !context.signal.aborted; again = true) {
      try {
        if (await follow(client, { given, context, from, again }, printer)) return EXIT.done
      } catch (error) {
        if (context.signal.aborted) break
        if (!isAway(error) || (!again && !(error instanceof TypeError))) throw error
      }
      remark('the node went away; waiting for it')
      await pause(context.signal)
    }
    return EXIT.interrupted
  }
}

/** Whether a node that has answered may answer again: it is gone, its stream was cut, or its cluster says that it does not run. */
function isAway(error: unknown): boolean {
  if (error instanceof ProblemError) return error.problem.name === 'MemberUnavailableError'
  return error instanceof NoServerError || error instanceof TypeError
}

interface Following {
  readonly given: Given
  readonly context: CommandContext
  readonly from: string
  readonly again: boolean
}

/** Whether everything that was asked for has been printed; else the stream has ended. */
async function follow(
  client: Client,
  { given, context: { signal }, from, again }: Following,
  printer: Printer
): Promise<boolean> {
  // Whoever comes back says so, and is told that it may have missed something.
  const headers = again ? { 'last-event-id': 'again' } : {}
  const path = `${mapPath(given.text('map') ?? 'demo', 'watch')}?from=${from}`
  for await (const { name, data } of client.events(path, { signal, headers })) {
    if (name === 'change' && printer.take(data as Change)) return true
  }
  return false
}

class Printer {
  readonly #json: boolean
  readonly #prefix: string
  #left: number

  constructor(given: Given) {
    this.#json = given.flag('json')
    this.#prefix = given.text('prefix') ?? ''
    this.#left = given.number('count', 1, Number.MAX_SAFE_INTEGER) ?? Infinity
  }

  /** Whether that was the last change to print. */
  take(change: Change): boolean {
    if (change.type !== 'resync' && change.key?.startsWith(this.#prefix) !== true) return false
    if (this.#json) printJson(change)
    else print(lineOf(change))
    return --this.#left === 0
  }
}

function lineOf({ type, key = '', value }: Change): string {
  if (type === 'resync') return 'resync: changes were missed, what follows is how things are'
  if (value === undefined) return `${type} ${shown(key)}`
  return `${type} ${shown(key)} = ${shown(value)}`
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const over = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', over)
      resolve()
    }
    const timer = setTimeout(over, RETRY_MS)
    signal.addEventListener('abort', over)
  })
}
