import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { ClusterMember, ClusterState, MemberAction } from '../../../src/api/types.ts'
import { act, addNode, heal } from '../data/api-client.ts'
import { attempt } from '../data/notices.ts'
import type { PageNews } from '../data/page-news.ts'
import { count, duration, STATE_MEANING } from '../model/wording.ts'
import { sideName } from './overlay-graph.tsx'
import { NodeShape } from './node-shape.tsx'
import { SplitDialog } from './split-dialog.tsx'

interface MembersCardProps {
  readonly news: PageNews
  readonly cluster: ClusterState
}

/** The nodes of the cluster, how they are, and what can be done to them. */
export function MembersCard({ news, cluster }: MembersCardProps): JSX.Element {
  const [splitting, setSplitting] = useState(false)
  const parts = [...new Set(cluster.members.map(({ part }) => part))].sort((a, b) => a - b)
  return (
    <section class="card members" aria-labelledby="members-title">
      <div class="card-head">
        <h2 id="members-title">Nodes</h2>
        <div class="buttons">
          {/* One place for both, so that the focus stays where it was. */}
          <button
            type="button"
            onClick={() =>
              parts.length > 1 ? void attempt(heal, 'The split is healed.') : setSplitting(true)
            }
          >
            {parts.length > 1 ? 'Heal the split' : 'Split…'}
          </button>
          <button type="button" onClick={() => void attempt(addNode, 'A node is joining.')}>
            Add a node
          </button>
        </div>
      </div>
      {cluster.members.length === 0 && <p class="empty">No nodes yet: add one.</p>}
      <ul class="member-list">
        {cluster.members.map(member => (
          <Member
            key={member.index}
            member={member}
            news={news}
            atMs={cluster.atMs}
            side={parts.length > 1 ? sideName(parts.indexOf(member.part)) : undefined}
          />
        ))}
      </ul>
      {splitting && <SplitDialog members={cluster.members} onClose={() => setSplitting(false)} />}
    </section>
  )
}

interface MemberProps {
  readonly member: ClusterMember
  readonly news: PageNews
  readonly atMs: number
  readonly side: string | undefined
}

function Member({ member, news, atMs, side }: MemberProps): JSX.Element {
  const { index, name, state, url, pulse } = member
  const running = state === 'running'
  return (
    <li class="member">
      <svg width="28" height="28" viewBox="-14 -14 28 28" aria-hidden="true">
        <g class={`node ${state}`}>
          <NodeShape look={state} radius={10} />
        </g>
      </svg>
      <div class="member-text">
        <h3>
          {url === undefined || !running ? (
            name
          ) : (
            <a href={url} target="_blank" rel="noopener" title={`Open the page of ${name}`}>
              {name}
              <span aria-hidden="true"> ↗</span>
            </a>
          )}
          <span class="state">
            {STATE_MEANING[state]}
            {side === undefined ? '' : `, side ${side}`}
          </span>
        </h3>
        <p>
          {running && pulse !== undefined ? <Facts member={member} news={news} atMs={atMs} /> : 'no news'}
        </p>
      </div>
      <MemberButtons index={index} name={name} state={state} />
    </li>
  )
}

function Facts({ member, news, atMs }: Omit<MemberProps, 'side'>): JSX.Element {
  const { pulse, index } = member
  const entries = pulse?.maps.reduce((sum, { size }) => sum + size, 0) ?? 0
  const links = new Set(pulse?.swarms.flatMap(({ links }) => links.map(({ peer }) => peer))).size
  const since = news.differing.value.get(index)
  const conflicts = pulse?.maps.reduce((sum, { conflicts }) => sum + conflicts, 0) ?? 0
  return (
    <>
      {count(entries, 'entry', 'entries')} · {conflicts > 0 && `${count(conflicts, 'conflict')} · `}
      {count(links, 'link')} ·{' '}
      {since === undefined ? 'in step' : <strong class="behind">differs for {duration(atMs - since)}</strong>}
    </>
  )
}

type MemberButton = readonly [MemberAction, string, boolean]

/** The same three places in every state: a button never moves under a finger, and the focus never falls off the page. */
function MemberButtons({ index, name, state }: Pick<ClusterMember, 'index' | 'name' | 'state'>): JSX.Element {
  const [busy, setBusy] = useState(false)
  const gone = state === 'killed' || state === 'stopped'
  const places: readonly MemberButton[] = [
    gone ? ['restart', 'Restart', true] : ['kill', 'Kill', true],
    state === 'paused' ? ['resume', 'Resume', true] : ['pause', 'Pause', state === 'running'],
    ['stop', 'Stop', state === 'running']
  ]
  return (
    <div class="buttons" role="group" aria-label={`Actions on ${name}`}>
      {places.map(([action, label, possible], place) => (
        <button
          key={place}
          type="button"
          class="small"
          aria-label={`${label} ${name}`}
          aria-disabled={!possible || busy}
          onClick={() => {
            if (!possible || busy) return
            setBusy(true)
            void attempt(() => act(index, action)).finally(() => setBusy(false))
          }}
        >
          {label}
        </button>
      ))}
    </div>
  )
}
