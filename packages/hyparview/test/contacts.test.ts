import { seededRandom } from '@starling/ports'
import { expect, test } from 'vitest'
import { HyParView, type PeerInfo } from '../src/index.ts'
import { Driver, info, sends } from './driver.ts'

test('a contact given again without data keeps the data it has', () => {
  const machine = new HyParView({}, { self: 'self', random: seededRandom(1) })
  machine.handle({ type: 'join', contacts: [{ id: 'c', data: Uint8Array.of(7) }] }, 0)
  machine.handle({ type: 'join', contacts: [{ id: 'c', data: new Uint8Array(0) }] }, 1)
  expect(machine.savedPeers()).toEqual([{ id: 'c', data: Uint8Array.of(7) }])
  machine.handle({ type: 'join', contacts: [{ id: 'c', data: Uint8Array.of(8) }] }, 2)
  expect(machine.savedPeers()).toEqual([{ id: 'c', data: Uint8Array.of(8) }])
})

const peers = (count: number): PeerInfo[] => Array.from({ length: count }, (_, i) => info(`p${i}`))

test('saved peers displace no contact, and the best of them are kept when there are too many', () => {
  const driver = new Driver()
  const outputs = driver.apply({ type: 'join', contacts: [info('contact')], saved: peers(500) })
  expect(sends(outputs)).toMatchObject([{ to: 'contact', message: { type: 'join' } }])
  const saved = driver.machine.savedPeers().map(({ id }) => id)
  expect(saved[0]).toBe('contact')
  expect(saved).toEqual(expect.arrayContaining(peers(200).map(({ id }) => id)))
  expect(saved).toHaveLength(201)
  expect(driver.machine.passiveView).toEqual(peers(30).map(({ id }) => id))
})

test('a node that was given saved peers alone asks them, and leaves out what no peer can be', () => {
  const driver = new Driver()
  const saved = [info('self'), { id: 'long', data: new Uint8Array(513) }, info('p')]
  driver.apply({ type: 'join', contacts: [], saved })
  expect(driver.advance(1_000)).toMatchObject([{ to: 'p', message: { type: 'neighbor', priority: 'high' } }])
  expect(driver.machine.savedPeers()).toEqual([info('p')])
})

test('what was saved brings a node back though every contact is gone', () => {
  const before = new Driver().link('a', 'b')
  const after = new Driver()
  after.apply({ type: 'join', contacts: [info('gone')], saved: before.machine.savedPeers() })
  after.apply({ type: 'peerLost', peer: 'gone' })
  expect(after.advance(5_000).map(({ to }) => to)).toEqual(expect.arrayContaining(['a', 'b']))
})
