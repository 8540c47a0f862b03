import { seededRandom, type SeededRandom } from '@starling/ports'
import { FingerprintTreeBuilder, type FingerprintTree, type Item } from '@starling/reconcile'

/** Where in time the items are that only one of two sets has. */
export type Place = 'spread' | 'recent'

/** Two sets with their trees, and how many items each lacks. */
export interface TwoSets {
  readonly left: FingerprintTree
  readonly right: FingerprintTree
  readonly different: number
}

/** From 2026 on, as many ms as a year has. */
const START_MS = 1_767_225_600_000
const YEAR_MS = 365 * 86_400_000

/** Sets of items whose stamps are spread over a year: `count` that both have, made once for all cases of that size. */
export class CommonItems {
  readonly count: number
  readonly #tree: FingerprintTree
  readonly #random: SeededRandom

  constructor(count: number) {
    this.count = count
    this.#random = seededRandom(`items of ${count}`)
    const builder = new FingerprintTreeBuilder()
    for (let ref = 0; ref < count; ref++) {
      const { stamp, hash } = this.#item('spread')
      builder.add(stamp, hash, ref)
    }
    this.#tree = builder.finish()
  }

  /** Two sets that have these in common, and half of `different` each beside them. */
  sets(different: number, place: Place): TwoSets {
    const sides = [this.#tree.clone(), this.#tree.clone()] as const
    for (let i = 0; i < different; i++) {
      const { stamp, hash, ref } = this.#item(place)
      sides[i % 2 === 0 ? 0 : 1].insert(stamp, hash, ref)
    }
    return { left: sides[0], right: sides[1], different }
  }

  /** A random item: its hash need not be that of anything. */
  #item(place: Place): Item {
    const random = this.#random
    const wallMs =
      place === 'spread'
        ? START_MS + Math.floor(random.float() * YEAR_MS)
        : START_MS + YEAR_MS + random.below(60_000)
    return { stamp: (BigInt(wallMs) << 16n) | BigInt(random.below(65_536)), hash: random.bytes(32), ref: 0 }
  }
}
