import { systemHash } from '@starling/ports/system'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { equalEntries, isDot, ObservedRemoveMap, type Entry, type Item } from '../src/index.ts'
import { arbitraryEntry, entryOf, id, item, say } from './entries.ts'
import { must } from './must.ts'
import { runs } from './runs.ts'

const mapOf = (entry: Entry) => {
  const map = new ObservedRemoveMap(systemHash)
  map.join('k', entry)
  return map
}

test('evidence that is covered is forgotten, and neither a dot nor the fingerprint moves', () => {
  const map = mapOf(entryOf(item('a', 1), item('b', 2, 5), item('c', 3)))
  const before = { root: map.root, hash: map.itemHash('k'), size: map.size }
  const asked: Item[] = []
  const change = map.dropEvidence('k', one => asked.push(one) > 0 && one.replica === id('a'))
  expect(say(must(change).entry)).toBe('b@2=05 c@3')
  expect(say(must(must(change).previous))).toBe('a@1 b@2=05 c@3')
  expect(say(must(map.get('k')))).toBe('b@2=05 c@3')
  expect(asked.map(({ replica }) => replica)).toEqual([id('a'), id('c')])
  expect(map.root.equals(before.root)).toBe(true)
  expect({ hash: map.itemHash('k'), size: map.size }).toEqual({ hash: before.hash, size: before.size })
})

test('an entry that is left without items is gone, and can come again', () => {
  const map = mapOf(entryOf(item('a', 1), item('c', 3)))
  expect(map.dropEvidence('k', () => true)?.entry.items).toEqual([])
  expect(map.get('k')).toBeUndefined()
  expect(map.entryCount).toBe(0)
  expect([...map.allEntries()]).toEqual([])
  expect(map.join('k', entryOf(item('a', 1, 7)))?.previous).toBeUndefined()
  expect(map.size).toBe(1)
})

test('nothing to forget changes nothing', () => {
  const map = mapOf(entryOf(item('a', 1), item('b', 2, 5)))
  expect(map.dropEvidence('k', () => false)).toBeUndefined()
  expect(map.dropEvidence('other', () => true)).toBeUndefined()
  expect(mapOf(entryOf(item('b', 2, 5))).dropEvidence('k', () => true)).toBeUndefined()
  expect(say(must(map.get('k')))).toBe('a@1 b@2=05')
})

test('exactly the covered evidence of any entry is forgotten', () => {
  fc.assert(
    fc.property(arbitraryEntry, fc.bigInt({ min: 0n, max: 4n }), (entry, bound) => {
      const map = mapOf(entry)
      const { root, size } = map
      const isCovered = ({ stamp }: Item) => stamp < bound
      const expected = { items: entry.items.filter(one => isDot(one) || !isCovered(one)) }
      const change = map.dropEvidence('k', isCovered)
      expect(equalEntries(map.get('k') ?? { items: [] }, expected)).toBe(true)
      expect(change === undefined).toBe(expected.items.length === entry.items.length)
      expect(map.entryCount).toBe(expected.items.length === 0 ? 0 : 1)
      expect(map.size).toBe(size)
      expect(map.root.equals(root)).toBe(true)
    }),
    runs(3000)
  )
})

test('a reference stands for its key as long as the key has an entry', () => {
  const map = mapOf(entryOf(item('a', 1)))
  map.join('schlüssel', entryOf(item('a', 1, 5)))
  const refs = ['k', 'schlüssel'].map(key => must(map.refOf(key)))
  expect(refs.map(ref => map.keyOf(ref))).toEqual(['k', 'schlüssel'])
  map.join('schlüssel', entryOf(item('a', 2, 6)))
  expect(map.refOf('schlüssel')).toBe(refs[1])
  map.dropEvidence('k', () => true)
  expect([map.refOf('k'), map.keyOf(must(refs[0])), map.keyOf(99), map.refOf('other')]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined
  ])
})

test('an entry can be put in the place of another, and the fingerprint follows', () => {
  const map = mapOf(entryOf(item('a', 9, 1)))
  const hash = map.itemHash('k')
  const change = map.replace('k', entryOf(item('a', 3), item('b', 4, 1)))
  expect(say(must(change.previous))).toBe('a@9=01')
  expect(say(must(map.get('k')))).toBe('a@3 b@4=01')
  expect(map.itemHash('k')).not.toEqual(hash)
  expect(map.root.equals(mapOf(entryOf(item('a', 3), item('b', 4, 1))).root)).toBe(true)
  map.replace('k', entryOf(item('a', 3)))
  expect([map.size, map.itemHash('k'), map.root.count]).toEqual([0, undefined, 0])
  map.replace('l', entryOf(item('a', 3, 1)))
  expect([map.size, map.root.count]).toEqual([1, 1])
  expect(() => map.replace('k', { items: [] })).toThrow(RangeError)
})
