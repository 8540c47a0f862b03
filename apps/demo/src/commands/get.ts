import type { Entry, EntryPage } from '../api/types.ts'
import { UsageError } from '../usage-error.ts'
import { Client, CLIENT_OPTIONS, mapPath, ProblemError } from './client.ts'
import type { Command, Given, Option } from './command.ts'
import { EXIT } from './exit-code.ts'
import { columns, entryLine, print, printJson, remark, shown } from './print.ts'

/** Entries asked for at a time. */
const PAGE = 1000

export const MAP_OPTION: { readonly map: Option } = { map: { value: 'NAME', help: 'the map (default demo)' } }

export const get: Command = {
  name: 'get',
  words: ['[KEY]'],
  summary: 'Prints the value of a key, or every entry whose key begins with --prefix.',
  options: {
    ...MAP_OPTION,
    prefix: { value: 'TEXT', help: 'print all entries whose key begins so; "" for all' },
    ...CLIENT_OPTIONS
  },
  examples: ['starling get colour', 'starling get --prefix flags/ --json'],
  run: async (given, context) => {
    const [key] = given.words
    const prefix = given.text('prefix')
    if ((key === undefined) === (prefix === undefined)) {
      throw new UsageError(
        'get takes either a key or --prefix: starling get colour, or starling get --prefix flags/'
      )
    }
    const client = await Client.connect(given, context)
    return key === undefined ? await list(client, given, prefix ?? '') : await one(client, given, key)
  }
}

async function one(client: Client, given: Given, key: string): Promise<number> {
  try {
    const entry = (await client.json(mapPath(given.text('map') ?? 'demo', 'entries', key))) as Entry
    if (given.flag('json')) printJson(entry)
    else print(entryLine(entry))
    return EXIT.done
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.name !== 'NoSuchKeyError') throw error
    remark(`"${key}": ${error.message}`)
    return EXIT.no
  }
}

async function list(client: Client, given: Given, prefix: string): Promise<number> {
  const path = mapPath(given.text('map') ?? 'demo', 'entries')
  let after: string | undefined
  do {
    const query = new URLSearchParams({
      prefix,
      limit: String(PAGE),
      ...(after === undefined ? {} : { after })
    })
    const page = (await client.json(`${path}?${query}`)) as EntryPage
    if (given.flag('json')) for (const entry of page.entries) printJson(entry)
    else if (page.entries.length > 0)
      print(columns(page.entries.map(entry => [shown(entry.key), entryLine(entry)])))
    after = page.next
  } while (after !== undefined)
  return EXIT.done
}
