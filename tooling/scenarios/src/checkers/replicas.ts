import type { History, Operation } from '../cluster/history.ts'

/** What one node shows at the end: of each key all values that no later write had seen. */
export interface Shown {
  readonly node: number
  readonly values: ReadonlyMap<string, readonly string[]>
}

/** I1: after the faults and the writes have stopped, every node shows the same. */
export function checkConvergence(all: readonly Shown[]): string[] {
  const [first, ...others] = all
  if (first === undefined) return []
  const wrong: string[] = []
  for (const other of others) {
    for (const key of new Set([...first.values.keys(), ...other.values.keys()])) {
      const [mine, theirs] = [first, other].map(({ values }) => (values.get(key) ?? []).toSorted().join(' '))
      if (mine !== theirs) {
        wrong.push(`I1: node ${first.node} shows ${key} = [${mine}], node ${other.node} shows [${theirs}]`)
      }
    }
  }
  return wrong
}

/** I4: every value that is shown was written, under that key. */
export function checkInvented(shown: Shown, history: History): string[] {
  return [...shown.values].flatMap(([key, values]) =>
    values
      .filter(value => history.writeOf(value)?.key !== key)
      .map(value => `I4: node ${shown.node} shows ${key} = ${value}, which nobody wrote there`)
  )
}

/**
 * I2 and I3: a write that was acknowledged, on a disk that was kept, is shown, unless an operation that took effect, or may have,
 * had seen it. Read under the merge rules: later is who had seen, not who has the greater stamp.
 */
export function checkLost(shown: Shown, history: History): string[] {
  const wrong: string[] = []
  for (const key of history.keys) {
    const here = new Set(shown.values.get(key))
    const operations = history.of(key)
    for (const write of operations) {
      if (write.value === undefined || here.has(write.value) || !isCertain(write)) continue
      const { value } = write
      if (!operations.some(other => mayHaveTakenEffect(other) && other.seen.has(value))) {
        wrong.push(
          `I3: node ${shown.node} lacks ${describe(write)}, which was acknowledged and which nobody replaced`
        )
      }
    }
  }
  return wrong
}

/**
 * I6: a value is not shown any more once an operation that was acknowledged, on a disk that was kept by a replica that never doubted
 * itself, had seen it.
 */
export function checkResurrection(shown: Shown, history: History): string[] {
  const wrong: string[] = []
  for (const [key, values] of shown.values) {
    for (const value of values) {
      // Whoever has a copy of it writes it again once its clock is repaired, without knowing what came of the first.
      if (history.writeOf(value)?.clockWrong === true) continue
      const over = history
        .of(key)
        .find(operation => isCertain(operation) && !operation.doubted && operation.seen.has(value))
      if (over !== undefined) {
        wrong.push(`I6: node ${shown.node} shows ${key} = ${value}, which ${describe(over)} had replaced`)
      }
    }
  }
  return wrong
}

/** I21: everything that was asked has been answered. */
export function checkAnswered(history: History): string[] {
  return history.operations
    .filter(({ outcome }) => outcome === 'pending')
    .map(operation => `I21: ${describe(operation)} was never answered`)
}

/** I20: nobody was told anything but a documented error. */
export function checkErrors(history: History, documented: ReadonlySet<string>): string[] {
  return history.operations
    .filter(({ error, outcome }) => outcome === 'refused' && !documented.has(error ?? ''))
    .map(operation => `I20: ${describe(operation)} was refused with ${String(operation.error)}`)
}

/** I8: who followed a map from its start, told by the watch alone, has what the map shows. */
export function checkTold(
  node: number,
  told: ReadonlyMap<string, string>,
  shown: ReadonlyMap<string, string>
): string[] {
  return [...new Set([...told.keys(), ...shown.keys()])]
    .filter(key => told.get(key) !== shown.get(key))
    .map(
      key =>
        `I8: node ${node} shows ${key} = ${String(shown.get(key))}, its watcher was told ${String(told.get(key))}`
    )
}

/** I7: on one machine, a write that was asked for after another had been acknowledged has the greater stamp. */
export function checkStamps(history: History): string[] {
  const wrong: string[] = []
  const byNode = Map.groupBy(history.operations, ({ node }) => node)
  for (const operations of byNode.values()) {
    const stamped = operations.filter(one => one.stamp !== undefined && !one.diskLost)
    for (const later of stamped) {
      const before = stamped.find(
        one => (one.answeredMs ?? Infinity) < later.atMs && (one.stamp ?? 0n) >= (later.stamp ?? 0n)
      )
      if (before !== undefined)
        wrong.push(`I7: ${describe(later)} has no greater stamp than ${describe(before)}`)
    }
  }
  return wrong
}

function isCertain({ outcome, diskLost }: Operation): boolean {
  return outcome === 'acknowledged' && !diskLost
}

function mayHaveTakenEffect({ outcome }: Operation): boolean {
  return outcome !== 'refused'
}

function describe({ number, node, key, value }: Operation): string {
  return `operation ${number} (node ${node}: ${value === undefined ? `remove ${key}` : `${key} = ${value}`})`
}
