import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './markdown.ts'

/** One number, text or list of a package's `config.ts`. */
export interface Limit {
  /** `PEERS_MAX`, or `SYNC_DEFAULTS.topicsMax` for one of several. */
  readonly name: string
  readonly value: unknown
  /** What its comment says. */
  readonly doc: string
}

/** Everything that a package's `config.ts` exports as data, in its order. */
export async function limitsOf(name: string): Promise<Limit[]> {
  const path = join(ROOT, 'packages', name, 'src/config.ts')
  const module = (await import(path)) as Record<string, unknown>
  const { constants, fields } = commentsIn(readFileSync(path, 'utf8'))
  const data = Object.keys(module)
    .filter(key => typeof module[key] !== 'function')
    .map(key => [key, module[key]] as const)
  // Gossip fills in its defaults in a function, since they lean on those of two other packages.
  const { gossipConfig } = module as { gossipConfig?: () => object }
  if (gossipConfig !== undefined) data.push(['GossipInit', withoutParts(gossipConfig())])
  return data
    .sort(
      ([a], [b]) =>
        constants.findIndex(each => each.name === a) - constants.findIndex(each => each.name === b)
    )
    .flatMap(([key, value]) => {
      const doc = constants.find(each => each.name === key)?.doc ?? ''
      return leaves(key, value, doc, fields)
    })
}

/** Its own settings, without those that have a table elsewhere. */
function withoutParts(config: object): object {
  return Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'overlay' && key !== 'tree'))
}

function leaves(name: string, value: unknown, doc: string, fields: ReadonlyMap<string, string>): Limit[] {
  if (typeof value === 'function') return []
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [{ name, value, doc }]
  return Object.entries(value).flatMap(([key, part]) =>
    leaves(`${name}.${key}`, part, fields.get(key) ?? doc, fields)
  )
}

interface Comments {
  readonly constants: readonly { readonly name: string; readonly doc: string }[]
  /** By the name of a field of an interface. */
  readonly fields: ReadonlyMap<string, string>
}

/** The comments above constants and fields. One comment may stand for several that follow each other. */
function commentsIn(source: string): Comments {
  const constants: { name: string; doc: string }[] = []
  const fields = new Map<string, string>()
  const pattern =
    /\/\*\*(?<doc>[\s\S]*?)\*\/|^export (?:const|interface) (?<constant>\w+)|^ {2}readonly (?<field>\w+)\??:|(?<gap>\n\n)/gmu
  let doc = ''
  for (const { groups } of source.matchAll(pattern)) {
    if (groups?.['doc'] !== undefined) doc = flat(groups['doc'])
    else if (groups?.['constant'] !== undefined) constants.push({ name: groups['constant'], doc })
    else if (groups?.['field'] !== undefined) fields.set(groups['field'], doc)
    else doc = ''
  }
  return { constants, fields }
}

function flat(comment: string): string {
  return comment
    .replaceAll(/^\s*\* ?/gmu, '')
    .replaceAll(/\{@link (?<name>[^}]*)\}/gu, '`$<name>`')
    .replaceAll(/\s+/gu, ' ')
    .trim()
}

type Units = readonly (readonly [size: number, name: string])[]

const BYTES: Units = [
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
  [1, 'bytes']
]
const TIMES: Units = [
  [86_400_000, 'days'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
  [1, 'ms']
]
const PLAIN = [1, ''] as const
const IN_BYTES = /[bB]ytes|BYTES|StreamData|ConnectionData|WindowSize|MessageSize|BufferSize|BufferLength/u
const IN_MS = /Ms(?:$|[A-Z])|_MS(?:$|_)|Timeout|Interval/u

/** A value as people read it: `64 KiB`, `30 s`, `1,000,000`. */
export function show({ name, value }: Limit): string {
  if (typeof value === 'string') return `\`${value}\``
  if (Array.isArray(value)) {
    return value.map(each => show({ name, value: each as unknown, doc: '' })).join(', ')
  }
  if (typeof value !== 'number') return String(value)
  if (value === Number.MAX_SAFE_INTEGER || value === Infinity) return 'none'
  const units = IN_MS.test(name) ? TIMES : IN_BYTES.test(name) && !/_PER_|Ratio/u.test(name) ? BYTES : []
  const [size, unit] =
    units.find(([each, of]) => value % each === 0 && value >= (of === 'days' ? 2 * each : each)) ?? PLAIN
  return `${(value / size).toLocaleString('en-US')} ${unit}`.trim()
}
