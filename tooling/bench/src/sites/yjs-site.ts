import { once } from 'node:events'
import type { Site, SiteInit } from './site.ts'

/** Yjs with the plainest provider there can be: updates over a WebSocket. In memory, and not encrypted. */
export async function openSite({ join }: SiteInit): Promise<Site> {
  const { applyUpdate, Doc, encodeStateAsUpdate } = await import('yjs')
  const { WebSocket, WebSocketServer } = await import('ws')
  const document = new Doc()
  const map = document.getMap('map')
  const sockets = new Set<InstanceType<typeof WebSocket>>()
  const follow = (socket: InstanceType<typeof WebSocket>): void => {
    sockets.add(socket)
    socket.binaryType = 'arraybuffer'
    socket.on('message', data => applyUpdate(document, new Uint8Array(data as ArrayBuffer), 'remote'))
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.terminate())
    socket.send(encodeStateAsUpdate(document))
  }
  document.on('update', (update, origin) => {
    if (origin !== 'remote') for (const socket of sockets) socket.send(update)
  })
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  server.on('connection', follow)
  if (join !== undefined) {
    const socket = new WebSocket(`ws://127.0.0.1:${join}`)
    await once(socket, 'open')
    follow(socket)
  }
  return {
    address: String(server.address().port),
    get size() {
      return map.size
    },
    put(key, value) {
      map.set(key, value)
      return undefined
    },
    onEntry(listener) {
      map.observe(event => {
        if (event.transaction.origin !== 'remote') return
        for (const key of event.keysChanged) listener(map.get(key))
      })
    },
    close() {
      for (const socket of sockets) socket.terminate()
      server.close()
      return Promise.resolve()
    }
  }
}
