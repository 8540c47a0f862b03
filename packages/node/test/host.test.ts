import { generateKeyPair } from '@libp2p/crypto/keys'
import { systemPorts } from '@starling/ports/system'
import { afterEach, expect, test } from 'vitest'
import { createHost, type Host } from '../src/host.ts'
import { loadTransports } from '../src/transports.ts'
import { eventually } from './node-process.ts'

const hosts: Host[] = []

afterEach(async () => {
  await Promise.all(hosts.splice(0).map(async host => await host.stop()))
})

async function start(secret: string, listen: readonly string[]): Promise<Host> {
  const host = await createHost({
    privateKey: await generateKeyPair('Ed25519'),
    listen,
    announce: [],
    transports: await loadTransports('both'),
    peers: { cluster: { name: 'test', secrets: [secret] } },
    ports: systemPorts
  })
  hosts.push(host)
  await host.start()
  return host
}

test.each(['/ip4/127.0.0.1/udp/0/quic-v1', '/ip4/127.0.0.1/tcp/0'])(
  'nothing is remembered of peers that connected at %s and were turned away',
  async listen => {
    const host = await start('the secret of this cluster', [listen])
    const addresses = host.getMultiaddrs().map(String)
    for (let stranger = 0; stranger < 3; stranger++) {
      const { peers } = (await start('another one, just as long', [])).services
      const intent = peers.want(host.peerId.toString(), { mode: 'once', addresses })
      expect(await intent.ended).toMatchObject({ type: 'failed', error: { name: 'AdmissionError' } })
    }
    expect(host.services.peers.stats().handshakesFailed).toBe(3)
    const remembered = await eventually(
      () => host.peerStore.all(),
      all => all.length === 0
    )
    expect(remembered).toEqual([])
    expect(host.services.peers.peers()).toEqual([])
  }
)
