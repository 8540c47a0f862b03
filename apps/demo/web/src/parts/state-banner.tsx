import type { JSX } from 'preact'
import type { ClusterState, Pulse } from '../../../src/api/types.ts'
import type { PageNews } from '../data/page-news.ts'
import { count, duration } from '../model/wording.ts'

interface Verdict {
  readonly tone: 'good' | 'busy' | 'idle'
  readonly text: string
  readonly sinceMs?: number | undefined
  readonly more?: string
}

/** Whether all nodes hold the same, in one sentence. Read out when it changes; how long it has been so is not. */
export function StateBanner({ news }: { readonly news: PageNews }): JSX.Element {
  const cluster = news.cluster.value
  const pulse = news.pulse.value
  const atMs = cluster?.atMs ?? pulse?.atMs ?? 0
  const { tone, text, sinceMs, more } =
    cluster !== undefined
      ? clusterVerdict(cluster, news.differing.value)
      : pulse !== undefined
        ? nodeVerdict(pulse)
        : { tone: 'idle' as const, text: 'Waiting for the first news', sinceMs: undefined, more: undefined }
  return (
    <div class={`banner ${tone}`}>
      <strong role="status">{text}</strong>
      {sinceMs !== undefined && <span> for {duration(atMs - sinceMs)}</span>}
      {more !== undefined && <span class="more">{more}</span>}
    </div>
  )
}

function clusterVerdict(state: ClusterState, differing: ReadonlyMap<number, number>): Verdict {
  const running = state.members.filter(member => member.state === 'running').length
  const split = new Set(state.members.map(({ part }) => part)).size > 1
  const lost = state.lostAcknowledged
  const unchecked = state.uncheckedAcknowledged
  const more = [
    `${count(state.acknowledged, 'write')} acknowledged`,
    ...(lost === undefined ? [] : [`${lost.toLocaleString('en-GB')} lost`]),
    ...(unchecked === undefined ? [] : [`${unchecked.toLocaleString('en-GB')} not checked`])
  ].join(', ')
  if (running === 0) return { tone: 'idle', text: 'No node is running', more }
  const prefix = split ? 'Split in two: ' : ''
  if (state.converged)
    return {
      tone: 'good',
      text:
        running === 1
          ? split
            ? `${prefix}one node is running`
            : 'One node is running'
          : `${prefix === '' ? 'Converged' : `${prefix}converged`}: ${running === 2 ? 'both' : `all ${running}`} running nodes hold the same`,
      sinceMs: state.convergedSinceMs,
      more
    }
  if (differing.size === 0)
    return {
      tone: 'busy',
      text: prefix === '' ? 'Writes are on their way' : `${prefix}writes are on their way`,
      more
    }
  return {
    tone: 'busy',
    text: `${prefix}${differing.size} of ${running} running nodes ${differing.size === 1 ? 'differs' : 'differ'}`,
    sinceMs: Math.min(...differing.values()),
    more
  }
}

function nodeVerdict({ maps }: Pulse): Verdict {
  const lagging = maps.flatMap(map => map.lagging)
  const peers = new Set(lagging.map(({ peer }) => peer)).size
  const ill = maps.flatMap(({ name, health }) => health.map(reason => `${name}: ${reason}`))
  const more = ill.length === 0 ? {} : { more: ill.join(' · ') }
  if (peers === 0) return { tone: 'good', text: 'No neighbour is known to hold anything else', ...more }
  return {
    tone: 'busy',
    text: `${count(peers, 'neighbour')} ${peers === 1 ? 'holds' : 'hold'} something else`,
    sinceMs: Math.min(...lagging.map(({ sinceMs }) => sinceMs)),
    ...more
  }
}
