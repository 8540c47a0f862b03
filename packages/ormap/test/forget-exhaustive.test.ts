import { encodeValue } from '@starling/codec'
import { expect, test } from 'vitest'
import {
  encodeEntry,
  EMPTY_ENTRY,
  equalEntries,
  greatestStamp,
  hasLiveDot,
  ingest,
  joinEntries,
  Known,
  liveDots,
  putEntry,
  removeEntry,
  type Entry,
  type KnownStamps,
  type ReplicaId
} from '../src/index.ts'
import { id } from './entries.ts'
import { must } from './must.ts'

// Goal: in every order of a few writes, removals, deliveries, whole sessions, collections and one reopening, on one key with
// evidence dropped as soon as it is covered, nothing is lost, and after healing everyone shows what the causal past says and
// every item of evidence can be collected. Method: depth first, with states met before left out. Operations are bits.

interface Replica {
  readonly id: ReplicaId
  readonly entry: Entry
  readonly known: KnownStamps
  readonly learned: number
  readonly clock: bigint
}

interface State {
  readonly replicas: readonly Replica[]
  readonly sent: readonly { readonly entry: Entry; readonly carries: number }[]
  readonly operations: readonly { readonly put: boolean; readonly seen: number }[]
  readonly reopenings: number
}

const WHOLE = { wholeRange: true, refused: 0, uncompared: 0, durable: true }

/** What is known, as the class holds it: rows, and the own id up to its last write. */
function knownOf({ id: own, known }: Replica): Known {
  const opened = new Known([...known].filter(([replica]) => replica !== own))
  opened.begin(own)
  const applied = known.get(own)
  if (applied !== undefined) opened.applied(applied)
  return opened
}

function receive(
  replica: Replica,
  entry: Entry
): { readonly entry: Entry; readonly answers: Entry['items'] } {
  const forgetting = { type: 'byKnown', known: knownOf(replica) } as const
  const { changed, answers } = ingest({ get: () => replica.entry }, [encodeEntry('k', entry)], {
    wallMs: 1,
    forgetting
  })
  return {
    entry: changed[0]?.joined ?? replica.entry,
    answers: answers.flatMap(({ evidence }) => evidence.items)
  }
}

const liveKey = (entry: Entry): string =>
  liveDots(entry)
    .map(({ replica, stamp }) => `${replica}${stamp}`)
    .join()

/** A whole session, at once: the pieces of it are the business of the random schedules. */
function meet(a: Replica, b: Replica): readonly [Replica, Replica] {
  let mine = a.entry
  let theirs = b.entry
  if (liveKey(mine) !== liveKey(theirs)) {
    const here = theirs.items.length === 0 ? { entry: mine, answers: [] } : receive(a, theirs)
    const sent = joinEntries(here.entry, { items: here.answers })
    const there = sent.items.length === 0 ? { entry: theirs, answers: [] } : receive(b, sent)
    const back = joinEntries(there.entry, { items: there.answers })
    mine = there.answers.length === 0 ? here.entry : receive({ ...a, entry: here.entry }, back).entry
    theirs = there.entry
  }
  const [left, right] = [knownOf(a), knownOf(b)]
  const [first, second] = [left.startSession(), right.startSession()]
  left.raise(first, second.stamps, WHOLE)
  right.raise(second, first.stamps, WHOLE)
  const both = { learned: a.learned | b.learned, clock: a.clock > b.clock ? a.clock : b.clock }
  return [
    { ...a, ...both, entry: mine, known: left.stamps() },
    { ...b, ...both, entry: theirs, known: right.stamps() }
  ]
}

function survivors(learned: number, { operations }: State): number {
  let puts = 0
  let seen = 0
  for (const [i, operation] of operations.entries()) {
    if (((learned >> i) & 1) === 0) continue
    if (operation.put) puts |= 1 << i
    seen |= operation.seen
  }
  return puts & ~seen
}

const shown = (entry: Entry): number =>
  liveDots(entry).reduce((bits, { value }) => bits | (1 << must(value.at(-1))), 0)

function explore(
  replicas: number,
  operationsMax: number
): { readonly states: number; readonly wrong: readonly string[] } {
  const met = new Set<string>()
  const wrong: string[] = []

  const visit = (state: State, trace: readonly string[]): void => {
    const name = JSON.stringify([
      state.replicas.map(({ id: own, entry, known, learned }) => [
        own,
        Buffer.from(encodeEntry('k', entry)).toString('base64'),
        [...known].map(([q, t]) => `${q}${t}`).toSorted(),
        learned
      ]),
      state.sent.length,
      state.operations,
      state.reopenings
    ])
    if (met.has(name)) return
    met.add(name)
    for (const { entry, learned } of state.replicas) {
      if ((survivors(learned, state) & ~shown(entry)) !== 0) wrong.push(`loss: ${trace.join('; ')}`)
    }
    heal(state, trace)
    for (let i = 0; i < replicas; i++) go(state, i, trace)
  }

  const heal = (state: State, trace: readonly string[]): void => {
    const all = state.replicas.slice()
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < replicas; i++) {
        for (let j = 0; j < replicas; j++) {
          if (i !== j) [all[i], all[j]] = meet(must(all[i]), must(all[j]))
        }
      }
    }
    const learned = all.reduce((bits, replica) => bits | replica.learned, 0)
    for (const replica of all) {
      if (shown(replica.entry) !== survivors(learned, state))
        wrong.push(`wrong after healing: ${trace.join('; ')}`)
      const known = knownOf(replica)
      for (const { replica: q, stamp, value } of replica.entry.items) {
        if (value === undefined && !known.covers(q, stamp)) wrong.push(`evidence stays: ${trace.join('; ')}`)
      }
    }
  }

  const go = (state: State, i: number, trace: readonly string[]): void => {
    const replica = must(state.replicas[i])
    const step = (by: Replica, what: string, rest: Partial<State> = {}): void =>
      visit({ ...state, replicas: state.replicas.with(i, by), ...rest }, [...trace, `${i} ${what}`])
    const number = state.operations.length
    for (const put of [true, false]) {
      if (number >= operationsMax || (!put && !hasLiveDot(replica.entry))) continue
      const last = greatestStamp(replica.entry)
      const stamp = (replica.clock > last ? replica.clock : last) + 1n
      const entry = put
        ? putEntry(replica.entry, replica.id, stamp, encodeValue(number))
        : removeEntry(replica.entry, replica.id, stamp)
      const learned = replica.learned | (1 << number)
      step(
        { ...replica, entry, learned, clock: stamp, known: new Map([...replica.known, [replica.id, stamp]]) },
        `${put ? 'puts' : 'removes'} (${number})`,
        {
          sent: [...state.sent, { entry, carries: learned }],
          operations: [...state.operations, { put, seen: replica.learned }]
        }
      )
    }
    for (const [n, { entry: came, carries }] of state.sent.entries()) {
      const { entry } = receive(replica, came)
      if (equalEntries(entry, replica.entry) && (replica.learned | carries) === replica.learned) continue
      const last = greatestStamp(came)
      const clock = replica.clock > last ? replica.clock : last
      step({ ...replica, entry, clock, learned: replica.learned | carries }, `gets message ${n}`)
    }
    const known = knownOf(replica)
    for (const item of replica.entry.items) {
      if (item.value !== undefined || !known.covers(item.replica, item.stamp)) continue
      const items = replica.entry.items.filter(other => other !== item)
      step({ ...replica, entry: items.length === 0 ? EMPTY_ENTRY : { items } }, `collects ${item.replica}`)
    }
    for (let j = i + 1; j < replicas; j++) {
      const [a, b] = meet(replica, must(state.replicas[j]))
      visit({ ...state, replicas: state.replicas.with(i, a).with(j, b) }, [...trace, `${i} meets ${j}`])
    }
    if (state.reopenings > 0) {
      step({ ...replica, id: id(`f${i}`) }, 'reopens', { reopenings: state.reopenings - 1 })
    }
  }

  visit(
    {
      replicas: Array.from({ length: replicas }, (_, i) => ({
        id: id(`${i + 1}`),
        entry: EMPTY_ENTRY,
        known: new Map(),
        learned: 0,
        clock: 0n
      })),
      sent: [],
      operations: [],
      reopenings: 1
    },
    []
  )
  return { states: met.size, wrong }
}

test('two replicas, every order of up to three operations, deliveries, sessions, collections and a reopening', () => {
  const { states, wrong } = explore(2, 3)
  expect(wrong.slice(0, 3)).toEqual([])
  expect(states).toBeGreaterThan(10_000)
})

test('three replicas, every order of up to two operations, deliveries, sessions, collections and a reopening', () => {
  const { states, wrong } = explore(3, 2)
  expect(wrong.slice(0, 3)).toEqual([])
  expect(states).toBeGreaterThan(10_000)
})
