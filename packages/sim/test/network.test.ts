import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSimulation, SimNetwork, type Simulation, type SimNetworkInit } from '../src/index.ts'

interface World {
  readonly simulation: Simulation
  readonly network: SimNetwork<number>
  /** [to, from, message, time] of each delivery. */
  readonly got: [number, number, number, number][]
  /** [watcher, peer, time] of each notice. */
  readonly lost: [number, number, number][]
}

function world(size: number, init: SimNetworkInit<number> = {}, seed = 1): World {
  const simulation = createSimulation({ seed })
  const network = new SimNetwork<number>(simulation, init)
  const got: World['got'] = []
  const lost: World['lost'] = []
  for (let i = 0; i < size; i++) {
    network.attach({
      message: (from, message) => got.push([i, from, message, simulation.nowMs]),
      peerLost: peer => lost.push([i, peer, simulation.nowMs])
    })
  }
  return { simulation, network, got, lost }
}

function sumsUp({ network }: World): boolean {
  const c = network.counters
  return c.sent + c.duplicated === c.delivered + c.lost + c.blocked + c.dead + c.inFlight
}

describe('delays', () => {
  test('each pair has one delay within the bounds, the same both ways, spread over the range', () => {
    const { network } = world(60, { latencyMs: { min: 10, max: 50 } })
    const delays: number[] = []
    for (let a = 0; a < 60; a++) {
      for (let b = 0; b < a; b++) {
        expect(network.delayMs(a, b)).toBe(network.delayMs(b, a))
        delays.push(network.delayMs(a, b))
      }
    }
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(10)
    expect(Math.max(...delays)).toBeLessThan(50)
    expect(delays.reduce((sum, delay) => sum + delay, 0) / delays.length).toBeCloseTo(30, 0)
  })

  test('a message takes exactly its link delay', () => {
    const { simulation, network, got } = world(2)
    simulation.runUntil(100)
    network.send(0, 1, 7)
    simulation.run()
    expect(got).toEqual([[1, 0, 7, 100 + network.delayMs(0, 1)]])
  })

  test('a link is first in, first out under jitter, and not when told so', () => {
    const order = (init: SimNetworkInit<number>): number[] => {
      const { simulation, network, got } = world(2, { jitterMsMax: 100, ...init })
      for (let i = 0; i < 50; i++) simulation.schedule(i, () => network.send(0, 1, i))
      simulation.run()
      return got.map(([, , message]) => message)
    }
    const sorted = Array.from({ length: 50 }, (_, i) => i)
    expect(order({})).toEqual(sorted)
    expect(order({ fifo: false })).not.toEqual(sorted)
    expect(order({ fifo: false }).toSorted((a, b) => a - b)).toEqual(sorted)
  })
})

describe('loss and duplication', () => {
  test('lose and double the stated share, and every message is accounted for', () => {
    const w = world(2, { loss: 0.2, duplication: 0.1 })
    for (let i = 0; i < 5000; i++) w.network.send(0, 1, i)
    expect(sumsUp(w)).toBe(true)
    w.simulation.run()
    expect(w.network.counters.lost / 5000).toBeCloseTo(0.2, 1)
    expect(w.network.counters.duplicated / 4000).toBeCloseTo(0.1, 1)
    expect(w.got.length).toBe(w.network.counters.delivered)
    expect(sumsUp(w)).toBe(true)
    w.network.setLoss(1)
    w.network.setDuplication(0)
    w.network.send(0, 1, 0)
    w.simulation.run()
    expect(w.got.length).toBe(w.network.counters.delivered)
  })

  test.each([-0.1, 1.1, Number.NaN])('refuse the chance %s', loss => {
    expect(() => world(1, { loss })).toThrow(RangeError)
  })
})

describe('a partition', () => {
  const halves = (a: number, b: number): boolean => a < 2 !== b < 2

  test('blocks what crosses it, also in flight, until it heals', () => {
    const { simulation, network, got } = world(4)
    network.send(0, 3, 1)
    network.partition(halves)
    network.send(0, 1, 2)
    network.send(0, 2, 3)
    simulation.runFor(100)
    network.partition(undefined)
    network.send(0, 2, 4)
    simulation.runFor(100)
    expect(got.map(([to, , message]) => [to, message])).toEqual([
      [1, 2],
      [2, 4]
    ])
    expect(network.counters.blocked).toBe(2)
  })

  test('is noticed by watchers after the detection time, unless it healed before', () => {
    const { simulation, network, lost } = world(4, { partitionDetectionMs: 1000 })
    network.watch(0, 1)
    network.watch(0, 2)
    network.partition(halves)
    simulation.runFor(900)
    network.partition(undefined)
    network.partition(halves)
    network.watch(1, 3)
    simulation.runFor(900)
    expect(lost).toEqual([])
    simulation.runFor(400)
    expect(lost.map(([watcher, peer]) => [watcher, peer]).toSorted()).toEqual([
      [0, 2],
      [1, 3]
    ])
  })
})

describe('a crash', () => {
  test('silences the node and is told to its watchers one link delay later, once', () => {
    const { simulation, network, got, lost } = world(4)
    network.watch(0, 1)
    network.watch(2, 1)
    network.watch(2, 1)
    network.watch(3, 1)
    network.unwatch(3, 1)
    network.watch(1, 0)
    network.send(1, 0, 1)
    network.send(0, 1, 2)
    network.crash(1)
    network.crash(1)
    network.send(1, 0, 3)
    simulation.run()
    expect(got).toEqual([[0, 1, 1, network.delayMs(0, 1)]])
    expect(lost.toSorted(([a], [b]) => a - b)).toEqual([
      [0, 1, network.delayMs(0, 1)],
      [2, 1, network.delayMs(2, 1)]
    ])
    expect(network.counters.dead).toBe(1)
    network.watch(3, 1)
    simulation.run()
    expect(lost.length).toBe(3)
  })

  test('is told to nobody without a detector', () => {
    const { simulation, network, lost } = world(2, { detector: false })
    network.watch(0, 1)
    network.crash(1)
    simulation.run()
    expect(lost).toEqual([])
  })

  test('a restarted node gets nothing that was sent to its former process, and a new watch outlives the old notice', () => {
    const { simulation, network, lost } = world(2)
    const second: number[] = []
    network.watch(0, 1)
    network.send(0, 1, 1)
    network.crash(1)
    network.send(0, 1, 2)
    network.restart(1, { message: (_, message) => second.push(message) })
    network.unwatch(0, 1)
    network.watch(0, 1)
    network.send(0, 1, 3)
    simulation.run()
    expect(second).toEqual([3])
    expect(lost).toEqual([])
    expect(network.isUp(1)).toBe(true)
    expect(() => network.restart(1, { message: () => {} })).toThrow(RangeError)
  })
})

test('misuse is a RangeError', () => {
  const { network } = world(2)
  expect(() => network.send(0, 0, 1)).toThrow(RangeError)
  expect(() => network.send(0, 9, 1)).toThrow(RangeError)
  expect(network.counters.sent).toBe(0)
  expect(() => world(1, { latencyMs: { min: 5, max: 1 } })).toThrow(RangeError)
})

test('any mix of faults repeats for its seed and accounts for every message', () => {
  const fault = fc.record({
    at: fc.integer({ min: 0, max: 300 }),
    kind: fc.constantFrom('crash', 'restart', 'partition', 'heal', 'send'),
    node: fc.integer({ min: 0, max: 4 })
  })
  fc.assert(
    fc.property(fc.integer(), fc.array(fault, { maxLength: 60 }), (seed, faults) => {
      const run = (): { hash: string; ok: boolean; got: World['got'] } => {
        const w = world(5, { loss: 0.1, duplication: 0.1, jitterMsMax: 20, partitionDetectionMs: 50 }, seed)
        const { simulation, network } = w
        for (let i = 0; i < 5; i++) network.watch(i, (i + 1) % 5)
        for (const { at, kind, node } of faults) {
          simulation.schedule(at, () => {
            if (kind === 'crash') network.crash(node)
            else if (kind === 'restart' && !network.isUp(node)) network.restart(node, { message: () => {} })
            else if (kind === 'partition') network.partition((a, b) => a <= node !== b <= node)
            else if (kind === 'heal') network.partition(undefined)
            else network.send(node, (node + 2) % 5, at)
          })
        }
        simulation.run()
        return { hash: simulation.trace.hash, ok: sumsUp(w) && network.counters.inFlight === 0, got: w.got }
      }
      const first = run()
      expect(first.ok).toBe(true)
      expect(run()).toEqual(first)
    }),
    { numRuns: 60 }
  )
})
