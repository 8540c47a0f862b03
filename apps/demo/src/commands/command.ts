import { parseArgs } from 'node:util'
import { UsageError, wholeNumber } from '../usage-error.ts'
import { EXIT_HELP } from './exit-code.ts'
import { suggest } from './suggest.ts'

/** One option of a command. */
export interface Option {
  /** What stands for its value in the help; without it the option is a switch. */
  readonly value?: string
  readonly repeated?: boolean
  readonly help: string
}

/** One command of the command line. */
export interface Command {
  readonly name: string
  readonly summary: string
  /** Words it takes, as the help shows them; those in brackets may be left out. */
  readonly words: readonly string[]
  readonly options: Readonly<Record<string, Option>>
  readonly examples: readonly string[]
  /** Resolves with the exit code. */
  run(given: Given, context: CommandContext): Promise<number>
}

/** What a command is run with. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal
}

const HELP: Option = { help: 'this text' }

/** What was given on the command line. */
export class Given {
  readonly words: readonly string[]
  readonly #values: Readonly<Record<string, unknown>>

  constructor(words: readonly string[], values: Readonly<Record<string, unknown>>) {
    this.words = words
    this.#values = values
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  all(name: string): readonly string[] {
    const value = this.#values[name]
    return Array.isArray(value) ? (value as string[]) : []
  }

  /** @throws UsageError for what is no whole number in the range */
  number(name: string, from: number, to: number): number | undefined {
    const text = this.text(name)
    return text === undefined ? undefined : wholeNumber(text, `--${name}`, from, to)
  }
}

/** What parsing needs of a command. */
type Syntax = Pick<Command, 'name' | 'words' | 'options'>

/** @throws UsageError with one sentence, and a suggestion where there is one */
export function parseCommand(command: Syntax, args: readonly string[]): Given {
  const options = { ...command.options, help: HELP }
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: Object.fromEntries(
        Object.entries(options).map(([name, { value, repeated = false }]) => [
          name,
          { type: value === undefined ? 'boolean' : 'string', multiple: repeated } as const
        ])
      )
    })
    const given = new Given(positionals, values)
    if (!given.flag('help')) checkWords(command, positionals)
    return given
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`${sentenceOf(error, Object.keys(options))} ${usageOf(command)}`)
  }
}

function checkWords(command: Syntax, words: readonly string[]): void {
  const needed = command.words.filter(word => !word.startsWith('['))
  if (words.length < needed.length) {
    throw new UsageError(
      `${command.name} needs ${needed.slice(words.length).join(' and ')}. ${usageOf(command)}`
    )
  }
  const extra = words[command.words.length]
  if (extra !== undefined) {
    throw new UsageError(
      `${command.name} takes no "${extra}"; a value with spaces goes in quotes. ${usageOf(command)}`
    )
  }
}

function sentenceOf(error: unknown, known: readonly string[]): string {
  const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  const unknown = /^Unknown option '-{1,2}([^']+)'/u.exec(message)?.[1]
  if (unknown === undefined) return `${message.replace(/\.$/u, '')}.`
  if (/^\d/u.test(unknown)) return `Put -- before what begins with a dash: -- -${unknown}.`
  const meant = suggest(unknown, known)
  return `There is no option --${unknown}${meant === undefined ? '.' : `; did you mean --${meant}?`}`
}

function usageOf(command: Syntax): string {
  return `Usage: starling ${[command.name, ...command.words].join(' ')} [options]; starling ${command.name} --help lists them.`
}

/** The help of one command, with its examples. */
export function helpOf(command: Command): string {
  const rows = Object.entries({ ...command.options, help: HELP }).map(
    ([name, { value, repeated, help }]) => ({
      left: `--${name}${value === undefined ? '' : ` ${value}`}`,
      right: repeated === true ? `${help} (may be repeated)` : help
    })
  )
  return [
    `starling ${[command.name, ...command.words].join(' ')} [options]`,
    '',
    command.summary,
    '',
    ...table(rows),
    '',
    'For example:',
    ...command.examples.map(example => `  ${example}`)
  ].join('\n')
}

/** The help of the whole command line. */
export function overview(commands: readonly Command[]): string {
  return [
    'starling COMMAND [options]',
    '',
    'Replicated maps without a server: run nodes, read and write them, see what they do.',
    '',
    ...table(
      commands.map(({ name, words, summary }) => ({ left: [name, ...words].join(' '), right: summary }))
    ),
    '',
    'starling COMMAND --help explains one, with an example. Where a command talks to a running node or cluster, --url or',
    'STARLING_URL says where it is, and --json prints JSON for programs.',
    '',
    EXIT_HELP
  ].join('\n')
}

function table(rows: readonly { readonly left: string; readonly right: string }[]): readonly string[] {
  const width = Math.max(...rows.map(({ left }) => left.length))
  return rows.map(({ left, right }) => `  ${left.padEnd(width)}  ${right}`)
}
