import { describe, expect, test } from 'vitest'
import { createSimulation, digest, EPOCH_WALL_MS, EventQueueFullError, SimNetwork } from '../src/index.ts'

/** A small world with randomness, timers, loss and a crash; returns everything observable. */
function play(seed: number): { hash: string; lines: string[]; steps: number } {
  const simulation = createSimulation({ seed, traceLinesMax: 100 })
  const network = new SimNetwork<{ hops: number }>(simulation, {
    loss: 0.1,
    duplication: 0.1,
    jitterMsMax: 5
  })
  for (let i = 0; i < 10; i++) {
    const ports = simulation.ports(`n${i}`, { node: i })
    network.attach({
      message: (_, { hops }) => {
        if (hops < 5) network.send(i, (i + 1 + ports.random.below(9)) % 10, { hops: hops + 1 })
      }
    })
    ports.timers.schedule(ports.random.below(50), () => network.send(i, (i + 1) % 10, { hops: 0 }))
  }
  simulation.schedule(60, () => network.crash(3))
  simulation.run()
  return { hash: simulation.trace.hash, lines: simulation.trace.lines(), steps: simulation.steps }
}

describe('a simulation', () => {
  test('same seed, same trace; another seed, another trace', () => {
    expect(play(1)).toEqual(play(1))
    expect(play(1).hash).not.toBe(play(2).hash)
    expect(play(1).lines.length).toBeGreaterThan(20)
  })

  test('the trace hash depends on time, node and event', () => {
    const hashOf = (time: number, node: number, event: number): string => {
      const { trace } = createSimulation({ seed: 0 })
      trace.fold(time, node, event)
      return trace.hash
    }
    const hashes = [hashOf(1, 2, 3), hashOf(1.5, 2, 3), hashOf(1, 3, 3), hashOf(1, 2, 4), hashOf(1, 3, 2)]
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(hashOf(1, 2, 3)).toMatch(/^[0-9a-f]{16}$/)
  })

  test('a bounded trace keeps the newest lines, in order', () => {
    const { trace } = createSimulation({ seed: 0, traceLinesMax: 3 })
    for (let i = 0; i < 8; i++) trace.note(i, 0, `line ${i}`)
    expect(trace.lines()).toEqual(['5.000 0 line 5', '6.000 0 line 6', '7.000 0 line 7'])
    expect(trace.events).toBe(8)
  })

  test('time moves from event to event, and runUntil stops at its bound', () => {
    const simulation = createSimulation({ seed: 0 })
    const seen: [string, number][] = []
    const tell = (name: string) => () => seen.push([name, simulation.nowMs])
    simulation.schedule(10, () => {
      tell('a')()
      simulation.schedule(0, tell('c'))
      simulation.schedule(5, tell('d'))
    })
    simulation.schedule(10, tell('b'))
    simulation.schedule(20, tell('late'))
    simulation.runUntil(19.5)
    expect(seen).toEqual([
      ['a', 10],
      ['b', 10],
      ['c', 10],
      ['d', 15]
    ])
    expect(simulation.nowMs).toBe(19.5)
    expect(simulation.nextEventMs).toBe(20)
    expect(simulation.run()).toBe(true)
    expect(simulation.nowMs).toBe(20)
    expect(simulation.step()).toBe(false)
  })

  test('a cancelled task does not run, and run stops at its step limit', () => {
    const simulation = createSimulation({ seed: 0 })
    let ran = 0
    simulation.schedule(1, () => ran++).cancel()
    simulation.run()
    expect(ran).toBe(0)
    const again = (): void => {
      ran++
      simulation.schedule(1, again)
    }
    again()
    expect(simulation.run(10)).toBe(false)
    expect(ran).toBe(11)
  })

  test.each([-1, Number.NaN, Infinity])('refuses the delay %s', delay => {
    expect(() => createSimulation({ seed: 0 }).schedule(delay, () => {})).toThrow(RangeError)
  })

  test('a world that schedules without end is stopped by a named error', () => {
    const simulation = createSimulation({ seed: 0, eventsPendingMax: 100 })
    const fork = (): void => {
      simulation.schedule(1, fork)
      simulation.schedule(1, fork)
    }
    fork()
    expect(() => simulation.run()).toThrow(EventQueueFullError)
  })
})

describe('the ports of a node', () => {
  test('its wall clock has offset, drift and jumps; its monotonic clock has none', () => {
    const simulation = createSimulation({ seed: 0 })
    const ports = simulation.ports('a', { wallOffsetMs: 100, wallDriftPpm: 500 })
    simulation.runUntil(10_000)
    expect(ports.clock.wallMs()).toBeCloseTo(EPOCH_WALL_MS + 100 + 10_005, 3)
    ports.jumpWall(-5000)
    expect(ports.clock.wallMs()).toBeCloseTo(EPOCH_WALL_MS + 5105, 3)
    expect(ports.clock.monotonicMs()).toBe(10_000)
  })

  test('halting forgets pending timers only', () => {
    const simulation = createSimulation({ seed: 0 })
    const ports = simulation.ports('a')
    const ran: string[] = []
    ports.timers.schedule(1, () => ran.push('before'))
    ports.timers.schedule(1, () => ran.push('cancelled')).cancel()
    ports.halt()
    ports.timers.schedule(1, () => ran.push('after'))
    simulation.run()
    expect(ran).toEqual(['after'])
  })

  test('its randomness depends on seed and label alone', () => {
    const draw = (label: string, before: number): number => {
      const simulation = createSimulation({ seed: 5 })
      for (let i = 0; i < before; i++) simulation.ports(`other${i}`).random.uint32()
      return simulation.ports(label).random.uint32()
    }
    expect(draw('a', 0)).toBe(draw('a', 9))
    expect(draw('a', 0)).not.toBe(draw('b', 0))
  })
})

test('digest tells plain values apart and repeats', () => {
  const values = [
    0,
    -1,
    1.5,
    '1',
    '',
    true,
    false,
    null,
    undefined,
    1n,
    [],
    [1, 2],
    [2, 1],
    [[1], 2],
    {},
    { a: 1 },
    { b: 1 },
    { a: '1' },
    Uint8Array.of(1, 2),
    Uint8Array.of(2, 1)
  ]
  expect(new Set(values.map(digest)).size).toBe(values.length)
  expect(digest({ type: 'join', list: [1, 'x'] })).toBe(digest({ type: 'join', list: [1, 'x'] }))
})
