import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import { systemPorts } from '@starling/ports/system'
import { afterEach, expect, test } from 'vitest'
import { createHost, type Host } from '../src/host.ts'
import { loadTransports } from '../src/transports.ts'

// Goal: whoever begins a QUIC handshake and goes silent holds up nobody else. It takes no identity to send one packet.

const STRANGERS = 12
const cleanUp: (() => unknown)[] = []

afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each()
})

async function host(listen: readonly string[]): Promise<Host> {
  const made = await createHost({
    privateKey: await generateKeyPair('Ed25519'),
    listen,
    announce: [],
    transports: await loadTransports('quic'),
    peers: { cluster: { name: 'test', open: true } },
    ports: systemPorts
  })
  cleanUp.push(() => made.stop())
  await made.start()
  return made
}

async function socket(): Promise<Socket> {
  const made = createSocket('udp4')
  cleanUp.push(() => made.close())
  made.bind(0, '127.0.0.1')
  await once(made, 'listening')
  return made
}

/** The first packet of each of so many connections, as they arrive at a socket that never answers. */
async function firstPackets(count: number): Promise<Buffer[]> {
  const dialler = await host([])
  const trap = await socket()
  const packets = new Map<string, Buffer>()
  const enough = new Promise<void>(resolve => {
    trap.on('message', packet => {
      // RFC 9000, 17.2: the connection id follows flags, version and its own length.
      packets.set(packet.toString('hex', 6, 6 + (packet[5] ?? 0)), packet)
      if (packets.size === count) resolve()
    })
  })
  const address = multiaddr(`/ip4/127.0.0.1/udp/${(trap.address() as AddressInfo).port}/quic-v1`)
  const giveUp = new AbortController()
  const dials = Array.from({ length: count }, () =>
    dialler.dial(address, { signal: giveUp.signal }).catch(() => undefined)
  )
  await enough
  giveUp.abort()
  void dials
  return [...packets.values()]
}

test('handshakes that never go on hold up no honest one', async () => {
  const packets = await firstPackets(STRANGERS)
  expect(packets).toHaveLength(STRANGERS)
  const victim = await host(['/ip4/127.0.0.1/udp/0/quic-v1'])
  const [address] = victim.getMultiaddrs()
  if (address === undefined) throw new Error('it does not listen')
  const port = Number(address.getComponents().find(({ name }) => name === 'udp')?.value)
  for (const packet of packets) {
    const stranger = await socket()
    const answered = once(stranger, 'message')
    stranger.send(packet, port, '127.0.0.1')
    // The answer shows that the handshake is under way; from here on the stranger says nothing.
    await answered
  }
  const honest = await host([])
  const connection = await honest.dial(address)
  expect(connection.remotePeer.toString()).toBe(victim.peerId.toString())
})
