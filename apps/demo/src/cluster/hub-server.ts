import { HTTP_LIMITS } from '../api/config.ts'
import { EventStreams } from '../api/event-stream.ts'
import { serve, type HttpServer } from '../api/server.ts'
import { Actions } from './actions.ts'
import type { Cluster } from './cluster.ts'
import { hubApi } from './hub-api.ts'
import { Hub } from './hub.ts'

/** How a local cluster is served: always on loopback, because whoever reaches it can kill its processes. */
export interface ClusterServerInit {
  /** 0 takes any free one. */
  readonly port: number
  /** Writes per burst of the steady writes; 0 for none. */
  readonly steadyWrites: number
  /** Why nothing can be done to the cluster yet. */
  readonly closedFor: string
}

/** A local cluster's server. */
export interface ClusterServer extends HttpServer {
  readonly hub: Hub
  /** Members can be killed, paused, added and split from now on. */
  open(): void
}

/** @throws what listening throws, such as `EADDRINUSE` */
export async function serveCluster(cluster: Cluster, init: ClusterServerInit): Promise<ClusterServer> {
  const limits = HTTP_LIMITS
  const streams = new EventStreams(limits)
  const hub = new Hub(cluster, { steadyWrites: init.steadyWrites, limits })
  const actions = new Actions(cluster, hub, init.closedFor)
  const routes = hubApi({ cluster, hub, actions, streams })
  const close = async (): Promise<void> => {
    await actions.close()
    await hub.close()
  }
  try {
    const server = await serve({ routes, streams, limits }, { hostname: '127.0.0.1', port: init.port })
    return {
      url: server.url,
      hub,
      open: () => {
        actions.open()
        hub.open()
      },
      close: async () => {
        await server.close()
        await close()
      }
    }
  } catch (error) {
    await close()
    throw error
  }
}
