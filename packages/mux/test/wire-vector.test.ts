import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { concat, drain } from '../src/contract/probes.ts'
import { InMemoryConnection, inMemoryHost } from './support/in-memory-network.ts'
import type { InMemoryStream } from './support/in-memory-stream.ts'
import { ManualTimers } from '../src/contract/manual-timers.ts'

/** The bytes of one side in the page's last code block. */
function vector(page: string, side: 'opener' | 'acceptor'): string {
  const block = page.slice(page.lastIndexOf('```\nopener'))
  let current = ''
  let hex = ''
  for (const line of block.split('\n').slice(1, -1)) {
    const name = line.slice(0, 10).trim()
    if (name !== '') current = name
    if (current === side) hex += line.slice(10, 47).trim() + ' '
  }
  return hex.trim()
}

/** Keeps what a stream sends. */
function tap(stream: InMemoryStream): Uint8Array[] {
  const sent: Uint8Array[] = []
  const send = stream.sendData.bind(stream)
  stream.sendData = data => {
    sent.push(data.slice())
    return send(data)
  }
  return sent
}

const hex = (pieces: Uint8Array[]): string =>
  [...concat(pieces)].map(byte => byte.toString(16).padStart(2, '0')).join(' ')

test('the test vector of the wire page is what goes over the wire', async () => {
  const page = readFileSync(new URL('../../../docs/wire/mux.md', import.meta.url), 'utf8')
  const timers = new ManualTimers()
  const acceptor = await inMemoryHost('acceptor', { windowBytes: 65_536 }, timers)
  const dialler = await inMemoryHost('dialler', {}, timers)
  const done = new Promise<void>(resolve => {
    acceptor.mux.handleChannel('a', async channel => {
      await drain(channel)
      await channel.end()
      resolve()
    })
  })
  const [connection] = InMemoryConnection.pair(dialler, acceptor, { manner: 'quic' })
  const newStream = connection.newStream.bind(connection)
  let fromOpener: Uint8Array[] = []
  let fromAcceptor: Uint8Array[] = []
  connection.newStream = async () => {
    const stream = await newStream()
    fromOpener = tap(stream)
    fromAcceptor = tap(stream.other as InMemoryStream)
    return stream
  }
  const channel = await dialler.mux.openChannel(connection.asConnection, 'a')
  channel.send(new TextEncoder().encode('hi'))
  channel.send(new Uint8Array(0))
  await Promise.all([channel.end(), drain(channel)])
  await Promise.all([done, channel.closed])
  expect(hex(fromOpener)).toBe(vector(page, 'opener'))
  expect(hex(fromAcceptor)).toBe(vector(page, 'acceptor'))
})
