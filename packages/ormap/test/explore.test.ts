import { HybridLogicalClock, stampOf } from '@starling/hlc'
import { expect, test } from 'vitest'
import {
  EMPTY_ENTRY,
  encodeEntry,
  hasLiveDot,
  joinEntries,
  liveDots,
  putEntry,
  removeEntry,
  greatestStamp,
  type Entry
} from '../src/index.ts'
import { id } from './entries.ts'
import { must } from './must.ts'

// Goal: no order of a few puts, removals and deliveries on one key leads to anything but what the causal past says.
// Method: every order, depth first, with states met before left out. A delivery brings any entry ever made, at any time, any
// number of times. The oracle keeps each operation with the set of operations it had seen, as bits.

interface Operation {
  readonly put: boolean
  readonly seen: number
}

interface State {
  readonly entries: readonly Entry[]
  /** Per replica: the operations whose effect has arrived. */
  readonly known: readonly number[]
  readonly clocks: readonly bigint[]
  readonly sent: readonly { readonly entry: Entry; readonly known: number }[]
  readonly operations: readonly Operation[]
}

/** The last replica's clock runs ahead, so that stamps and causes disagree. */
const WALLS = [10, 10, 15]

function survivors(known: number, operations: readonly Operation[]): number[] {
  const has = (set: number, i: number) => ((set >> i) & 1) === 1
  return operations.flatMap((operation, i) => {
    const overwritten = operations.some((later, j) => has(known, j) && has(later.seen, i))
    return has(known, i) && operation.put && !overwritten ? [i] : []
  })
}

function explore(replicas: number, operationsMax: number): number {
  const met = new Set<string>()
  const visit = (state: State): void => {
    const name = JSON.stringify([
      state.entries.map(entry => Buffer.from(encodeEntry('k', entry)).toString('base64')),
      state.known,
      state.clocks.map(String),
      state.sent.length,
      state.operations
    ])
    if (met.has(name)) return
    met.add(name)
    for (let i = 0; i < replicas; i++) {
      const live = liveDots(must(state.entries[i])).map(dot => must(dot.value[0]))
      if (
        live.toSorted((a, b) => a - b).join() !== survivors(must(state.known[i]), state.operations).join()
      ) {
        throw new Error(`replica ${i} shows ${live.join()} in ${name}`)
      }
    }
    for (let i = 0; i < replicas; i++) {
      for (const put of [true, false]) if (state.operations.length < operationsMax) write(state, i, put)
      for (const message of state.sent) deliver(state, i, message)
    }
  }

  const write = (state: State, i: number, put: boolean): void => {
    const base = must(state.entries[i])
    if (!put && !hasLiveDot(base)) return
    const number = state.operations.length
    const clock = new HybridLogicalClock({ floor: must(state.clocks[i]) })
    const stamp = clock.now(must(WALLS[i]))
    const entry = put
      ? putEntry(base, id(`${i}`), stamp, Uint8Array.of(number))
      : removeEntry(base, id(`${i}`), stamp)
    const known = must(state.known[i]) | (1 << number)
    visit({
      entries: state.entries.with(i, entry),
      known: state.known.with(i, known),
      clocks: state.clocks.with(i, stamp),
      sent: [...state.sent, { entry, known }],
      operations: [...state.operations, { put, seen: must(state.known[i]) }]
    })
  }

  const deliver = (state: State, i: number, { entry, known }: State['sent'][number]): void => {
    const joined = joinEntries(must(state.entries[i]), entry)
    const all = must(state.known[i]) | known
    if (all === state.known[i]) {
      // Nothing new to know: nothing may change.
      if (joined !== state.entries[i]) throw new Error(`a repeated entry changed replica ${i}`)
      return
    }
    const clock = new HybridLogicalClock({ floor: must(state.clocks[i]) })
    clock.receive(greatestStamp(entry), must(WALLS[i]))
    visit({
      ...state,
      entries: state.entries.with(i, joined),
      known: state.known.with(i, all),
      clocks: state.clocks.with(i, clock.last)
    })
  }

  const each = <T>(value: T): T[] => Array.from({ length: replicas }, () => value)
  visit({ entries: each(EMPTY_ENTRY), known: each(0), clocks: each(stampOf(0)), sent: [], operations: [] })
  return met.size
}

test('two replicas, every order of up to five operations', () => {
  expect(explore(2, 5)).toBeGreaterThan(1000)
})

test('three replicas, every order of up to three operations', () => {
  expect(explore(3, 3)).toBeGreaterThan(1000)
})
