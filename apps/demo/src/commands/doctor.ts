import { resolve } from 'node:path'
import { Client, CLIENT_OPTIONS } from './client.ts'
import type { Command } from './command.ts'
import type { Finding } from './doctor/check.ts'
import { clockSkew } from './doctor/clock-check.ts'
import { contact } from './doctor/contact-check.ts'
import { addresses, nodeVersion, tcpPort, udpBuffers, udpPort } from './doctor/host-checks.ts'
import { EXIT } from './exit-code.ts'
import { columns, print, printJson } from './print.ts'

export const doctor: Command = {
  name: 'doctor',
  words: [],
  summary:
    'Checks whether a node can run here: Node, QUIC, ports, buffers, addresses; its store, its contacts, a clock.',
  options: {
    port: { value: 'PORT', help: 'the UDP port a node is to listen on (default 4001)' },
    'http-port': { value: 'PORT', help: 'the port its page is to have' },
    data: {
      value: 'DIR',
      help: "a node's folder: room, rights, and every row of its store (the node must not run)"
    },
    join: { value: 'ADDRESS', repeated: true, help: 'a contact: its name is looked up' },
    url: { value: 'URL', help: "a running node's address: its clock is compared" },
    token: CLIENT_OPTIONS.token,
    json: CLIENT_OPTIONS.json
  },
  examples: ['starling doctor', 'starling doctor --data ./a --port 4001 --url http://10.0.0.7:4100/'],
  run: async (given, context) => {
    const port = given.number('port', 1, 65_535) ?? 4001
    const httpPort = given.number('http-port', 1, 65_535)
    const data = given.text('data')
    // Loaded here, so that the other commands start without a node and a store.
    const { wholeNode } = await import('./doctor/whole-node.ts')
    const { dataFolder, store } = await import('./doctor/store-checks.ts')
    const findings: Finding[] = [nodeVersion(), await wholeNode(), await udpPort(port)]
    if (httpPort !== undefined) findings.push(await tcpPort(httpPort))
    findings.push(await udpBuffers(), addresses())
    for (const address of given.all('join')) findings.push(await contact(address))
    if (data !== undefined) findings.push(await dataFolder(resolve(data)), await store(resolve(data)))
    if (given.text('url') !== undefined) findings.push(await clockSkew(() => Client.connect(given, context)))
    if (given.flag('json')) printJson(findings)
    else print(textOf(findings))
    return findings.some(({ state }) => state === 'failed') ? EXIT.no : EXIT.done
  }
}

function textOf(findings: readonly Finding[]): string {
  const rows = columns(findings.map(({ state, check, found }) => [state, check, found])).split('\n')
  return findings
    .map(({ advice }, index) => (advice === undefined ? rows[index] : `${rows[index]}\n         → ${advice}`))
    .join('\n')
}
