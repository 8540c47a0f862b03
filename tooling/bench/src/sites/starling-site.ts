import { createNode } from '@starling/node'
import type { Site, SiteInit } from './site.ts'

const SECRET = 'the secret of the benchmark, long enough'

/** A whole node: encrypted QUIC, admission, membership, broadcast, reconciliation, and a store on disk. */
export async function openSite({ folder, durability, join, reconcileIntervalMs }: SiteInit): Promise<Site> {
  const node = await createNode({
    dataDir: folder,
    listen: ['/ip4/127.0.0.1/udp/0/quic-v1'],
    contacts: join === undefined ? [] : [join],
    cluster: { name: 'bench', secret: SECRET },
    ...(reconcileIntervalMs === undefined ? {} : { reconcileIntervalMs })
  })
  // The watch is to see each write by itself: a key that is written twice before it is read counts once.
  const map = await node.map('map', { durability, limits: { watchKeysMax: 200_000 } })
  return {
    address: node.addresses()[0] ?? '',
    get size() {
      return map.size
    },
    put: (key, value) => map.set(key, value),
    onEntry(listener) {
      void (async () => {
        for await (const { origin, value } of map.watch()) {
          if (origin === 'remote' && value !== undefined) listener(value)
        }
      })()
    },
    cost() {
      const { maps, totals, store } = node.inspect()
      const [opened] = maps
      const rounds = opened?.sync.reduce((sum, session) => sum + session.rounds, 0) ?? 0
      return { bytes: totals.bytesSent, rounds, batches: store.writes, liveBytes: store.bytesLive }
    },
    async close() {
      await node.stop()
    }
  }
}
