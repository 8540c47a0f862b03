import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** Runs on the build, as a user's process does. */
const PROGRAM = `
import { quic } from '@chainsafe/libp2p-quic'
import { mux } from '@starling/mux'
import { peers } from '@starling/peers'
import { systemPorts } from '@starling/ports/system'
import { createLibp2p } from 'libp2p'

const cluster = { name: 'exit', secrets: ['a secret of enough bytes'] }
const node = () =>
  createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/udp/0/quic-v1'] },
    transports: [quic()],
    services: { mux: mux(), peers: peers({ cluster, ports: systemPorts }) }
  })
const [a, b] = await Promise.all([node(), node()])
const up = new Promise(resolve => b.services.peers.onSession(event => event.type === 'up' && resolve()))
a.services.peers.want(b.peerId.toString(), { mode: 'continuous', addresses: b.getMultiaddrs().map(String) })
const nobody = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
a.services.peers.want(nobody, { mode: 'continuous', addresses: ['/ip4/127.0.0.1/udp/9/quic-v1'] })
await up
await Promise.all([a.stop(), b.stop()])
console.log('stopped')
`

test('a process ends by itself after stop, also with a dial in flight', async () => {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', PROGRAM],
    {
      cwd: new URL('..', import.meta.url),
      timeout: 25_000
    }
  )
  expect(stderr).toBe('')
  expect(stdout).toBe('stopped\n')
})
