import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SLAB_BYTES, SLAB_LIVE_SHARE_MIN } from '../src/config.ts'
import { SlabStore } from '../src/slab-store.ts'
import { must } from './must.ts'
import { runs } from './runs.ts'

const ROW_OVERHEAD_BYTES = 8

const put = (store: SlabStore, key: string, row: Uint8Array): number => {
  store.reserve(row.length).set(row, store.room)
  return store.commit(key, store.slotOf(key))
}

/** Rows that tell themselves apart, mostly short, some as long as a slab and longer. */
const step = fc.record({
  type: fc.constantFrom('put', 'put', 'put', 'put', 'delete', 'abandon'),
  key: fc.nat({ max: 12 }).map(String),
  length: fc.oneof(
    { weight: 20, arbitrary: fc.nat({ max: 100 }) },
    { weight: 4, arbitrary: fc.integer({ min: 500, max: 5000 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(SLAB_BYTES / 4 - 8, SLAB_BYTES / 4 - 7, SLAB_BYTES, SLAB_BYTES + 1)
    }
  )
})

test('a slab all of whose rows are dead is not written from its start again', () => {
  const store = new SlabStore()
  const row = store.rowOf(put(store, 'short', new Uint8Array(40).fill(1)))
  // A row of a slab of its own, so that the last write was elsewhere.
  put(store, 'long', new Uint8Array(SLAB_BYTES))
  store.delete('short')
  put(store, 'other', new Uint8Array(40).fill(2))
  expect(row).toEqual(new Uint8Array(40).fill(1))
})

test('after any steps it holds what a plain map holds, and views handed out before have not changed', () => {
  let moved = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), steps => {
      const store = new SlabStore()
      const model = new Map<string, Uint8Array>()
      const held: { readonly view: Uint8Array; readonly copy: Uint8Array }[] = []
      steps.forEach(({ type, key, length }, i) => {
        const row = new Uint8Array(length).fill(i + 1)
        const slot = store.slotOf(key)
        if (type === 'delete') {
          store.delete(key)
          model.delete(key)
        } else if (type === 'abandon') {
          store.reserve(length).set(row, store.room)
        } else {
          expect(put(store, key, row)).toBe(slot ?? store.slotOf(key))
          model.set(key, row)
          const view = store.rowOf(must(store.slotOf(key)))
          held.push({ view, copy: row })
        }
        const living = [...model.values()].reduce(
          (sum, { length: bytes }) => sum + bytes + ROW_OVERHEAD_BYTES,
          0
        )
        expect(store.liveBytes).toBe(living)
        expect(store.slabBytes).toBeLessThanOrEqual(living / SLAB_LIVE_SHARE_MIN + SLAB_BYTES)
      })
      const found = new Map(Array.from(store.entries(), ([name, at]) => [name, store.rowOf(at)]))
      expect(found).toEqual(model)
      expect([...found.keys()]).toEqual([...model.keys()])
      for (const { view, copy } of held) expect(view).toEqual(copy)
      for (const [key, slot] of store.entries()) {
        const last = held.findLast(({ copy }) => copy === model.get(key))
        if (last !== undefined && last.view.buffer !== store.bytesOf(slot).buffer) moved++
      }
    }),
    runs(2000)
  )
  expect(moved).toBeGreaterThan(20)
})

test('a million rows over a thousand keys take no more than the first thousand', () => {
  const store = new SlabStore()
  const row = new Uint8Array(60).fill(1)
  const keys = Array.from({ length: 1000 }, (_, i) => `key ${i}`)
  for (const key of keys) put(store, key, row)
  const living = store.liveBytes
  let most = 0
  for (let i = 0; i < 1_000_000; i++) {
    put(store, must(keys[(i * 7919) % 1000]), row)
    most = Math.max(most, store.slabBytes)
  }
  expect(store.liveBytes).toBe(living)
  expect(most).toBeLessThanOrEqual(living / SLAB_LIVE_SHARE_MIN + SLAB_BYTES)
})

test('rows that all go leave no more than one slab', () => {
  const store = new SlabStore()
  for (let i = 0; i < 20_000; i++) put(store, `${i}`, new Uint8Array(100))
  expect(store.slabBytes).toBeGreaterThan(2_000_000)
  for (let i = 0; i < 20_000; i++) store.delete(`${i}`)
  expect(store.size).toBe(0)
  expect(store.liveBytes).toBe(0)
  expect(store.slabBytes).toBeLessThanOrEqual(SLAB_BYTES)
})

test('the slot of a deleted key serves another', () => {
  const store = new SlabStore()
  const first = put(store, 'a', Uint8Array.of(1))
  store.delete('a')
  store.delete('a')
  expect(put(store, 'b', Uint8Array.of(2))).toBe(first)
  expect(store.slotOf('a')).toBeUndefined()
  expect(store.rowOf(first)).toEqual(Uint8Array.of(2))
})

test.each([
  ['in the order of their age never move', (i: number) => i % 3000, 0],
  ['at random move less than every second time', (i: number) => ((i * 2_654_435_761) >>> 8) % 3000, 0.5]
])('rows that are replaced %s', (_name, keyOf, most) => {
  const store = new SlabStore()
  const row = new Uint8Array(60)
  const placed = new Map<string, ArrayBufferLike>()
  const write = (key: string) => placed.set(key, store.bytesOf(put(store, key, row)).buffer)
  for (let i = 0; i < 3000; i++) write(`${i}`)
  let moved = 0
  for (let i = 0; i < 30_000; i++) {
    const key = `${keyOf(i)}`
    if (store.bytesOf(must(store.slotOf(key))).buffer !== placed.get(key)) moved++
    write(key)
  }
  expect(moved / 30_000).toBeLessThanOrEqual(most)
})
