import { join as joinPath } from 'node:path'
import { grouped } from '../logs/log-contender.ts'
import { LastWrites, Lines, type Write } from './last-writes.ts'
import type { Site, SiteInit } from './site.ts'

/** A raw stream, as far as it is used here. */
interface Stream {
  readonly writeStatus: string
  send(bytes: Uint8Array): boolean
  addEventListener(
    type: 'message',
    listener: (event: { readonly data: { subarray(): Uint8Array } }) => void
  ): void
  addEventListener(type: 'drain' | 'close', listener: () => void): void
}

/** The parts of a libp2p node that are used here. */
interface Host {
  getMultiaddrs(): readonly { toString(): string }[]
  dialProtocol(address: unknown, protocol: string): Promise<Stream>
  handle(protocol: string, handler: (stream: Stream) => void): Promise<void>
  stop(): Promise<void>
}

const PROTOCOL = '/bare/1'
const CHUNK_LINES = 512

/**
 * What the libraries below a node cost by themselves: the floor's map and its lines of JSON, each first in a classic-level store and
 * then on one libp2p stream over QUIC. Durable and encrypted like ours, it admits everybody, knows one neighbour, and never finds
 * out what that one has missed.
 */
export async function openSite({ folder, durability, join }: SiteInit): Promise<Site> {
  const store = await openRows(joinPath(folder, 'store'), durability === 'sync')
  const host = await createHost()
  const writes = new LastWrites(join === undefined ? 1 : 2)
  const senders = new Set<Sender>()
  let tell: (value: unknown) => void = () => {}

  const receive = (line: string): void => {
    const write = JSON.parse(line) as Write
    if (!writes.keep(write)) return
    tell(write[1])
    void store.put(line)
  }
  const follow = (stream: Stream): void => {
    const decoder = new TextDecoder()
    const lines = new Lines()
    stream.addEventListener('message', ({ data }) => {
      for (const line of lines.take(decoder.decode(data.subarray(), { stream: true }))) receive(line)
    })
    const sender = new Sender(stream)
    senders.add(sender)
    stream.addEventListener('close', () => senders.delete(sender))
    for (const write of writes.values()) sender.add(JSON.stringify(write))
  }

  await host.handle(PROTOCOL, follow)
  if (join !== undefined) {
    const { multiaddr } = await import('@multiformats/multiaddr')
    follow(await host.dialProtocol(multiaddr(join), PROTOCOL))
  }
  return {
    address: String(host.getMultiaddrs()[0]),
    get size() {
      return writes.size
    },
    async put(key, value) {
      const write = writes.make(key, value)
      const line = JSON.stringify(write)
      await store.put(line)
      writes.keep(write)
      for (const sender of senders) sender.add(line)
    },
    onEntry(listener) {
      tell = listener
    },
    async close() {
      await host.stop()
      await store.close()
    }
  }
}

async function createHost(): Promise<Host> {
  const [{ createLibp2p }, { quic }] = await Promise.all([import('libp2p'), import('@chainsafe/libp2p-quic')])
  return (await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/udp/0/quic-v1'] },
    transports: [quic()],
    connectionMonitor: { enabled: false }
  })) as Host
}

/** A store of lines by the key that each begins with. */
async function openRows(
  location: string,
  sync: boolean
): Promise<{ put(line: string): Promise<void>; close(): Promise<void> }> {
  const { ClassicLevel } = await import('classic-level')
  const database = new ClassicLevel(location, { keyEncoding: 'view', valueEncoding: 'view' })
  await database.open()
  const put = grouped<string>(lines => {
    const batch = database.batch()
    for (const line of lines) batch.put(Buffer.from(line.slice(0, line.indexOf(','))), Buffer.from(line))
    return batch.write({ sync })
  })
  let last: Promise<void> | undefined
  return {
    put: line => (last = put(line)),
    async close() {
      // Groups are written in order, and nobody waits for the rows that were received.
      await last
      await database.close()
    }
  }
}

/** Sends together what is said in one turn, and the more the busier the stream is. */
class Sender {
  readonly #stream: Stream
  #waiting: string[] = []
  #scheduled = false

  constructor(stream: Stream) {
    this.#stream = stream
    stream.addEventListener('drain', () => this.#flush())
  }

  add(line: string): void {
    this.#waiting.push(line)
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#stream.writeStatus === 'writable') {
      const lines = this.#waiting.splice(0, CHUNK_LINES)
      this.#stream.send(Buffer.from(`${lines.join('\n')}\n`))
    }
  }
}
