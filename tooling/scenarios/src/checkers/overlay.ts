import type { OverlayWorld } from '../overlay-world.ts'
import {
  asymmetricLinks,
  averagePathLength,
  clusteringCoefficient,
  componentSizes,
  type Graph
} from '../graph.ts'
import { viewViolation } from './views.ts'

/** From this many nodes on the path length is estimated from a sample of sources. */
const PATH_SOURCES_MAX = 400

/** What an overlay looks like at one moment. */
export interface OverlayShape {
  readonly components: number
  readonly clusteringCoefficient: number
  readonly averagePathLength: number
  /** Share of the nodes whose view is full, or as full as the number of nodes allows. */
  readonly fullDegreeShare: number
  readonly minDegree: number
  readonly asymmetricLinks: number
}

/** The active views of all nodes that are up. */
export function overlayGraph<X>(world: OverlayWorld<X>): Graph {
  return Array.from({ length: world.size }, (_, node) =>
    world.network.isUp(node) ? world.neighbors(node) : undefined
  )
}

/** Measures a world's overlay. Paths are exact up to 400 nodes, beyond that over 400 evenly spaced sources. */
export function overlayShape<X>(world: OverlayWorld<X>, degreeFull: number): OverlayShape {
  const graph = overlayGraph(world)
  const alive = world.alive()
  const degrees = alive.map(node => (graph[node] as readonly number[]).length)
  const full = Math.min(degreeFull, alive.length - 1)
  const step = Math.max(1, alive.length / PATH_SOURCES_MAX)
  const sources: number[] = []
  for (let at = 0; at < alive.length; at += step) sources.push(alive[Math.floor(at)] as number)
  return {
    components: componentSizes(graph).length,
    clusteringCoefficient: clusteringCoefficient(graph),
    averagePathLength: averagePathLength(graph, sources),
    fullDegreeShare: degrees.filter(degree => degree >= full).length / Math.max(1, alive.length),
    minDegree: degrees.reduce((least, degree) => Math.min(least, degree), Infinity),
    asymmetricLinks: asymmetricLinks(graph)
  }
}

/** Share of the nodes that are up with each number of neighbours. */
export function degreeShares<X>(world: OverlayWorld<X>, degreeFull: number): Record<string, number> {
  const alive = world.alive()
  const counts = Array.from({ length: degreeFull + 1 }, () => 0)
  for (const node of alive) {
    const degree = world.machine(node).activeView.length
    counts[degree] = (counts[degree] ?? 0) + 1
  }
  return Object.fromEntries(counts.map((count, degree) => [`degreeShare${degree}`, count / alive.length]))
}

/** What is wrong with an overlay at rest: a list of sentences, empty when nothing is. */
export function overlayViolations<X>(world: OverlayWorld<X>): string[] {
  const graph = overlayGraph(world)
  const violations: string[] = []
  const components = componentSizes(graph).length
  if (components > 1) violations.push(`overlay: ${components} components instead of 1`)
  const asymmetric = asymmetricLinks(graph)
  if (asymmetric > 0) violations.push(`overlay: ${asymmetric} links are held by one end only`)
  for (const node of world.alive()) {
    const wrong = viewViolation(world, node)
    if (wrong !== undefined) violations.push(wrong)
  }
  return violations
}
