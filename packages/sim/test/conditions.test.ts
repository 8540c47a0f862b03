import { describe, expect, test } from 'vitest'
import { createSimulation, SimNetwork, type SimNetworkInit, type Simulation } from '../src/index.ts'

interface World {
  readonly simulation: Simulation
  readonly network: SimNetwork<number>
  /** [to, message, time] of each delivery. */
  readonly got: [number, number, number][]
  /** [watcher, peer, time] of each notice. */
  readonly lost: [number, number, number][]
}

function world(size: number, init: SimNetworkInit<number> = {}): World {
  const simulation = createSimulation({ seed: 1 })
  const network = new SimNetwork<number>(simulation, { latencyMs: { min: 10, max: 10 }, ...init })
  const got: World['got'] = []
  const lost: World['lost'] = []
  for (let i = 0; i < size; i++) {
    network.attach({
      message: (_from, message) => got.push([i, message, simulation.nowMs]),
      peerLost: peer => lost.push([i, peer, simulation.nowMs])
    })
  }
  return { simulation, network, got, lost }
}

describe('a paused process', () => {
  test('gets what has arrived meanwhile in one burst, in order, when it goes on', () => {
    const { simulation, network, got } = world(2)
    network.pause(1)
    network.pause(1)
    for (let i = 0; i < 3; i++) network.send(0, 1, i)
    simulation.runFor(500)
    expect(got).toEqual([])
    expect(network.counters.inFlight).toBe(3)
    network.resume(1)
    expect(got).toEqual([
      [1, 0, 500],
      [1, 1, 500],
      [1, 2, 500]
    ])
    expect(network.counters).toMatchObject({ inFlight: 0, delivered: 3 })
    network.resume(1)
    expect(got).toHaveLength(3)
  })

  test('is given up by its watchers after the detection time, each in its own time, and finds them gone', () => {
    const { simulation, network, lost } = world(3, { partitionDetectionMs: 1000 })
    network.watch(0, 2)
    network.watch(2, 0)
    network.pause(2)
    network.watch(1, 2)
    simulation.runFor(1300)
    expect(lost.map(([watcher, peer]) => [watcher, peer]).toSorted()).toEqual([
      [0, 2],
      [1, 2]
    ])
    expect(lost[0]?.[2]).not.toBe(lost[1]?.[2])
    network.resume(2)
    simulation.run()
    expect(lost.at(-1)).toEqual([2, 0, 1310])
  })

  test('that goes on in time is given up by nobody', () => {
    const { simulation, network, lost } = world(2, { partitionDetectionMs: 1000 })
    network.watch(0, 1)
    network.watch(1, 0)
    network.pause(1)
    simulation.runFor(999)
    network.resume(1)
    simulation.run()
    expect(lost).toEqual([])
  })

  test('that crashes loses what had waited', () => {
    const { simulation, network, got } = world(2)
    network.pause(1)
    network.send(0, 1, 7)
    simulation.runFor(50)
    network.crash(1)
    expect(network.isPaused(1)).toBe(false)
    simulation.run()
    expect(got).toEqual([])
    expect(network.counters).toMatchObject({ dead: 1, inFlight: 0 })
  })

  test('has timers that wait for it', () => {
    const simulation = createSimulation({ seed: 1 })
    const ports = simulation.ports('a')
    const ran: [string, number][] = []
    const at = (delayMs: number, name: string) =>
      ports.timers.schedule(delayMs, () => ran.push([name, simulation.nowMs]))
    at(10, 'first')
    at(20, 'second')
    const cancelled = at(15, 'cancelled')
    at(200, 'later')
    ports.pause()
    simulation.runUntil(100)
    cancelled.cancel()
    expect(ran).toEqual([])
    ports.resume()
    simulation.run()
    expect(ran).toEqual([
      ['first', 100],
      ['second', 100],
      ['later', 200]
    ])
    at(10, 'of a dead process')
    ports.pause()
    simulation.runFor(50)
    ports.halt()
    ports.resume()
    simulation.run()
    expect(ran).toHaveLength(3)
  })
})

describe('conditions that change', () => {
  test('an extra delay hits the links it names, and nothing overtakes it once it is over', () => {
    const { simulation, network, got } = world(3)
    network.setExtraDelay((_from, to) => (to === 1 ? 100 : 0))
    network.send(0, 1, 1)
    network.send(0, 2, 2)
    network.setExtraDelay(undefined)
    network.send(0, 1, 3)
    simulation.run()
    expect(got).toEqual([
      [2, 2, 10],
      [1, 1, 110],
      [1, 3, 110]
    ])
  })

  test('jitter can be switched on and off', () => {
    const { simulation, network, got } = world(2)
    network.setJitter(50, false)
    for (let i = 0; i < 20; i++) network.send(0, 1, i)
    simulation.run()
    expect(got.map(([, message]) => message)).not.toEqual(Array.from({ length: 20 }, (_, i) => i))
    network.setJitter(0)
    network.send(0, 1, 20)
    const sentMs = simulation.nowMs
    simulation.run()
    expect(got.at(-1)).toEqual([1, 20, sentMs + 10])
  })

  test.each([-1, Infinity, Number.NaN])('a delay of %s ms is refused', ms => {
    const { network } = world(2)
    expect(() => network.setJitter(ms)).toThrow(RangeError)
    network.setExtraDelay(() => ms)
    expect(() => network.send(0, 1, 1)).toThrow(RangeError)
  })

  test('a cut in one direction passes the other, and both ends give the link up', () => {
    const { simulation, network, got, lost } = world(2, { partitionDetectionMs: 1000 })
    network.watch(0, 1)
    network.watch(1, 0)
    network.partition((from, to) => from === 0 && to === 1)
    network.send(0, 1, 1)
    network.send(1, 0, 2)
    simulation.run()
    expect(got).toEqual([[0, 2, 10]])
    expect(lost.map(([watcher, peer]) => [watcher, peer]).toSorted()).toEqual([
      [0, 1],
      [1, 0]
    ])
  })
})
