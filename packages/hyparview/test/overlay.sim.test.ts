import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Overlay } from './overlay.ts'

const SEEDS = [1, 2, 3]

describe('in the simulator', () => {
  test.each(SEEDS)(
    'HPV-A1, HPV-I2: 50 nodes through one seed are connected and symmetric within 60 s (%i)',
    seed => {
      const overlay = new Overlay(50, seed).joinAll()
      overlay.simulation.runUntil(60_000)
      overlay.settle()
      expect(overlay.reached()).toBe(50)
      expect(overlay.asymmetric()).toEqual([])
      for (const node of overlay.alive()) expect(overlay.neighbors(node).length).toBeGreaterThanOrEqual(2)
    }
  )

  test.each(SEEDS)('the rule of the paper for joins makes a connected, symmetric overlay too (%i)', seed => {
    const overlay = new Overlay(50, seed, { joinRule: 'replace' }).joinAll()
    overlay.simulation.runUntil(60_000)
    overlay.settle()
    expect(overlay.reached()).toBe(50)
    expect(overlay.asymmetric()).toEqual([])
  })

  test.each([2, 3, 4, 5, 6])('HPV-I4: %i nodes become a complete graph', nodes => {
    const overlay = new Overlay(nodes, 1).joinAll()
    overlay.simulation.runUntil(120_000)
    overlay.settle()
    for (const node of overlay.alive()) expect(overlay.neighbors(node).length).toBe(nodes - 1)
    expect(overlay.asymmetric()).toEqual([])
  })

  test.each(SEEDS)(
    'HPV-A2, HPV-I7: after 20 of 50 crash at once the others are connected within 30 s (%i)',
    seed => {
      const overlay = new Overlay(50, seed).joinAll()
      overlay.simulation.runUntil(300_000)
      for (let i = 0; i < 20; i++) overlay.crash(i)
      overlay.simulation.runFor(30_000)
      overlay.settle()
      expect(overlay.reached()).toBe(30)
      for (const node of overlay.alive()) {
        for (const peer of overlay.neighbors(node)) expect(peer).toBeGreaterThanOrEqual(20)
      }
    }
  )

  test('HPV-I7: of 120 nodes 60 die at once, and the others are one overlay within half a minute', () => {
    const overlay = new Overlay(120, 1).joinAll()
    overlay.simulation.runUntil(180_000)
    for (let i = 0; i < 60; i++) overlay.crash(2 * i)
    overlay.simulation.runFor(30_000)
    overlay.settle()
    expect(overlay.reached()).toBe(60)
    expect(overlay.asymmetric()).toEqual([])
  })

  test.each(SEEDS)('HPV-A5, HPV-I7: halves parted for an hour merge within two heal intervals (%i)', seed => {
    const overlay = new Overlay(40, seed).joinAll()
    overlay.simulation.runUntil(300_000)
    overlay.network.partition((a, b) => a < 20 !== b < 20)
    overlay.simulation.runFor(3_600_000)
    overlay.settle()
    // Each half holds together on its own: only then is there something to heal.
    expect(overlay.reached()).toBe(20)
    overlay.network.partition(undefined)
    overlay.simulation.runFor(2 * 5 * 60_000)
    overlay.settle()
    expect(overlay.reached()).toBe(40)
    expect(overlay.asymmetric()).toEqual([])
  })

  test.each([
    [5, 6],
    [6, 6],
    [3, 8],
    [1, 9],
    [10, 10]
  ])('HPV-I7: islands of %i and %i nodes, full or one short, merge within a minute', (few, many) => {
    for (let seed = 1; seed <= 20; seed++) {
      const overlay = new Overlay(few + many, seed).joinAll()
      overlay.simulation.runUntil(87_000)
      overlay.network.partition((a, b) => a < few !== b < few)
      overlay.simulation.runFor(45_000)
      overlay.network.partition(undefined)
      overlay.simulation.runFor(60_000)
      overlay.settle()
      expect(overlay.reached(), `seed ${seed}`).toBe(few + many)
    }
  })

  test('a contact that everybody lost and that starts anew is found again', () => {
    const overlay = new Overlay(10, 1).joinAll()
    overlay.simulation.runUntil(60_000)
    overlay.network.partition((a, b) => a === 0 || b === 0)
    overlay.simulation.runFor(600_000)
    expect(overlay.neighbors(0)).toEqual([])
    overlay.network.partition(undefined)
    overlay.simulation.runFor(60_000)
    overlay.settle()
    expect(overlay.reached()).toBe(10)
  })

  test('HPV-A7: leaving is told to each former neighbour once, and the leaver accepts nothing until it joins', () => {
    const overlay = new Overlay(20, 1).joinAll()
    overlay.simulation.runUntil(120_000)
    overlay.settle()
    const former = overlay.neighbors(7)
    overlay.events.length = 0
    overlay.apply(7, { type: 'leave' })
    overlay.simulation.runFor(120_000)
    for (const peer of former) {
      expect(overlay.events.filter(event => event.startsWith(`${peer} down 7 `))).toEqual([
        `${peer} down 7 leftOverlay`
      ])
    }
    expect(overlay.neighbors(7)).toEqual([])
    expect(overlay.events.filter(event => event.startsWith('7 up'))).toEqual([])
    for (const peer of overlay.alive()) expect(overlay.neighbors(peer)).not.toContain(7)
    overlay.join(7, 3)
    overlay.simulation.runFor(60_000)
    overlay.settle()
    expect(overlay.neighbors(7).length).toBeGreaterThan(0)
    expect(overlay.reached()).toBe(20)
  })

  test('under 10 % loss views stay symmetric but for handshakes under way, and nobody is alone for long', () => {
    const overlay = new Overlay(30, 1, { shuffleIntervalMs: 10_000 }, { loss: 0.1 }).joinAll()
    overlay.simulation.runUntil(300_000)
    overlay.network.setLoss(0)
    overlay.simulation.runFor(180_000)
    overlay.settle()
    expect(overlay.asymmetric()).toEqual([])
    expect(overlay.reached()).toBe(30)
  })

  test('after any mix of crashes, restarts, leaving, partitions and loss the overlay becomes one again', () => {
    const nodes = 12
    const fault = fc.record({
      kind: fc.constantFrom('crash', 'restart', 'leave', 'join', 'split', 'heal', 'lossy', 'clean'),
      node: fc.nat({ max: nodes - 1 }),
      waitMs: fc.constantFrom(0, 30, 300, 3_000, 30_000)
    })
    const act = (overlay: Overlay, kind: string, node: number): void => {
      const contact = (node + 1) % nodes
      const up = overlay.network.isUp(node)
      if (kind === 'crash') overlay.crash(node)
      else if (kind === 'restart' && !up) overlay.restart(node, contact)
      else if (kind === 'leave') overlay.apply(node, { type: 'leave' })
      else if (kind === 'join') overlay.join(node, contact)
      else if (kind === 'split') overlay.network.partition((a, b) => a < node !== b < node)
      else if (kind === 'heal') overlay.network.partition(undefined)
      else if (kind === 'lossy') overlay.network.setLoss(0.2)
      else overlay.network.setLoss(0)
    }
    fc.assert(
      fc.property(fc.integer(), fc.array(fault, { maxLength: 40 }), (seed, faults) => {
        const overlay = new Overlay(nodes, seed).joinAll()
        // Views are checked at every step inside.
        for (const { kind, node, waitMs } of faults) {
          act(overlay, kind, node)
          overlay.simulation.runFor(waitMs)
        }
        overlay.network.setLoss(0)
        overlay.network.partition(undefined)
        for (let node = 0; node < nodes; node++) {
          act(overlay, 'restart', node)
          act(overlay, 'join', node)
        }
        overlay.simulation.runFor(900_000)
        overlay.settle()
        expect(overlay.asymmetric()).toEqual([])
        expect(overlay.reached()).toBe(nodes)
      }),
      { numRuns: 15 }
    )
  })

  test('same seed, same overlay', () => {
    const play = (seed: number): string => {
      const overlay = new Overlay(30, seed).joinAll()
      overlay.simulation.runUntil(120_000)
      return overlay.simulation.trace.hash
    }
    expect(play(4)).toBe(play(4))
    expect(play(4)).not.toBe(play(5))
  })
})
