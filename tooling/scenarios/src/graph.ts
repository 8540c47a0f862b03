/** An undirected graph as one list of neighbours for each node of 0 … n − 1; a node that is not part of it has `undefined`. */
export type Graph = readonly (readonly number[] | undefined)[]

/** Sizes of the connected components, largest first. Links count in either direction. */
export function componentSizes(graph: Graph): number[] {
  const both: number[][] = graph.map(() => [])
  graph.forEach((neighbors, node) => {
    for (const peer of neighbors ?? []) {
      if (graph[peer] === undefined) continue
      both[node]?.push(peer)
      both[peer]?.push(node)
    }
  })
  const seen = new Uint8Array(graph.length)
  const sizes: number[] = []
  for (let start = 0; start < graph.length; start++) {
    if (seen[start] === 1 || graph[start] === undefined) continue
    seen[start] = 1
    const queue = [start]
    for (let at = 0; at < queue.length; at++) {
      for (const peer of both[queue[at] as number] as number[]) {
        if (seen[peer] === 1) continue
        seen[peer] = 1
        queue.push(peer)
      }
    }
    sizes.push(queue.length)
  }
  return sizes.toSorted((a, b) => b - a)
}

/**
 * Mean over all nodes of the share of pairs of its neighbours that are neighbours themselves (Watts and Strogatz); a node
 * with fewer than two neighbours counts as 0.
 */
export function clusteringCoefficient(graph: Graph): number {
  const sets = graph.map(neighbors => new Set(neighbors ?? []))
  let sum = 0
  let nodes = 0
  for (const neighbors of graph) {
    if (neighbors === undefined) continue
    nodes++
    const degree = neighbors.length
    if (degree < 2) continue
    let links = 0
    for (let i = 0; i < degree; i++) {
      for (let j = i + 1; j < degree; j++)
        if (sets[neighbors[i] as number]?.has(neighbors[j] as number)) links++
    }
    sum += (2 * links) / (degree * (degree - 1))
  }
  return nodes === 0 ? 0 : sum / nodes
}

/**
 * Mean length of the shortest paths from the given sources to every node they reach. All nodes as sources give the exact
 * average; a sample of them an estimate.
 */
export function averagePathLength(graph: Graph, sources: readonly number[]): number {
  const distance = new Int32Array(graph.length)
  const queue = new Int32Array(graph.length)
  let sum = 0
  let count = 0
  for (const source of sources) {
    distance.fill(-1)
    distance[source] = 0
    queue[0] = source
    let end = 1
    for (let at = 0; at < end; at++) {
      const node = queue[at] as number
      const next = (distance[node] as number) + 1
      for (const peer of graph[node] ?? []) {
        if ((distance[peer] as number) >= 0 || graph[peer] === undefined) continue
        distance[peer] = next
        queue[end++] = peer
        sum += next
      }
    }
    count += end - 1
  }
  return count === 0 ? 0 : sum / count
}

/** Links that only one of their two ends has, dead ends included. */
export function asymmetricLinks(graph: Graph): number {
  let count = 0
  graph.forEach((neighbors, node) => {
    for (const peer of neighbors ?? []) if (graph[peer]?.includes(node) !== true) count++
  })
  return count
}
