/** What became of an operation, as its caller was told. */
export type Outcome = 'pending' | 'acknowledged' | 'indeterminate' | 'refused'

/** One write or removal, and what its caller could have known. */
export interface Operation {
  readonly number: number
  readonly node: number
  readonly key: string
  /** Unique in the run; `undefined` for a removal. */
  readonly value: string | undefined
  /** Values of the key that were visible to the caller, or on their way from it. */
  readonly seen: ReadonlySet<string>
  readonly atMs: number
  /** Asked for while the clock was wrong by more than the drift bound: a repair writes it again, as somebody else's. */
  readonly clockWrong: boolean
  answeredMs: number | undefined
  /** Of the write, as its caller was told. */
  stamp: bigint | undefined
  outcome: Outcome
  /** Acknowledged, and the disk that says so was lost or set back since: it may be gone, if nobody else had it. */
  diskLost: boolean
  /** Acknowledged by a replica that doubted itself since: what it knew of the dead it has forgotten. */
  doubted: boolean
  /** Name of the error it was refused with, or is indeterminate for. */
  error: string | undefined
}

/** Everything that was asked of a cluster, in order: what every checker reads. */
export class History {
  readonly operations: Operation[] = []
  readonly #byValue = new Map<string, Operation>()
  readonly #byKey = new Map<string, Operation[]>()

  add(
    operation: Pick<Operation, 'node' | 'key' | 'value' | 'seen' | 'atMs'> & { readonly clockWrong?: boolean }
  ): Operation {
    const added: Operation = {
      clockWrong: false,
      ...operation,
      number: this.operations.length,
      answeredMs: undefined,
      stamp: undefined,
      outcome: 'pending',
      diskLost: false,
      doubted: false,
      error: undefined
    }
    this.operations.push(added)
    if (added.value !== undefined) this.#byValue.set(added.value, added)
    const ofKey = this.#byKey.get(added.key)
    if (ofKey === undefined) this.#byKey.set(added.key, [added])
    else ofKey.push(added)
    return added
  }

  get keys(): IterableIterator<string> {
    return this.#byKey.keys()
  }

  of(key: string): readonly Operation[] {
    return this.#byKey.get(key) ?? []
  }

  /** The write that made a value. */
  writeOf(value: string): Operation | undefined {
    return this.#byValue.get(value)
  }

  /** What this node's own unanswered operations on a key will make or leave: part of what its next one can know. */
  inFlight(node: number, key: string): readonly Operation[] {
    return this.of(key).filter(operation => operation.node === node && operation.outcome === 'pending')
  }

  /** The process ended: whoever waited was told nothing, so each of its open operations may have taken effect. */
  processEnded(node: number): void {
    for (const operation of this.operations) {
      if (operation.node !== node || operation.outcome !== 'pending') continue
      operation.outcome = 'indeterminate'
      operation.error = 'the process ended'
    }
  }

  /** The clock was set back on purpose: stamps begin anew, under another id. */
  clockRepaired(node: number): void {
    for (const operation of this.operations) if (operation.node === node) operation.stamp = undefined
  }

  /** The replica forgot what it knew: with the evidence gone as well, others may bring back what it had seen replaced. */
  doubted(node: number): void {
    for (const operation of this.operations) if (operation.node === node) operation.doubted = true
  }

  /** The disk was wiped, or an older image put in its place, or a power cut took what was not synced. */
  diskLost(node: number, sinceMs: number): void {
    for (const operation of this.operations) {
      if (operation.node === node && operation.atMs >= sinceMs) operation.diskLost = true
    }
  }
}
