import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { PageNews } from '../data/page-news.ts'
import { overlayOfCluster, overlayOfNode, topicsOf, type Overlay } from '../model/overlay.ts'
import { count } from '../model/wording.ts'
import { Legend } from './legend.tsx'
import { OverlayGraph } from './overlay-graph.tsx'

interface OverlayCardProps {
  readonly news: PageNews
  readonly role: 'node' | 'cluster'
  /** Peer id → name, for the neighbours of one node. */
  readonly names?: ReadonlyMap<string, string>
}

/** The picture of the overlay, its legend, and the choice of a swarm where there are several. */
export function OverlayCard({ news, role, names = new Map() }: OverlayCardProps): JSX.Element {
  const [chosen, choose] = useState<string>()
  const cluster = news.cluster.value
  const pulse = news.pulse.value
  const pulses = cluster?.members.flatMap(({ pulse }) => pulse ?? []) ?? (pulse === undefined ? [] : [pulse])
  const topics = topicsOf(pulses)
  const topic = chosen !== undefined && topics.includes(chosen) ? chosen : topics[0]
  const differing = new Set(news.differing.value.keys())
  const overlay: Overlay =
    cluster !== undefined
      ? overlayOfCluster(cluster, topic, differing)
      : pulse !== undefined
        ? overlayOfNode(pulse, topic, names)
        : { nodes: [], edges: [] }

  return (
    <section class="card overlay" aria-labelledby="overlay-title">
      <div class="card-head">
        <h2 id="overlay-title">{role === 'cluster' ? 'Live overlay' : 'This node and its neighbours'}</h2>
        {topics.length > 1 && (
          <label class="inline">
            Swarm
            <select value={topic} onChange={event => choose(event.currentTarget.value)}>
              {topics.map(name => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {overlay.nodes.length === 0 ? (
        <p class="empty">
          {cluster === undefined ? 'Waiting for the first news.' : 'No nodes yet: add one.'}
        </p>
      ) : (
        <OverlayGraph
          overlay={overlay}
          traffic={news.traffic}
          topic={topic}
          summary={summaryOf(overlay)}
          centre={cluster === undefined ? pulse?.id : undefined}
        />
      )}
      <Legend role={role} />
    </section>
  )
}

function summaryOf({ nodes, edges }: Overlay): string {
  const states = new Map<string, number>()
  for (const { look } of nodes) states.set(look, (states.get(look) ?? 0) + 1)
  const eager = edges.filter(edge => edge.eager).length
  const parts = [...states].map(([look, n]) => (look === 'peer' ? count(n, 'neighbour') : `${n} ${look}`))
  return `${count(nodes.length, 'node')}: ${parts.join(', ')}. ${count(edges.length, 'link')}, ${eager} of them eager.`
}
