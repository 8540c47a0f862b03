import { addAbortSignal } from 'node:stream'
import { text as readText } from 'node:stream/consumers'
import type { WrittenEntry } from '../api/types.ts'
import { parseValue } from '../prompt.ts'
import { UsageError } from '../usage-error.ts'
import { Client, CLIENT_OPTIONS, mapPath, ProblemError } from './client.ts'
import type { Command, Given, Option } from './command.ts'
import { EXIT } from './exit-code.ts'
import { MAP_OPTION } from './get.ts'
import { print, printJson, remark } from './print.ts'

const REPLICAS_OPTIONS = {
  replicas: { value: 'N', help: 'wait until it is on the disks of so many nodes' },
  timeout: { value: 'MS', help: 'how long to wait for them (default 5000)' }
} satisfies Readonly<Record<string, Option>>

export const set: Command = {
  name: 'set',
  words: ['KEY', 'VALUE'],
  summary: 'Writes a value: JSON where it is JSON, else the text itself; "-" reads it from standard input.',
  options: {
    ...MAP_OPTION,
    text: { help: 'take the value as text, even where it is JSON' },
    ttl: { value: 'MS', help: 'how long it lives' },
    'if-version': { value: 'VERSION', help: 'only if the key is at this version (exit code 5 if not)' },
    'if-absent': { help: 'only if there is none (exit code 5 if there is)' },
    ...REPLICAS_OPTIONS,
    ...CLIENT_OPTIONS
  },
  examples: [
    'starling set colour blue',
    `starling set checkout-v2 '{"on": true}' --replicas 2`,
    'starling set note - < note.json'
  ],
  run: async (given, context) => {
    const [key = '', word = ''] = given.words
    const headers = conditionOf(given)
    const query = queryOf(given, ['ttl', 'replicas', 'timeout'])
    const client = await Client.connect(given, context)
    const text = word === '-' ? await readText(addAbortSignal(context.signal, process.stdin)) : word
    const value = given.flag('text') ? text : parseValue(text)
    const written = (await client.json(`${mapPath(given.text('map') ?? 'demo', 'entries', key)}?${query}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(value)
    })) as WrittenEntry
    if (given.flag('json')) printJson(written)
    else print('ok: on disk there, and on its way')
    return EXIT.done
  }
}

export const del: Command = {
  name: 'del',
  words: ['KEY'],
  summary: 'Removes a key.',
  options: {
    ...MAP_OPTION,
    'if-version': { value: 'VERSION', help: 'only if the key is at this version (exit code 5 if not)' },
    ...REPLICAS_OPTIONS,
    ...CLIENT_OPTIONS
  },
  examples: ['starling del colour'],
  run: async (given, context) => {
    const [key = ''] = given.words
    const headers = conditionOf(given)
    const query = queryOf(given, ['replicas', 'timeout'])
    const client = await Client.connect(given, context)
    const path = `${mapPath(given.text('map') ?? 'demo', 'entries', key)}?${query}`
    const removed = await client
      .ask(path, { method: 'DELETE', headers }, () => Promise.resolve(true))
      .catch(absent)
    if (given.flag('json')) printJson({ key, removed })
    else if (removed) print('ok: removed')
    else remark(`"${key}": it is not here.`)
    return removed ? EXIT.done : EXIT.no
  }
}

/** False for the word that the key is absent. @throws whatever else it is */
export function absent(error: unknown): false {
  if (error instanceof ProblemError && error.problem.name === 'NoSuchKeyError') return false
  throw error
}

function conditionOf(given: Given): Record<string, string> {
  const version = given.text('if-version')
  const absent = given.flag('if-absent')
  if (version !== undefined && absent)
    throw new UsageError('--if-version and --if-absent contradict each other.')
  if (absent) return { 'if-none-match': '*' }
  return version === undefined ? {} : { 'if-match': `"${version}"` }
}

/** The options as the API calls them. */
const QUERY_NAMES = { ttl: 'ttlMs', replicas: 'replicas', timeout: 'timeoutMs' } as const

function queryOf(given: Given, names: readonly (keyof typeof QUERY_NAMES)[]): string {
  const query = new URLSearchParams()
  for (const name of names) {
    const value = given.number(name, 1, Number.MAX_SAFE_INTEGER)
    if (value !== undefined) query.set(QUERY_NAMES[name], String(value))
  }
  return query.toString()
}
