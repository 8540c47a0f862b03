import type { ClusterState, ProcessState, Pulse } from '../../../src/api/types.ts'

/** How a node looks in the picture. `peer` is a node that only others speak of. */
export type NodeLook = ProcessState | 'peer'

export interface OverlayNode {
  readonly id: string
  readonly name: string
  readonly look: NodeLook
  /** Which side of a split it is on; 0 without one. */
  readonly part: number
  /** Its maps are not what most hold. */
  readonly differs: boolean
}

/** A link, once for both ends. */
export interface OverlayEdge {
  readonly key: string
  readonly a: string
  readonly b: string
  /** Whether at least one end sends whole messages over it. */
  readonly eager: boolean
  /** One end does not run: the other has not noticed yet. */
  readonly broken: boolean
}

export interface Overlay {
  readonly nodes: readonly OverlayNode[]
  readonly edges: readonly OverlayEdge[]
}

/** The whole cluster. Links are those that running nodes tell of: a killed node's last words are no links. */
export function overlayOfCluster(
  { members }: ClusterState,
  topic: string | undefined,
  differing: ReadonlySet<number>
): Overlay {
  const nodes = members.map(({ index, id, name, state, part }) => ({
    id: id ?? `#${index}`,
    name,
    look: state,
    part,
    differs: differing.has(index)
  }))
  const known = new Set(nodes.map(({ id }) => id))
  const pulses = members.flatMap(({ state, pulse }) =>
    state === 'running' && pulse !== undefined ? [pulse] : []
  )
  const running = new Set(pulses.map(({ id }) => id))
  const edges = edgesOf(pulses, topic)
    .filter(({ a, b }) => known.has(a) && known.has(b))
    .map(edge => ({ ...edge, broken: !running.has(edge.a) || !running.has(edge.b) }))
  return { nodes, edges }
}

/** One node and those it has links to, by the names they give themselves. */
export function overlayOfNode(
  pulse: Pulse,
  topic: string | undefined,
  names: ReadonlyMap<string, string>
): Overlay {
  const edges = edgesOf([pulse], topic)
  const lagging = new Set(pulse.maps.flatMap(({ lagging }) => lagging.map(({ peer }) => peer)))
  const peers = [...new Set(edges.flatMap(({ a, b }) => [a, b]))].filter(id => id !== pulse.id).sort()
  const self: OverlayNode = { id: pulse.id, name: pulse.name, look: 'running', part: 0, differs: false }
  const others = peers.map((id): OverlayNode => ({
    id,
    name: names.get(id) ?? shortId(id),
    look: 'peer',
    part: 0,
    differs: lagging.has(id)
  }))
  return { nodes: [self, ...others], edges }
}

/** The topics that nodes have links for, those with the most links first and Starling's own last. */
export function topicsOf(pulses: readonly Pulse[]): readonly string[] {
  const links = new Map<string, number>()
  for (const { topic, links: own } of pulses.flatMap(({ swarms }) => swarms))
    links.set(topic, (links.get(topic) ?? 0) + own.length)
  const own = (topic: string): number => (topic.startsWith('starling:') ? 1 : 0)
  return [...links]
    .sort(([a, n], [b, m]) => own(a) - own(b) || m - n || (a < b ? -1 : 1))
    .map(([topic]) => topic)
}

/** The end of a peer id: all begin alike. */
export function shortId(id: string): string {
  return id.length <= 9 ? id : `…${id.slice(-6)}`
}

/** The same for both ends. */
export function edgeKey(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}

/** Without a topic, the links of all. */
function edgesOf(pulses: readonly Pulse[], topic: string | undefined): readonly OverlayEdge[] {
  const edges = new Map<string, OverlayEdge>()
  for (const { id, swarms } of pulses)
    for (const swarm of swarms)
      if (topic === undefined || swarm.topic === topic)
        for (const { peer, eager } of swarm.links) {
          const key = edgeKey(id, peer)
          const [a, b] = id < peer ? [id, peer] : [peer, id]
          edges.set(key, { key, a, b, eager: eager || edges.get(key)?.eager === true, broken: false })
        }
  return [...edges.values()]
}
