import type { JSX } from 'preact'
import type { PageNews } from './data/page-news.ts'
import { count } from './model/wording.ts'
import { Header } from './parts/header.tsx'
import { LogCard } from './parts/log-card.tsx'
import { MapsCard, type MapSource } from './parts/maps-card.tsx'
import { MembersCard } from './parts/members-card.tsx'
import { CROWD_FROM } from './parts/overlay-graph.tsx'
import { OverlayCard } from './parts/overlay-card.tsx'
import { RatesCard } from './parts/rates-card.tsx'
import { StateBanner } from './parts/state-banner.tsx'

/** The whole cluster, with everything that can be done to it. */
export function ClusterPage({ news }: { readonly news: PageNews }): JSX.Element {
  const cluster = news.cluster.value
  const members = cluster?.members ?? []
  const sources = members.flatMap(({ index, name, state, pulse }): MapSource[] =>
    state === 'running' && pulse !== undefined ? [{ index, name, pulse }] : []
  )
  return (
    <>
      <Header
        news={news}
        title={cluster === undefined ? 'Starling' : `Cluster “${cluster.name}”`}
        subtitle={
          cluster === undefined
            ? 'A cluster on this machine'
            : `${count(members.length, 'node')} on this machine`
        }
      />
      <main
        id="main"
        tabIndex={-1}
        class={[
          news.connection.value.type === 'lost' ? 'old' : '',
          members.length > CROWD_FROM ? 'crowd' : ''
        ].join(' ')}
      >
        <StateBanner news={news} />
        <OverlayCard news={news} role="cluster" />
        <div class="stack tall">
          {cluster !== undefined && <MembersCard news={news} cluster={cluster} />}
          <MapsCard sources={sources} />
        </div>
        <div class="stack">
          <RatesCard news={news} role="cluster" />
          <LogCard news={news} />
        </div>
      </main>
    </>
  )
}
