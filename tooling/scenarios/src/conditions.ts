import type { SimNetwork } from '@starling/sim'
import { blocks } from './cut.ts'
import type { Action } from './plan.ts'

type Condition = Extract<Action, { type: 'loss' | 'duplicates' | 'reorder' | 'spike' | 'slow' | 'partition' }>

/** Faults of a network that last for a while and may overlap: what they come to together. */
export class Conditions<M> {
  readonly #network: SimNetwork<M>
  readonly #active = new Set<Condition>()

  constructor(network: SimNetwork<M>) {
    this.#network = network
  }

  begin(condition: Condition): void {
    this.#active.add(condition)
    this.#apply(condition.type)
  }

  end(condition: Condition): void {
    if (this.#active.delete(condition)) this.#apply(condition.type)
  }

  /** Ends all of them. */
  heal(): void {
    for (const condition of [...this.#active]) this.end(condition)
  }

  /** Brings the network up to date with those of one kind. A partition that goes on is not begun anew by anything else. */
  #apply(type: Condition['type']): void {
    const network = this.#network
    switch (type) {
      case 'loss':
        return network.setLoss(greatest(this.#of('loss').map(({ share }) => share)))
      case 'duplicates':
        return network.setDuplication(greatest(this.#of('duplicates').map(({ share }) => share)))
      case 'reorder': {
        const jitterMsMax = greatest(this.#of('reorder').map(condition => condition.jitterMsMax))
        return network.setJitter(jitterMsMax, jitterMsMax === 0)
      }
      case 'spike':
      case 'slow':
        return this.#applyDelays()
      case 'partition': {
        const cuts = this.#of('partition').map(({ cut }) => cut)
        const blocked = (from: number, to: number): boolean => cuts.some(cut => blocks(cut, from, to))
        return network.partition(cuts.length === 0 ? undefined : blocked)
      }
    }
  }

  #applyDelays(): void {
    const everywhereMs = this.#of('spike').reduce((sum, { extraMs }) => sum + extraMs, 0)
    const slow = new Map(this.#of('slow').map(({ node, extraMs }) => [node, extraMs]))
    const extra = (from: number, to: number): number =>
      everywhereMs + (slow.get(from) ?? 0) + (slow.get(to) ?? 0)
    this.#network.setExtraDelay(everywhereMs === 0 && slow.size === 0 ? undefined : extra)
  }

  #of<T extends Condition['type']>(type: T): Extract<Condition, { type: T }>[] {
    return [...this.#active].filter(
      (condition): condition is Extract<Condition, { type: T }> => condition.type === type
    )
  }
}

function greatest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0)
}
