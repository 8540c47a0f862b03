import { prometheusMetrics } from '@libp2p/prometheus-metrics'
import type { NodeInit } from '@starling/node'
import { register } from 'prom-client'

/** Where a node that is served registers its figures. Prometheus's client is one for a process, so it is for one node. */
export const nodeMetrics: NonNullable<NodeInit['metrics']> = prometheusMetrics()

/** What Prometheus reads: the node's figures and the process's own. */
export async function metricsPage(): Promise<Response> {
  return new Response(await register.metrics(), { headers: { 'content-type': register.contentType } })
}
