import type { SeededRandom } from '@starling/ports'

/**
 * What a partition separates. `group` holds one number for each node.
 *
 * - `groups`: nothing passes between two groups.
 * - `oneWay`: nothing passes from a lower to a higher group; the other direction is open.
 * - `bridge`: nothing passes between two groups, but group 0 reaches everybody.
 * - `ring`: five groups form a ring, and only neighbours on it reach each other.
 */
export interface Cut {
  readonly type: 'groups' | 'oneWay' | 'bridge' | 'ring'
  readonly group: readonly number[]
}

/** Ways to draw a cut. `uniformSize`: two groups, every size equally likely. `uniformCoin`: a coin for each node. */
export const CUT_KINDS = [
  'halves',
  'threeWays',
  'uniformSize',
  'uniformCoin',
  'isolateOne',
  'ring',
  'bridge',
  'oneWay',
  'flapping'
] as const

export type CutKind = (typeof CUT_KINDS)[number]

/** Groups of a ring: each reaches two of the four others. */
const RING_GROUPS = 5

/** Whether a message from one node to another is held back. */
export function blocks(cut: Cut, from: number, to: number): boolean {
  const a = cut.group[from] ?? 0
  const b = cut.group[to] ?? 0
  if (a === b) return false
  switch (cut.type) {
    case 'groups':
      return true
    case 'oneWay':
      return a < b
    case 'bridge':
      return a !== 0 && b !== 0
    case 'ring': {
      const apart = Math.abs(a - b)
      return apart !== 1 && apart !== RING_GROUPS - 1
    }
  }
}

/** Draws who is on which side. A flapping cut is halves that come and go: the plan repeats it. */
export function drawCut(kind: CutKind, nodes: number, random: SeededRandom): Cut {
  const groups = (group: (node: number) => number, type: Cut['type'] = 'groups'): Cut => ({
    type,
    group: Array.from({ length: nodes }, (_, node) => group(node))
  })
  const shuffled = permutation(nodes, random)
  const rank = (node: number): number => shuffled[node] as number
  const parts = (count: number): ((node: number) => number) => {
    return node => Math.floor((rank(node) * count) / nodes)
  }
  switch (kind) {
    case 'halves':
    case 'flapping':
      return groups(parts(2))
    case 'threeWays':
      return groups(parts(3))
    case 'uniformSize': {
      const size = 1 + random.below(Math.max(1, nodes - 1))
      return groups(node => (rank(node) < size ? 0 : 1))
    }
    case 'uniformCoin':
      return groups(() => random.below(2))
    case 'isolateOne':
      return groups(node => (rank(node) === 0 ? 1 : 0))
    case 'ring':
      return groups(parts(RING_GROUPS), 'ring')
    case 'bridge':
      return groups(node => (rank(node) === 0 ? 0 : 1 + (rank(node) % 2)), 'bridge')
    case 'oneWay':
      return groups(parts(2), 'oneWay')
  }
}

/** For each index a different rank, at random. */
function permutation(size: number, random: SeededRandom): number[] {
  const ranks = Array.from({ length: size }, (_, i) => i)
  for (let i = size - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const swapped = ranks[i] as number
    ranks[i] = ranks[j] as number
    ranks[j] = swapped
  }
  return ranks
}
