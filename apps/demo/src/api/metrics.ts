import type { StarlingNode } from '@starling/node'

/** Every number of an inspection as a gauge in Prometheus's text form, named by its place. */
export function metricsText(node: StarlingNode): string {
  const { maps, swarms, sessions, streams, gossip, store } = node.inspect()
  const lines: string[] = []
  for (const [part, numbers] of Object.entries({ sessions, streams, gossip, store })) {
    collect(`starling_${part}`, '', numbers, lines)
  }
  for (const { name, stats } of maps) collect('starling_map', `{map=${JSON.stringify(name)}}`, stats, lines)
  for (const { topic, stats } of swarms)
    collect('starling_topic', `{topic=${JSON.stringify(topic)}}`, stats, lines)
  return `${lines.join('\n')}\n`
}

function collect(name: string, label: string, value: unknown, lines: string[]): void {
  if (typeof value === 'number') lines.push(`${name}${label} ${value}`)
  else if (typeof value === 'boolean') lines.push(`${name}${label} ${value ? 1 : 0}`)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, part] of Object.entries(value)) collect(`${name}_${snake(key)}`, label, part, lines)
  }
}

const snake = (name: string): string =>
  name
    .replaceAll(/[^a-z\d]+/giu, '_')
    .replaceAll(/([a-z\d])([A-Z])/gu, '$1_$2')
    .toLowerCase()
