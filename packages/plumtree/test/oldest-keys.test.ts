import { expect, test } from 'vitest'
import { OldestKeys } from '../src/oldest-keys.ts'
import { SeenIds } from '../src/seen-ids.ts'

test('a memory that was emptied by age still lets the oldest go when it is full again', () => {
  const seen = new SeenIds(2, 10)
  for (const [atMs, id] of ['a', 'b', 'c'].entries()) seen.add(id, atMs)
  expect([seen.has('a'), seen.has('b'), seen.has('c')]).toEqual([false, true, true])
  expect(seen.expire(100)).toBeUndefined()
  expect(seen.size).toBe(0)
  for (const id of ['d', 'e', 'f', 'g']) seen.add(id, 200)
  expect([seen.has('d'), seen.has('e'), seen.has('f'), seen.has('g')]).toEqual([false, false, true, true])
  seen.clear()
  for (const id of ['h', 'i', 'j']) seen.add(id, 300)
  expect([seen.size, seen.has('h'), seen.has('j')]).toEqual([2, false, true])
})

test('whoever asked an empty map is told of what comes later', () => {
  const map = new Map<string, number>()
  const oldest = new OldestKeys(map)
  expect(oldest.next()).toBeUndefined()
  for (const key of ['a', 'b']) map.set(key, 0)
  expect(oldest.next()).toBe('a')
})
