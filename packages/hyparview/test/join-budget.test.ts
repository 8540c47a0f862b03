import { expect, test } from 'vitest'
import { BUDGETS } from '../src/config.ts'
import { Driver, rejects, sends } from './driver.ts'

const joinOf = (requestId: number) => ({ type: 'join' as const, requestId, data: Uint8Array.of(1) })

test('a join beyond the budget is answered with a no, so that nobody waits for it', () => {
  const driver = new Driver().link('a', 'b', 'c')
  for (let i = 0; i < BUDGETS.join.burst; i++) driver.receive('x', joinOf(i))
  const outputs = driver.apply({ type: 'message', from: 'x', message: joinOf(99) })
  expect(rejects(outputs)).toEqual(['x tooMany'])
  expect(sends(outputs)).toMatchObject([
    // And with nothing else, or asking would be cheaper than answering.
    { to: 'x', message: { type: 'neighborReply', requestId: 99, accepted: false, samples: [] } }
  ])
})
