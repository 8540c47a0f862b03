import { encodeValue } from '@starling/codec'
import { expect, test } from 'vitest'
import {
  EMPTY_ENTRY,
  equalEntries,
  hasLiveDot,
  joinEntries,
  liveDots,
  putEntry,
  removeEntry,
  type Entry
} from '../src/index.ts'
import { id } from './entries.ts'
import { must } from './must.ts'

// Goal: the rule about the base of a write and the row that is stored, which every user of this package must follow, loses
// nothing; and the obvious other rules do. Method: one replica, one key, a script of local writes and one remote entry, and
// every moment at which a batch may start, end, or fail with or without having reached the disk.

type Step = 'set' | 'delete' | 'remote'

interface Rule {
  /** What a local write takes as its base. */
  readonly base: 'applied' | 'staged' | 'visibleAndOwn'
  /** Whether the row is the write's entry alone, or joined with everything staged. */
  readonly row: 'entry' | 'joined'
}

interface Write {
  readonly number: number
  readonly put: boolean
  readonly local: boolean
  readonly seen: ReadonlySet<number>
}

interface State {
  readonly next: number
  readonly applied: Entry
  readonly disk: Entry
  /** Everything accepted, durable or not. */
  readonly staged: Entry
  /** Own writes under way. */
  readonly own: Entry
  readonly queue: readonly { readonly row: Entry; readonly write: Write }[]
  readonly flying: readonly { readonly row: Entry; readonly write: Write }[] | undefined
  /** Writes that took effect. */
  readonly done: readonly Write[]
  readonly failed: boolean
}

const REMOTE = 99
const value = (entry: Entry): number[] => liveDots(entry).map(dot => must(dot.value.at(-1)))

function problems(rule: Rule, script: readonly Step[]): Set<string> {
  const found = new Set<string>()

  const visit = (state: State): void => {
    const step = script[state.next]
    if (step !== undefined) visit(issue(state, step))
    if (state.queue.length > 0 && state.flying === undefined)
      visit({ ...state, flying: state.queue, queue: [] })
    if (state.flying !== undefined) {
      visit(finish(state, state.flying))
      if (!state.failed) for (const reached of [true, false]) visit(fail(state, state.flying, reached))
    }
    if (step === undefined && state.queue.length === 0 && state.flying === undefined) judge(state)
  }

  const issue = (state: State, step: Step): State => {
    const next = state.next + 1
    if (step === 'remote') {
      const entry = putEntry(undefined, id('f'), 5n, encodeValue(REMOTE))
      const write: Write = { number: REMOTE, put: true, local: false, seen: new Set() }
      return stage({ ...state, next }, entry, write)
    }
    const visible = joinEntries(state.applied, state.own)
    const base = { applied: state.applied, staged: state.staged, visibleAndOwn: visible }[rule.base]
    const stamp = BigInt(10 + next)
    // The caller has seen what is visible and what it wrote itself.
    const own = [...(state.flying ?? []), ...state.queue]
      .filter(({ write }) => write.local)
      .map(({ write }) => write)
    const seen = new Set([
      ...value(state.applied),
      ...[...own, ...state.done].filter(w => w.local).map(w => w.number)
    ])
    if (step === 'delete') {
      if (!hasLiveDot(base)) {
        if (hasLiveDot(visible)) found.add('a delete after an own set did nothing')
        return { ...state, next }
      }
      const entry = removeEntry(base, id('a'), stamp)
      return stage({ ...state, next, own: joinEntries(state.own, entry) }, entry, {
        number: next,
        put: false,
        local: true,
        seen
      })
    }
    const entry = putEntry(base, id('a'), stamp, encodeValue(next))
    return stage({ ...state, next, own: joinEntries(state.own, entry) }, entry, {
      number: next,
      put: true,
      local: true,
      seen
    })
  }

  const stage = (state: State, entry: Entry, write: Write): State => {
    const staged = joinEntries(state.staged, entry)
    return {
      ...state,
      staged,
      queue: [...state.queue, { row: rule.row === 'joined' ? staged : entry, write }]
    }
  }

  const finish = (state: State, flying: NonNullable<State['flying']>): State => ({
    ...state,
    applied: flying.reduce((entry, { row }) => joinEntries(entry, row), state.applied),
    disk: must(flying.at(-1)).row,
    own: state.queue.length === 0 ? EMPTY_ENTRY : state.own,
    flying: undefined,
    done: [...state.done, ...flying.map(({ write }) => write)]
  })

  /** The store is closed and opened again; what waited behind the batch fails, what was applied is written again. */
  const fail = (state: State, flying: NonNullable<State['flying']>, reached: boolean): State => {
    const disk = joinEntries(reached ? must(flying.at(-1)).row : state.disk, state.applied)
    return {
      ...state,
      disk,
      applied: disk,
      staged: disk,
      own: EMPTY_ENTRY,
      queue: [],
      flying: undefined,
      done: reached ? [...state.done, ...flying.map(({ write }) => write)] : state.done,
      failed: true
    }
  }

  const judge = ({ applied, disk, done }: State): void => {
    if (!equalEntries(applied, disk)) found.add('the disk differs from what was applied')
    for (const { number, put } of done) {
      if (!put) continue
      const overwritten = done.some(({ seen }) => seen.has(number))
      if (!overwritten && !value(applied).includes(number)) found.add('an acknowledged write is gone')
      if (overwritten && value(applied).includes(number)) found.add('a superseded write is live')
    }
  }

  visit({
    next: 0,
    applied: EMPTY_ENTRY,
    disk: EMPTY_ENTRY,
    staged: EMPTY_ENTRY,
    own: EMPTY_ENTRY,
    queue: [],
    flying: undefined,
    done: [],
    failed: false
  })
  return found
}

const scripts: readonly Step[][] = [
  ['set', 'set'],
  ['set', 'delete'],
  ['set', 'remote', 'set'],
  ['remote', 'set'],
  ['set', 'remote', 'delete', 'set'],
  ['remote', 'delete'],
  ['set', 'set', 'remote', 'delete']
]
const all = (rule: Rule) => new Set(scripts.flatMap(script => [...problems(rule, script)]))

test('base = what the caller could know, row = joined with everything staged: nothing is lost in any schedule', () => {
  expect(all({ base: 'visibleAndOwn', row: 'joined' })).toEqual(new Set())
})

test('base = what is applied: a delete misses an own write under way', () => {
  expect(all({ base: 'applied', row: 'joined' })).toContain('a delete after an own set did nothing')
})

test('base = everything staged: a remote write that nobody could see is lost', () => {
  expect(all({ base: 'staged', row: 'joined' })).toContain('an acknowledged write is gone')
})

test('row = the entry alone: the disk loses what it held', () => {
  expect(all({ base: 'visibleAndOwn', row: 'entry' })).toContain('the disk differs from what was applied')
})
