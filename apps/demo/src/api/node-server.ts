import type { StarlingNode } from '@starling/node'
import { HTTP_LIMITS, type HttpLimits } from './config.ts'
import { EventStreams } from './event-stream.ts'
import { nodeApi } from './node-api.ts'
import { Pulses } from './pulses.ts'
import type { ServedMap } from './served-map.ts'
import { serve, type HttpServer, type ServerInit } from './server.ts'
import { VERSION } from './version.ts'

/** How a node is served. */
export interface NodeServerInit extends ServerInit {
  readonly node: StarlingNode
  readonly maps: ReadonlyMap<string, ServedMap>
  readonly cluster: string
  /** Default: the last letters of the node's id. */
  readonly name?: string
  readonly limits?: Partial<HttpLimits>
}

/** A node's server. */
export interface NodeServer extends HttpServer {
  /** Adds a line to the log of events. */
  log(type: string, text: string): void
}

/**
 * Serves a node's API and page over HTTP.
 *
 * @throws as {@link serve}
 */
export async function serveNode(init: NodeServerInit): Promise<NodeServer> {
  const { node, maps, cluster, name = node.id.slice(-6) } = init
  const limits: HttpLimits = { ...HTTP_LIMITS, ...init.limits }
  const streams = new EventStreams(limits)
  const pulses = new Pulses(node, name, limits)
  const info = { name, cluster, version: VERSION, startedAtMs: Date.now() }
  const routes = nodeApi({ node, maps, pulses, streams, limits, info })
  try {
    const server = await serve({ routes, streams, limits }, init)
    return {
      url: server.url,
      log: (type, text) => pulses.log(type, text),
      close: async () => {
        pulses.close()
        await server.close()
      }
    }
  } catch (error) {
    pulses.close()
    throw error
  }
}
