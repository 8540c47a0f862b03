import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asymmetricLinks,
  averagePathLength,
  clusteringCoefficient,
  componentSizes,
  type Graph
} from '../src/graph.ts'

const triangle: Graph = [
  [1, 2],
  [0, 2],
  [0, 1]
]
const path: Graph = [[1], [0, 2], [1, 3], [2]]
const twoPairs: Graph = [[1], [0], [3], [2]]

describe('measures of a graph', () => {
  test('components are counted largest first, and absent nodes are no part of any', () => {
    expect(componentSizes(path)).toEqual([4])
    expect(componentSizes(twoPairs)).toEqual([2, 2])
    expect(componentSizes([[1], [0], undefined, []])).toEqual([2, 1])
    expect(componentSizes([[1], undefined])).toEqual([1])
    expect(componentSizes([])).toEqual([])
  })

  test('a link held by one end joins components all the same', () => {
    expect(componentSizes([[], [0]])).toEqual([2])
  })

  test('clustering is 1 in a triangle, 0 on a path, and the mean over all nodes', () => {
    expect(clusteringCoefficient(triangle)).toBe(1)
    expect(clusteringCoefficient(path)).toBe(0)
    // A triangle with a tail at node 0: pairs of node 0 are (1,2), (1,3), (2,3), one of them linked.
    expect(clusteringCoefficient([[1, 2, 3], [0, 2], [0, 1], [0]])).toBeCloseTo((1 / 3 + 1 + 1 + 0) / 4, 12)
  })

  test('the average path is over all pairs that reach each other', () => {
    expect(averagePathLength(path, [0, 1, 2, 3])).toBeCloseTo(20 / 12, 12)
    expect(averagePathLength(triangle, [0, 1, 2])).toBe(1)
    expect(averagePathLength(twoPairs, [0, 1, 2, 3])).toBe(1)
    expect(averagePathLength([[], []], [0, 1])).toBe(0)
  })

  test('asymmetric links are counted by the end that has them, dead ends included', () => {
    expect(asymmetricLinks(path)).toBe(0)
    expect(asymmetricLinks([[1], []])).toBe(1)
    expect(asymmetricLinks([[1, 2], [0], undefined])).toBe(1)
  })

  test('path lengths and components agree with Floyd and Warshall on random graphs', () => {
    const edges = fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 9 })), { maxLength: 20 })
    fc.assert(
      fc.property(edges, pairs => {
        const sets = Array.from({ length: 10 }, () => new Set<number>())
        const distance = sets.map((_, i) => sets.map((__, j) => (i === j ? 0 : Infinity)))
        const set = (i: number, j: number, value: number): void => {
          const row = distance[i]
          if (row !== undefined) row[j] = value
        }
        const get = (i: number, j: number): number => distance[i]?.[j] ?? Infinity
        for (const [a, b] of pairs) {
          if (a === b) continue
          sets[a]?.add(b)
          sets[b]?.add(a)
          set(a, b, 1)
          set(b, a, 1)
        }
        for (let k = 0; k < 10; k++) {
          for (let i = 0; i < 10; i++) {
            for (let j = 0; j < 10; j++) set(i, j, Math.min(get(i, j), get(i, k) + get(k, j)))
          }
        }
        const finite = distance.flat().filter(value => value > 0 && value < Infinity)
        const mean = finite.length === 0 ? 0 : finite.reduce((sum, value) => sum + value, 0) / finite.length
        const graph = sets.map(peers => [...peers])
        expect(averagePathLength(graph, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])).toBeCloseTo(mean, 12)
        const sizes = componentSizes(graph)
        const reachable = distance.map(row => row.filter(value => value < Infinity).length)
        expect(sizes.flatMap(size => Array.from({ length: size }, () => size))).toEqual(
          reachable.toSorted((a, b) => b - a)
        )
      })
    )
  })
})
