import { quic } from '@chainsafe/libp2p-quic'
import { createMux, type Mux } from '@starling/mux'
import { createLibp2p } from 'libp2p'
import { expect, test } from 'vitest'
import { drain, receive } from '../src/contract/probes.ts'

test('a mux runs on a libp2p node that was made without it, and can be taken off again', async () => {
  const node = (listen: string[]): ReturnType<typeof createLibp2p> =>
    createLibp2p({ addresses: { listen }, transports: [quic()], connectionMonitor: { enabled: false } })
  const acceptor = await node(['/ip4/127.0.0.1/udp/0/quic-v1'])
  const dialler = await node([])
  const [there, here] = [acceptor, dialler].map((host): Mux =>
    createMux({ registrar: host, connectionManager: host, logger: host.logger })
  ) as [Mux, Mux]
  await Promise.all([there.start(), here.start()])
  there.handleChannel('echo', async channel => {
    for await (const message of channel) channel.send(message)
    await channel.end()
  })
  const connection = await dialler.dial(acceptor.getMultiaddrs())
  const channel = await here.openChannel(acceptor.peerId, 'echo')
  channel.send(Uint8Array.of(1, 2, 3))
  expect(await receive(channel)).toEqual(Uint8Array.of(1, 2, 3))
  await Promise.all([channel.end(), drain(channel)])
  await there.stop()
  expect(acceptor.getProtocols()).not.toContain('/starling/mux/2')
  await expect(here.openChannel(connection, 'echo')).rejects.toThrow()
  await here.stop()
  await Promise.all([acceptor.stop(), dialler.stop()])
})
