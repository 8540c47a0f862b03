import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { LastWrites, Lines, type Write } from './last-writes.ts'
import type { Site, SiteInit } from './site.ts'

/**
 * The least that holds one map in two processes: a JavaScript `Map` in which the last writer wins, over a bare TCP connection with
 * a line of JSON for each write. It is neither durable nor encrypted, and loses one of two writes made at the same time.
 */
export async function openSite({ join }: SiteInit): Promise<Site> {
  const writes = new LastWrites(join === undefined ? 1 : 2)
  const sockets = new Set<Socket>()
  let tell: (value: unknown) => void = () => {}

  const follow = (socket: Socket): void => {
    sockets.add(socket)
    socket.setNoDelay(true).setEncoding('utf8')
    const lines = new Lines()
    socket.on('data', (text: string) => {
      for (const line of lines.take(text)) {
        const write = JSON.parse(line) as Write
        if (writes.keep(write)) tell(write[1])
      }
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    for (const write of writes.values()) socket.write(`${JSON.stringify(write)}\n`)
  }

  const server = createServer(follow).listen(0, '127.0.0.1')
  await once(server, 'listening')
  if (join !== undefined) {
    const socket = connect(Number(join), '127.0.0.1')
    await once(socket, 'connect')
    follow(socket)
  }
  return {
    address: String((server.address() as AddressInfo).port),
    get size() {
      return writes.size
    },
    put(key, value) {
      const write = writes.make(key, value)
      writes.keep(write)
      const line = `${JSON.stringify(write)}\n`
      for (const socket of sockets) socket.write(line)
      return undefined
    },
    onEntry(listener) {
      tell = listener
    },
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      return Promise.resolve()
    }
  }
}
