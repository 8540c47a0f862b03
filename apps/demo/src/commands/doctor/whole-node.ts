import { createNode } from '@starling/node'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { failed, ok, reasonOf, type Finding } from './check.ts'

/** Starts a node in a folder of its own and lets it listen: the QUIC binary, UDP sockets and the store all work, or one says why not. */
export async function wholeNode(): Promise<Finding> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-doctor-'))
  try {
    const node = await createNode({
      dataDir: join(folder, 'node'),
      listen: ['/ip4/127.0.0.1/udp/0/quic-v1'],
      cluster: { name: 'doctor', open: true }
    })
    const map = await node.map('doctor')
    await map.set('pulse', 1)
    await node.stop()
    return ok('quic and store', 'a node starts, listens on QUIC and writes to its store')
  } catch (error) {
    const advice =
      error instanceof Error && error.name === 'TransportUnavailableError'
        ? 'This platform has no QUIC binary: use transports: "tcp" on all nodes.'
        : 'What stands there is what a node would meet too.'
    return failed('quic and store', reasonOf(error), advice)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
