/** The program behind `npm run check:mixed`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runMixedCluster } from './mixed/mixed-cluster.ts'
import { NodeProcess } from './mixed/node-process.ts'
import { installPacked, installPrevious } from './mixed/releases.ts'
import { packAll } from './pack.ts'

const USAGE = `npm run check:mixed [-- --previous VERSION|FOLDER] [--nodes N] [--keys N] [--json]
Runs one cluster of the previous release and this one, writes on each node, upgrades one, and sees that all agree.
  --previous   a published version, or a folder of packed packages; the newest published version when not given, and before the
               first release this commit once more
  --nodes N    3 to 20 (default 4), half of each release
  --keys N     1 to 10000 (default 200) that each node writes in each phase
  --json       the result as a line of JSON`

process.exitCode = await main()

interface Asked {
  readonly previous: string | undefined
  readonly nodes: number
  readonly keys: number
  readonly json: boolean
}

async function main(): Promise<number> {
  const asked = readArguments()
  if (typeof asked === 'string') {
    process.stderr.write(`${asked}\n`)
    return 2
  }
  const say = (text: string): void => void process.stderr.write(`${text}\n`)
  const work = mkdtempSync(join(tmpdir(), 'starling-mixed-'))
  process.on('exit', () => rmSync(work, { recursive: true, force: true, maxRetries: 5 }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
  try {
    say('Packing and installing this release…')
    const packed = await packAll(join(work, 'tarballs'))
    const current = await installPacked('this', packed, work)
    say('Installing the previous release…')
    const previous = await installPrevious(asked.previous, packed, work)
    say(`This release: ${current.title}. The previous one: ${previous.title}.`)
    const result = await runMixedCluster({ previous, current }, { ...asked, work, say })
    const line = { converged: true, this: current.title, previous: previous.title, ...result }
    const text = `${result.nodes} nodes of two releases agree on ${result.keys} keys, before and after an upgrade`
    process.stdout.write(asked.json ? `${JSON.stringify(line)}\n` : `${text}\n`)
    return 0
  } catch (error) {
    const { message } = error as Error
    process.stdout.write(
      asked.json ? `${JSON.stringify({ converged: false, problem: message })}\n` : `${message}\n`
    )
    return 1
  } finally {
    NodeProcess.killAll()
  }
}

/** What was asked for, or what to tell who asked. */
function readArguments(): Asked | string {
  try {
    const { values } = parseArgs({
      options: {
        previous: { type: 'string' },
        nodes: { type: 'string', default: '4' },
        keys: { type: 'string', default: '200' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false }
      }
    })
    if (values.help) return USAGE
    const { previous, json } = values
    const nodes = whole('--nodes', values.nodes, 3, 20)
    const keys = whole('--keys', values.keys, 1, 10_000)
    return { previous, nodes, keys, json }
  } catch (error) {
    return `${(error as Error).message}\n\n${USAGE}`
  }
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value
  throw new RangeError(`${name} takes a whole number from ${min} to ${max}, not ${text}`)
}
