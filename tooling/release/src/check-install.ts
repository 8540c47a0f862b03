/** The program behind `npm run check:install`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { installAlone, type Installed } from './install-alone.ts'
import { startRegistry } from './local-registry.ts'
import { bringNode, thisNode, type NodeRelease } from './node-release.ts'
import { packAll, type PackedPackage } from './pack.ts'

/** The lines of Node.js that are supported. */
const NODE_LINES = ['22', '24', '26']

const USAGE = `npm run check:install [-- --package NAME…] [--node VERSION…] [--json] [--keep]
Packs every public package, installs each alone in an empty project as its README says, type-checks and runs its example.
  --package NAME   only this one, for example hlc; may be given several times
  --node VERSION   22, 24, 26 (all three when not given), a whole version, or "this"; may be given several times
  --json           lines of JSON on standard output
  --keep           leave the projects where they are, and say where`

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const asked = readArguments(args)
  if (typeof asked === 'string') {
    process.stderr.write(`${asked}\n`)
    return 2
  }
  const work = mkdtempSync(join(tmpdir(), 'starling-install-'))
  process.on('exit', () => {
    if (!asked.keep) rmSync(work, { recursive: true, force: true })
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
  say('Packing…')
  const packed = await packAll(join(work, 'tarballs'))
  const unknown = asked.packages.filter(name => !packed.some(({ short }) => short === name))
  if (unknown.length > 0) {
    say(
      `There is no public package ${unknown.join(', ')}; there are ${packed.map(({ short }) => short).join(', ')}.`
    )
    return 2
  }
  const chosen = packed.filter(({ short }) => asked.packages.length === 0 || asked.packages.includes(short))
  const registry = await startRegistry(packed)
  try {
    const results: Installed[] = []
    const total = chosen.length * asked.nodes.length
    for (const wanted of asked.nodes) {
      say(`Node.js ${wanted}…`)
      const node = wanted === 'this' ? thisNode() : await bringNode(wanted, work)
      for (const each of chosen) {
        results.push(await one(each, node, registry.url, work))
        report(results, total, asked.json)
      }
    }
    return summary(results, asked.json)
  } finally {
    await registry.close()
    if (asked.keep) say(`The projects are in ${work}`)
  }
}

async function one(
  each: PackedPackage,
  node: NodeRelease,
  registry: string,
  work: string
): Promise<Installed> {
  const result = await installAlone(each, node, registry, work)
  rmSync(join(work, `${each.short}-${node.version}`, 'data'), { recursive: true, force: true })
  return result
}

function report(results: readonly Installed[], total: number, json: boolean): void {
  const last = results.at(-1)
  if (last === undefined) return
  const { package: name, node, packages, installMs, typesMs, runMs, problem } = last
  if (json)
    process.stdout.write(`${JSON.stringify({ type: 'installed', ok: problem === undefined, ...last })}\n`)
  const mark = problem === undefined ? '✓' : '✗'
  const [install, types, run] = [installMs, typesMs, runMs].map(ms => `${(ms / 1_000).toFixed(1)} s`)
  say(
    `${mark} ${results.length}/${total} ${name} on Node.js ${node}: ${packages} packages in ${install}, types ${types}, run ${run}`
  )
  if (problem !== undefined) say(`  ${problem.replaceAll('\n', '\n  ')}`)
}

function summary(results: readonly Installed[], json: boolean): number {
  const failed = results.filter(({ problem }) => problem !== undefined).length
  const nodes = [...new Set(results.map(({ node }) => node))]
  const line = { ok: failed === 0, installed: results.length - failed, failed, nodes }
  const text = `${line.installed} installed alone, ${failed} failed (Node.js ${nodes.join(', ')})`
  process.stdout.write(json ? `${JSON.stringify(line)}\n` : `${text}\n`)
  return failed === 0 ? 0 : 1
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

interface Asked {
  readonly packages: readonly string[]
  readonly nodes: readonly string[]
  readonly json: boolean
  readonly keep: boolean
}

/** What was asked for, or what to tell who asked. */
function readArguments(args: readonly string[]): Asked | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        package: { type: 'string', multiple: true, default: [] },
        node: { type: 'string', multiple: true, default: NODE_LINES },
        json: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false }
      }
    })
    if (values.help) return USAGE
    const wrong = values.node.filter(version => !/^(?:this|\d+(?:\.\d+\.\d+)?)$/u.test(version))
    if (wrong.length > 0)
      return `--node takes a version such as 22 or 22.2.0, not ${wrong.join(', ')}\n\n${USAGE}`
    const packages = values.package.map(name => name.replace('@starling/', ''))
    return { packages, nodes: values.node, json: values.json, keep: values.keep }
  } catch (error) {
    return `${(error as Error).message}\n\n${USAGE}`
  }
}
