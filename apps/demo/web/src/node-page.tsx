import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { NodeInfo } from '../../src/api/types.ts'
import { NodeClient, sentence } from './data/api-client.ts'
import { tell } from './data/notices.ts'
import type { PageNews } from './data/page-news.ts'
import { Header } from './parts/header.tsx'
import { LogCard } from './parts/log-card.tsx'
import { MapsCard } from './parts/maps-card.tsx'
import { NodeFacts } from './parts/node-facts.tsx'
import { OverlayCard } from './parts/overlay-card.tsx'
import { RatesCard } from './parts/rates-card.tsx'
import { StateBanner } from './parts/state-banner.tsx'

/** One node as it sees itself and its neighbours. */
export function NodePage({ news }: { readonly news: PageNews }): JSX.Element {
  const [info, setInfo] = useState<NodeInfo>()
  const pulse = news.pulse.value
  const live = news.connection.value.type === 'live'
  useEffect(() => {
    // Again with every connection: the node may have been started anew.
    if (live) void new NodeClient().info().then(setInfo, (error: unknown) => tell(sentence(error), true))
  }, [live])
  const name = pulse?.name ?? info?.name
  return (
    <>
      <Header
        news={news}
        title={name === undefined ? 'Starling' : `Node “${name}”`}
        subtitle={info === undefined ? 'One node of a cluster' : `of the cluster “${info.cluster}”`}
      />
      <main id="main" tabIndex={-1} class={news.connection.value.type === 'lost' ? 'old' : ''}>
        <StateBanner news={news} />
        <OverlayCard news={news} role="node" />
        <div class="stack tall">
          {pulse !== undefined && <NodeFacts info={info} pulse={pulse} />}
          <MapsCard sources={pulse === undefined ? [] : [{ name: pulse.name, pulse }]} />
        </div>
        <div class="stack">
          <RatesCard news={news} role="node" />
          <LogCard news={news} />
        </div>
      </main>
    </>
  )
}
