import { createNode, type ReplicatedMap, type StarlingNode } from '@starling/node'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HttpLimits } from '../../../src/api/config.ts'
import { readEvents, type ReadEvent } from '../../../src/api/event-reader.ts'
import { nodeMetrics } from '../../../src/api/metrics.ts'
import { serveNode, type NodeServer } from '../../../src/api/node-server.ts'

export interface ServedNode {
  readonly node: StarlingNode
  readonly map: ReplicatedMap<unknown>
  readonly server: NodeServer
  readonly url: string
  end(): Promise<void>
}

/** A node of a cluster of one, with a map `things`, served on loopback. */
export async function servedNode(limits: Partial<HttpLimits> = {}): Promise<ServedNode> {
  const folder = mkdtempSync(join(tmpdir(), 'starling-http-'))
  const node = await createNode({
    dataDir: join(folder, 'node'),
    listen: ['/ip4/127.0.0.1/udp/0/quic-v1'],
    cluster: { name: 'http', secret: 'a secret of some length' },
    metrics: nodeMetrics
  })
  const map = await node.map<unknown>('things', { limits: { valueBytesMax: 1000 } })
  const maps = new Map([['things', map]])
  const server = await serveNode({
    node,
    maps,
    cluster: 'http',
    name: 'one',
    hostname: '127.0.0.1',
    port: 0,
    limits
  })
  return {
    node,
    map,
    server,
    url: server.url,
    end: async () => {
      await server.close()
      await node.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** One reader of a stream of events, event by event. */
export class Reader {
  readonly #events: AsyncGenerator<ReadEvent, undefined>
  readonly #leave = new AbortController()
  readonly response: Response

  private constructor(response: Response, leave: AbortController) {
    this.response = response
    this.#leave = leave
    this.#events = readEvents(response.body as ReadableStream<Uint8Array>)
  }

  static async open(
    url: string,
    path: string,
    headers: Readonly<Record<string, string>> = {}
  ): Promise<Reader> {
    const leave = new AbortController()
    return new Reader(await fetch(new URL(path, url), { signal: leave.signal, headers }), leave)
  }

  async next(): Promise<ReadEvent> {
    const { done, value } = await this.#events.next()
    if (done === true) throw new Error('the stream has ended')
    return value
  }

  /** The next event of this name. */
  async named(name: string): Promise<ReadEvent> {
    for (;;) {
      const event = await this.next()
      if (event.name === name) return event
    }
  }

  leave(): void {
    this.#leave.abort()
  }
}
