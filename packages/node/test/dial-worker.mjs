// One end of two that dial each other, in a process of its own: what lies under a node, with a node's limits, and no store or map.
import { generateKeyPair } from '@libp2p/crypto/keys'
import { systemPorts } from '@starling/ports/system'
import { createHost } from '../dist/host.js'
import { loadTransports } from '../dist/transports.js'
import { answerCalls } from './answer-calls.mjs'

const CLUSTER = { name: 'e2e', secrets: ['the secret of the end-to-end tests'] }
const LISTEN = { quic: '/ip4/127.0.0.1/udp/0/quic-v1', tcp: '/ip4/127.0.0.1/tcp/0' }

let host
let opened = { inbound: 0, outbound: 0 }
let greetings = []

answerCalls({
  /** A new identity, port and process state, as after a restart. */
  async renew(transports) {
    await host?.stop()
    opened = { inbound: 0, outbound: 0 }
    greetings = []
    host = await createHost({
      privateKey: await generateKeyPair('Ed25519'),
      listen: [LISTEN[transports]],
      announce: [],
      transports: await loadTransports(transports),
      peers: { cluster: CLUSTER },
      ports: systemPorts
    })
    host.addEventListener('connection:open', ({ detail }) => opened[detail.direction]++)
    host.services.peers.handleChannel('greeting', (channel, session) => void greet(channel, session))
    await host.start()
    return { id: host.peerId.toString(), addresses: host.getMultiaddrs().map(String) }
  },
  dial: (peer, addresses) => void host.services.peers.want(peer, { mode: 'continuous', addresses }),
  async greet() {
    const [session] = host.services.peers.sessions()
    const channel = await session.openChannel('greeting')
    channel.send(new TextEncoder().encode(session.peer))
    await channel.end()
  },
  state() {
    const { peers } = host.services
    const { dials, dialsFailed, sessionsDown } = peers.stats()
    return {
      sessions: peers.sessions().map(({ peer, initiator }) => ({ peer, initiator })),
      connections: host.getConnections().length,
      dialling: dials - dialsFailed - opened.outbound,
      opened,
      sessionsDown,
      greetings
    }
  },
  async stop() {
    await host?.stop()
    setImmediate(() => process.disconnect())
  }
})

async function greet(channel, session) {
  for await (const bytes of channel)
    greetings.push({ from: session.peer, to: new TextDecoder().decode(bytes) })
  await channel.end()
}
