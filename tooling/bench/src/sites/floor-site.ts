import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Site, SiteInit } from './site.ts'

/** A write as it is kept and sent. */
type Write = readonly [key: string, value: unknown, wallMs: number, counter: number, id: number]

/**
 * The least that holds one map in two processes: a JavaScript `Map` in which the last writer wins, over a bare TCP connection with
 * a line of JSON for each write. It is neither durable nor encrypted, and loses one of two writes made at the same time.
 */
export async function openSite({ join }: SiteInit): Promise<Site> {
  const writes = new Map<string, Write>()
  const sockets = new Set<Socket>()
  const id = join === undefined ? 1 : 2
  let wallMs = 0
  let counter = 0
  let tell: (value: unknown) => void = () => {}

  const receive = (write: Write): void => {
    const known = writes.get(write[0])
    if (known !== undefined && isNewer(known, write)) return
    writes.set(write[0], write)
    tell(write[1])
  }
  const follow = (socket: Socket): void => {
    sockets.add(socket)
    socket.setNoDelay(true).setEncoding('utf8')
    let rest = ''
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) receive(JSON.parse(line) as Write)
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
      const now = Date.now()
      counter = now > wallMs ? 0 : counter + 1
      wallMs = Math.max(now, wallMs)
      const write: Write = [key, value, wallMs, counter, id]
      writes.set(key, write)
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

function isNewer(a: Write, b: Write): boolean {
  for (const at of [2, 3, 4] as const) if (a[at] !== b[at]) return a[at] > b[at]
  return true
}
