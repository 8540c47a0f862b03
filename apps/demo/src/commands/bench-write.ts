import { randomBytes } from 'node:crypto'
import { Client, CLIENT_OPTIONS, mapPath } from './client.ts'
import type { Command } from './command.ts'
import { EXIT } from './exit-code.ts'
import { MAP_OPTION } from './get.ts'
import { absent } from './set.ts'
import { columns, print, printJson, remark } from './print.ts'
import { Progress } from './progress.ts'

export const benchWrite: Command = {
  name: 'bench-write',
  words: [],
  summary: 'Writes many small values over HTTP and says how fast they were acknowledged; then removes them.',
  options: {
    ...MAP_OPTION,
    count: { value: 'N', help: 'how many writes (default 1000)' },
    window: { value: 'N', help: 'how many at a time (default 32)' },
    bytes: { value: 'N', help: 'how long each value is (default 100)' },
    keep: { help: 'leave the entries there' },
    ...CLIENT_OPTIONS
  },
  examples: ['starling bench-write', 'starling bench-write --count 10000 --window 64 --json'],
  run: async (given, context) => {
    const count = given.number('count', 1, 1_000_000) ?? 1000
    const window = given.number('window', 1, 128) ?? 32
    const value = JSON.stringify('x'.repeat(given.number('bytes', 1, 60_000) ?? 100))
    const client = await Client.connect(given, context)
    const map = given.text('map') ?? 'demo'
    const run = randomBytes(4).toString('hex')
    const path = (index: number): string => mapPath(map, 'entries', `bench/${run}/${index}`)
    const { signal } = context
    // A write that is cut off could still arrive after its removal: what was begun is waited for.
    const toTheEnd = new AbortController().signal
    const timesMs: number[] = []
    const startedMs = performance.now()
    const written = await each({ what: 'writes', count, window, signal }, async index => {
      const sentMs = performance.now()
      const headers = { 'content-type': 'application/json' }
      await client.ask(path(index), { method: 'PUT', headers, body: value, signal: toTheEnd }, read)
      timesMs.push(performance.now() - sentMs)
    })
    const tookMs = performance.now() - startedMs
    // What was written is removed also after Ctrl-C, and where a write was refused.
    const removed = given.flag('keep')
      ? undefined
      : await each({ what: 'removals', count: written.begun, window }, async index => {
          await client.ask(path(index), { method: 'DELETE', signal: toTheEnd }, read).catch(absent)
        })
    if (removed === undefined || removed.failed !== undefined) remark(`the entries are below bench/${run}/`)
    const failed = written.failed ?? removed?.failed
    if (failed !== undefined) throw failed.error
    report(given.flag('json'), timesMs, tookMs, window)
    return signal.aborted ? EXIT.interrupted : EXIT.done
  }
}

const read = (response: Response): Promise<ArrayBuffer> => response.arrayBuffer()

interface Work {
  readonly what: string
  readonly count: number
  readonly window: number
  readonly signal?: AbortSignal
}

/** How far it went, and what ended it early. */
interface Outcome {
  readonly begun: number
  readonly failed: { readonly error: unknown } | undefined
}

/** Does one thing for every index, some at a time, until one fails. */
async function each(
  { what, count, window, signal }: Work,
  one: (index: number) => Promise<void>
): Promise<Outcome> {
  const progress = new Progress(what, count)
  let next = 0
  let done = 0
  let failed: Outcome['failed']
  const drain = async (): Promise<void> => {
    while (next < count && failed === undefined && signal?.aborted !== true) {
      await one(next++).catch((error: unknown) => {
        failed ??= { error }
      })
      progress.at(++done)
    }
  }
  await Promise.all(Array.from({ length: Math.min(window, count) }, drain))
  progress.end()
  return { begun: next, failed }
}

function report(json: boolean, timesMs: number[], tookMs: number, window: number): void {
  timesMs.sort((a, b) => a - b)
  const at = (share: number): number =>
    timesMs[Math.min(timesMs.length - 1, Math.floor(timesMs.length * share))] ?? 0
  const round = (ms: number): number => Math.round(ms * 100) / 100
  const result = {
    writes: timesMs.length,
    window,
    writesPerSecond: Math.round((timesMs.length / tookMs) * 1000),
    p50Ms: round(at(0.5)),
    p99Ms: round(at(0.99)),
    maxMs: round(timesMs.at(-1) ?? 0)
  }
  if (json) printJson(result)
  else print(columns(Object.entries(result).map(([name, value]) => [name, String(value)])))
}
