import { BY_AGE, putEntry, removeEntry } from '@starling/ormap'
import { systemHash } from '@starling/ports/system'
import { FingerprintTree } from '@starling/reconcile'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { greatestLiveStamp } from '../src/item-tree.ts'
import { ReplicaState } from '../src/replica-state.ts'
import { runs } from './support/runs.ts'
import { bytes, TestClock } from './support/world.ts'

const newState = (): ReplicaState =>
  new ReplicaState({
    hash: systemHash,
    clock: new TestClock(),
    forgetting: BY_AGE,
    quota: { entriesMax: Infinity, bytesMax: Infinity },
    driftMsMax: 60_000,
    evidenceMs: 0
  })

/** The tree that the map's entries ask for. */
function rebuilt({ map }: ReplicaState): FingerprintTree {
  const tree = new FingerprintTree()
  for (const [key, entry] of map.entries()) {
    tree.insert(greatestLiveStamp(entry), map.itemHash(key) as Uint8Array, map.refOf(key) as number)
  }
  return tree
}

const step = fc.record({
  type: fc.constantFrom('put', 'put', 'put', 'conflict', 'remove', 'sweep', 'replace'),
  key: fc.constantFrom('a', 'b', 'c', 'd'),
  value: fc.string({ maxLength: 8 })
})

test('the tree follows every change, holds a reference to each key, and a snapshot stays as it was', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const state = newState()
      state.tree.build()
      let stamp = 1n
      for (const { type, key, value } of steps) {
        const before = state.tree.snapshot()
        const items = [...before.items()]
        const held = state.map.get(key)
        const replica = stamp % 2n === 0n ? 'a'.repeat(16) : 'b'.repeat(16)
        stamp += 1n
        if (type === 'put') state.join(key, putEntry(held, replica, stamp, bytes(value)))
        else if (type === 'conflict') state.join(key, putEntry(undefined, replica, stamp, bytes(value)))
        else if (type === 'remove' && held !== undefined) state.join(key, removeEntry(held, replica, stamp))
        else if (type === 'sweep') state.sweep(100)
        else if (type === 'replace') {
          state.replace(key, { items: [{ replica, stamp, value: bytes(value) }] })
        }
        const tree = state.tree.snapshot()
        expect([...tree.items()]).toEqual([...rebuilt(state).items()])
        expect(tree.fingerprint().equals(state.map.root)).toBe(true)
        for (const { ref } of tree.items()) {
          const found = state.map.keyOf(ref)
          expect(found !== undefined && state.map.refOf(found)).toBe(ref)
        }
        expect([...before.items()]).toEqual(items)
      }
    }),
    runs(1000)
  )
})

test('what is loaded is built at once, and equals what changes would have made', () => {
  const changed = newState()
  const loaded = newState()
  changed.tree.build()
  for (let i = 0; i < 500; i++) {
    const entry = putEntry(undefined, 'a'.repeat(16), BigInt((i * 7919) % 500) + 1n, bytes(`${i}`))
    changed.join(`k${i}`, entry)
    loaded.load(`k${i}`, entry, undefined)
  }
  loaded.tree.build()
  expect([...loaded.tree.snapshot().items()]).toEqual([...changed.tree.snapshot().items()])
  loaded.join('k0', putEntry(loaded.map.get('k0'), 'b'.repeat(16), 1000n, bytes('new')))
  expect([...loaded.tree.snapshot().items()]).toEqual([...rebuilt(loaded).items()])
})
