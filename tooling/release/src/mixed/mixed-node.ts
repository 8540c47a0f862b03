// One node of the mixed cluster. It is copied into the project in which its release is installed, so it imports nothing but that
// and calls nothing that the first release did not have.
import { createHash } from 'node:crypto'
import { createNode } from '@starling/node'
import type { Answer, NodeStart, Order } from './orders.ts'

const { dataDir, contacts, secret } = JSON.parse(process.argv[2] ?? '') as NodeStart
const node = await createNode({
  dataDir,
  contacts,
  listen: ['/ip4/127.0.0.1/udp/0/quic-v1'],
  cluster: { name: 'mixed', secret }
})
const map = await node.map<string>('shared')

async function carryOut(order: Order): Promise<Answer> {
  switch (order.type) {
    case 'put':
      await Promise.all(Object.entries(order.entries).map(async ([key, value]) => await map.set(key, value)))
      return { type: 'done' }
    case 'delete':
      await Promise.all(order.keys.map(async key => await map.delete(key)))
      return { type: 'done' }
    case 'read': {
      const entries = [...map.entries()].sort(([a], [b]) => (a < b ? -1 : 1))
      const digest = createHash('sha256').update(JSON.stringify(entries)).digest('hex')
      return { type: 'content', size: map.size, digest }
    }
    case 'stop':
      await node.stop()
      process.disconnect()
      return { type: 'done' }
  }
}

process.on('message', (order: Order) => {
  carryOut(order).then(
    answer => process.connected && process.send?.(answer),
    (error: Error) => process.send?.({ type: 'failed', message: String(error.stack) } satisfies Answer)
  )
})
process.send?.({ type: 'up', addresses: node.addresses() } satisfies Answer)
