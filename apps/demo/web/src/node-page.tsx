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

const NO_NAMES: ReadonlyMap<string, string> = new Map()

/** What the peers of this node call themselves. */
async function readNames(): Promise<ReadonlyMap<string, string>> {
  const { peers } = await new NodeClient().inspect()
  return new Map(
    peers.flatMap(({ peer, session }): [string, string][] => {
      const name = session?.metadata['name']
      return name === undefined ? [] : [[peer, name]]
    })
  )
}

/** One node as it sees itself and its neighbours. */
export function NodePage({ news }: { readonly news: PageNews }): JSX.Element {
  const [info, setInfo] = useState<NodeInfo>()
  const [names, setNames] = useState(NO_NAMES)
  const pulse = news.pulse.value
  const live = news.connection.value.type === 'live'
  useEffect(() => {
    // Again with every connection: the node may have been started anew.
    if (live) void new NodeClient().info().then(setInfo, (error: unknown) => tell(sentence(error), true))
  }, [live])
  // Names come with sessions, and sessions with links.
  const peers = [...new Set(pulse?.swarms.flatMap(({ links }) => links.map(({ peer }) => peer)))]
    .sort()
    .join(' ')
  useEffect(() => {
    if (live && peers !== '') void readNames().then(setNames, () => {})
  }, [live, peers])
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
        <OverlayCard news={news} role="node" names={names} />
        <div class="stack tall">
          {pulse !== undefined && <NodeFacts info={info} pulse={pulse} />}
          <MapsCard sources={pulse === undefined ? [] : [{ name: pulse.name, pulse }]} />
        </div>
        <div class="stack">
          <RatesCard news={news} role="node" />
          <LogCard news={news} names={names} />
        </div>
      </main>
    </>
  )
}
