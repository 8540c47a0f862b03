import { expect, test } from 'vitest'
import { HANDLES_MAX } from '../src/config.ts'
import { Swarm } from './fake-sessions.ts'

test('topics that were left take no place: more than a channel has handles, one after the other', async () => {
  const swarm = new Swarm()
  swarm.join('a', 'kept', ['b'])
  swarm.join('b', 'kept', ['a'])
  await swarm.pass(1_000)
  for (let i = 0; i <= HANDLES_MAX; i++) {
    const left = swarm.join('a', `left ${i}`, ['b']).leave()
    await swarm.pass(20)
    await left
  }
  const late = swarm.join('a', 'late', ['b'])
  swarm.join('b', 'late', ['a'])
  await swarm.pass(1_000)
  expect(late.neighbors()).toEqual(['b'])
  expect(swarm.node('b').gossip.stats()).toMatchObject({ malformed: 0, offendersClosed: 0 })
})
