import { expect, test } from 'vitest'
import { encodeEntry, ingest, INGEST_ITEMS_MAX, type Item } from '../src/index.ts'

const evidence = (n: number): Item => ({
  replica: n.toString(16).padStart(16, '0'),
  stamp: 1n,
  value: undefined
})

test('a message of short entries for a key with very many items cannot hold the process up for long', () => {
  const held = { items: Array.from({ length: INGEST_ITEMS_MAX / 4 }, (_, n) => evidence(n)) }
  const state = { get: (key: string) => (key === 'hot' ? held : undefined) }
  const short = encodeEntry('hot', { items: [evidence(0)] })
  const entries = [
    ...Array.from({ length: 1000 }, () => short),
    encodeEntry('other', { items: [evidence(0)] })
  ]
  const { changed, unchanged, rejected } = ingest(state, entries, { wallMs: 1 })
  expect([changed.length, unchanged, rejected.length]).toEqual([0, 4, 997])
  expect(new Set(rejected.map(({ reason }) => reason))).toEqual(new Set(['tooMuch']))
  // One long entry alone is always taken, however long the key's own is, and so are many short ones of other keys.
  expect(ingest(state, [short], { wallMs: 1 }).unchanged).toBe(1)
  const honest = Array.from({ length: 30_000 }, (_, n) => encodeEntry(`k${n}`, { items: [evidence(n)] }))
  expect(ingest(state, honest, { wallMs: 1 }).changed).toHaveLength(30_000)
})

test('what changes such a key, and will be applied to it, counts more', () => {
  const held = { items: Array.from({ length: INGEST_ITEMS_MAX / 100 }, (_, n) => evidence(n)) }
  const entries = Array.from({ length: 100 }, (_, n) => encodeEntry('hot', { items: [evidence(n + 1e6)] }))
  const { changed, rejected } = ingest({ get: () => held }, entries, { wallMs: 1 })
  expect([changed.length, rejected.length]).toEqual([25, 75])
})
