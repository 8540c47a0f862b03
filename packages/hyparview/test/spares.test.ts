import { expect, test } from 'vitest'
import { Driver, idOf, info, neighbor } from './driver.ts'

const FULL = ['a', 'b', 'c', 'd', 'e']

test('a spare is not forgotten because time passes, whether it was met or only heard of', () => {
  const driver = new Driver({
    joinRule: 'replace',
    swapShare: 0,
    swapShufflesFirst: 0,
    lostProbeMs: 0,
    contactProbeShare: 0
  })
  driver.link(...FULL)
  driver.receive('x', neighbor({ requestId: idOf('x'), priority: 'high' }))
  const met = FULL.find(peer => !driver.machine.activeView.includes(peer))
  driver.receive('x', {
    type: 'shuffle',
    shuffleId: 77,
    origin: info('origin'),
    ttl: 0,
    link: idOf('x'),
    entries: [info('heard of')],
    swap: undefined
  })
  const before = driver.machine.passiveView.toSorted()
  expect(before).toEqual([met, 'heard of', 'origin'].toSorted())
  for (let hour = 0; hour < 24; hour++) {
    driver.advance(3_600_000)
    expect(driver.machine.passiveView.toSorted()).toEqual(before)
  }
})
