import { seededRandom } from '@starling/ports'
import { expect, test } from 'vitest'
import { HyParView } from '../src/index.ts'

test('a contact given again without data keeps the data it has', () => {
  const machine = new HyParView({}, { self: 'self', random: seededRandom(1) })
  machine.handle({ type: 'join', contacts: [{ id: 'c', data: Uint8Array.of(7) }] }, 0)
  machine.handle({ type: 'join', contacts: [{ id: 'c', data: new Uint8Array(0) }] }, 1)
  expect(machine.savedPeers()).toEqual([{ id: 'c', data: Uint8Array.of(7) }])
  machine.handle({ type: 'join', contacts: [{ id: 'c', data: Uint8Array.of(8) }] }, 2)
  expect(machine.savedPeers()).toEqual([{ id: 'c', data: Uint8Array.of(8) }])
})
