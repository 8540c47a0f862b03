import { quic } from '@chainsafe/libp2p-quic'
import { PROTOCOL, mux } from '@starling/mux'
import { createLibp2p } from 'libp2p'
import { expect, test } from 'vitest'
import { turns } from '../src/contract/probes.ts'

// Without the late native reset the fifteenth-odd newStream waits for a garbage collection at the other end, or for ever.
test('over QUIC a stream that its opener reset gives its place back', async () => {
  const node = (listen: string[]) =>
    createLibp2p({
      addresses: { listen },
      transports: [quic({ maxConcurrentStreamLimit: 12 })],
      connectionMonitor: { enabled: false },
      services: { mux: mux({ closeTimeoutMs: 30 }) }
    })
  const [acceptor, dialler] = await Promise.all([node(['/ip4/127.0.0.1/udp/0/quic-v1']), node([])])
  acceptor.services.mux.handleChannel('ok', () => {})
  const connection = await dialler.dial(acceptor.getMultiaddrs())
  for (let cycle = 0; cycle < 150; cycle++) {
    const stream = await connection.newStream(PROTOCOL)
    stream.send(Uint8Array.of(5))
    await turns(1)
    stream.abort(new Error('never mind'))
  }
  const channel = await dialler.services.mux.openChannel(connection, 'ok')
  expect(channel.tag).toBe('ok')
  await Promise.all([acceptor.stop(), dialler.stop()])
})
