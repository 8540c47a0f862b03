import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterEach, expect, test } from 'vitest'
import { isDown, startQuicNode, type QuicNode } from './quic-node.ts'

const PROGRAM = `
import { quic } from '@chainsafe/libp2p-quic'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { mux } from '@starling/mux'
import { peers } from '@starling/peers'
import { systemPorts } from '@starling/ports/system'
import { createLibp2p } from 'libp2p'

const [key, port] = process.argv.slice(1)
const node = await createLibp2p({
  privateKey: privateKeyFromProtobuf(Buffer.from(key, 'hex')),
  addresses: { listen: ['/ip4/127.0.0.1/udp/' + port + '/quic-v1'] },
  transports: [quic()],
  services: {
    mux: mux(),
    peers: peers({ cluster: { name: 'test', secrets: ['a secret of enough bytes'] }, ports: systemPorts })
  }
})
console.log(node.getMultiaddrs()[0].toString())
setInterval(() => {}, 1_000)
`

const children: ChildProcess[] = []
let parent: QuicNode | undefined

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await parent?.stop()
})

async function startChild(key: string, port: string): Promise<{ child: ChildProcess; address: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, key, port], {
    cwd: new URL('..', import.meta.url),
    stdio: ['ignore', 'pipe', 'inherit']
  })
  children.push(child)
  if (child.stdout === null) throw new Error('no output')
  const [address] = (await once(createInterface(child.stdout), 'line')) as [string]
  return { child, address }
}

test('SIGKILL is noticed by silence, and the process started again on its port is found again', async () => {
  const key = await generateKeyPair('Ed25519')
  const hex = Buffer.from(privateKeyToProtobuf(key)).toString('hex')
  const first = await startChild(hex, '0')
  const timings = { beatIntervalMs: 100, suspectAfterMs: 1_000, downAfterMs: 2_500 }
  parent = await startQuicNode({ timings })
  const node = parent
  let ups = 0
  const up = Promise.withResolvers<void>()
  const upAgain = Promise.withResolvers<void>()
  node.peers.onSession(event => {
    if (event.type === 'up') (++ups === 1 ? up : upAgain).resolve()
  })
  node.peers.want(peerIdFromPrivateKey(key).toString(), { mode: 'continuous', addresses: [first.address] })
  await up.promise
  const killedMs = performance.now()
  first.child.kill('SIGKILL')
  expect(await node.seen(isDown)).toMatchObject({ reason: 'silent' })
  const noticedMs = performance.now() - killedMs
  expect(noticedMs).toBeGreaterThan(1_500)
  expect(noticedMs).toBeLessThan(10_000)
  const port = /udp\/(\d+)\//.exec(first.address)?.[1] ?? ''
  await startChild(hex, port)
  await upAgain.promise
  expect(node.peers.sessions()).toHaveLength(1)
  expect(node.peers.peers()[0]).toMatchObject({ status: 'connected', direction: 'outbound' })
})
