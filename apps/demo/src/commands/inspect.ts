import type { Inspection, NodeInfo } from '../api/types.ts'
import { Client, CLIENT_OPTIONS } from './client.ts'
import type { Command } from './command.ts'
import { EXIT } from './exit-code.ts'
import { columns, print, printJson } from './print.ts'

export const inspect: Command = {
  name: 'inspect',
  words: [],
  summary:
    'Shows how a node is: its peers, links, maps and what is wrong with them; with --json, everything it knows.',
  options: CLIENT_OPTIONS,
  examples: ['starling inspect', 'starling inspect --json | jq .maps'],
  run: async (given, context) => {
    const client = await Client.connect(given, context)
    const inspection = (await client.json('inspect')) as Inspection
    if (given.flag('json')) printJson(inspection)
    else print(summary((await client.json('node')) as NodeInfo, inspection))
    return EXIT.done
  }
}

function summary(info: NodeInfo, { peers, maps, swarms, totals }: Inspection): string {
  const sections = [
    `node ${info.name} of cluster "${info.cluster}", up since ${new Date(info.startedAtMs).toISOString()}`,
    columns([['  id', info.id], ...info.addresses.map(address => ['  at', address])]),
    `peers: ${peers.length}`,
    ...optional(
      peers.map(({ peer, status, rttMs }) => [
        `  ${peer}`,
        status,
        rttMs === undefined ? '' : `${rttMs.toFixed(1)} ms`
      ])
    ),
    'maps:',
    ...optional(
      maps.map(({ name, size, health, lagging }) => [
        `  ${name}`,
        `${size} keys`,
        health.ok ? 'well' : health.states.join(', '),
        lagging.length === 0 ? '' : `${lagging.length} peers hold something else`
      ])
    ),
    'links:',
    ...optional(
      swarms.map(({ topic, links, passive }) => [
        `  ${topic}`,
        `${links.filter(({ eager }) => eager).length} eager`,
        `${links.filter(({ eager }) => !eager).length} lazy`,
        `${passive} spare`
      ])
    ),
    `messages: ${totals.messagesSent} sent, ${totals.messagesReceived} received; bytes: ${totals.bytesSent} sent, ${totals.bytesReceived} received`
  ]
  return sections.join('\n')
}

const optional = (rows: readonly (readonly string[])[]): readonly string[] =>
  rows.length === 0 ? ['  none'] : [columns(rows)]
