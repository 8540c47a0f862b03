interface Operation {
  readonly put: boolean
  readonly seen: number
}

/** Operations are bits of one number. */
const OPERATIONS_MAX = 30

/** The naive model: each operation with the operations it had seen. */
export class Oracle {
  readonly #operations: Operation[] = []

  /** The number of the next operation, `undefined` when there are enough. */
  get next(): number | undefined {
    return this.#operations.length < OPERATIONS_MAX ? this.#operations.length : undefined
  }

  /** Adds the next operation. */
  add(operation: Operation): void {
    this.#operations.push(operation)
  }

  /** The puts among some operations that none of them had seen. */
  survivors(learned: number): number {
    let puts = 0
    let seen = 0
    for (const [i, operation] of this.#operations.entries()) {
      if (((learned >> i) & 1) === 0) continue
      if (operation.put) puts |= 1 << i
      seen |= operation.seen
    }
    return puts & ~seen
  }
}

/** Numbers of operations, for a trace. */
export const numbersOf = (bits: number): string =>
  Array.from({ length: OPERATIONS_MAX }, (_, i) => ((bits >> i) & 1 ? `${i} ` : '')).join('')
