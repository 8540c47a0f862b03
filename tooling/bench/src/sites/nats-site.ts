import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Site, SiteInit } from './site.ts'

const LISTENS = /Listening for client connections on (\S+)/
const BUCKET = 'map'

/**
 * NATS JetStream's key-value store: one server with a file store, and two clients of it. The first site runs the server, if the
 * machine has a `nats-server` program. Its server need not sync a write before it answers.
 */
export async function openSite({ folder, join }: SiteInit): Promise<Site> {
  const [{ connect }, { Kvm }] = await Promise.all([import('@nats-io/transport-node'), import('@nats-io/kv')])
  const server = join === undefined ? await startServer(folder) : undefined
  const address = join ?? server?.address ?? ''
  const connection = await connect({ servers: address })
  const manager = new Kvm(connection)
  const store = join === undefined ? await manager.create(BUCKET, { history: 1 }) : await manager.open(BUCKET)
  const entries = new Map<string, unknown>()
  let tell: (value: unknown) => void = () => {}
  if (join !== undefined) {
    const changes = await store.watch()
    void (async () => {
      for await (const change of changes) {
        const value: unknown = change.json()
        entries.set(change.key, value)
        tell(value)
      }
    })()
  }
  return {
    address,
    get size() {
      return entries.size
    },
    put: (key, value) => store.put(key, JSON.stringify(value)),
    onEntry(listener) {
      tell = listener
    },
    async close() {
      await connection.close()
      await server?.stop()
    }
  }
}

async function startServer(folder: string): Promise<{ address: string; stop(): Promise<void> }> {
  const args = ['--jetstream', '--store_dir', folder, '--addr', '127.0.0.1', '--port', '-1']
  const child = spawn('nats-server', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  return {
    address: await addressOf(child),
    async stop() {
      const exited = once(child, 'exit')
      child.kill()
      await exited
    }
  }
}

/** Reads on for as long as the server runs: it would end if nobody read what it reports. */
function addressOf(server: ChildProcessByStdio<null, null, Readable>): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface(server.stderr).on('line', line => {
      const address = LISTENS.exec(line)?.[1]
      if (address !== undefined) resolve(address)
    })
    server.once('error', error => reject(new Error(`nats-server cannot be started: ${error.message}`)))
    server.once('exit', () => reject(new Error('nats-server ended before it listened')))
  })
}
