import type { HyParView } from '@starling/hyparview'
import type { Plumtree } from '@starling/plumtree'
import { createSimulation } from '@starling/sim'
import { describe, expect, test } from 'vitest'
import { BroadcastWorld, GOT } from '../src/broadcast-world.ts'
import { Bounds, CAPS, type Gauge } from '../src/checkers/bounds.ts'
import type { Checker } from '../src/checkers/checker.ts'
import { Connectivity } from '../src/checkers/connectivity.ts'
import { Conservation } from '../src/checkers/conservation.ts'
import { Cost } from '../src/checkers/cost.ts'
import { Delivery } from '../src/checkers/delivery.ts'
import { Symmetry } from '../src/checkers/symmetry.ts'
import { Views } from '../src/checkers/views.ts'
import { CONNECT_MS, DELIVER_MS } from '../src/config.ts'
import { PlanBuilder } from '../src/plan-builder.ts'
import type { Plan } from '../src/plan.ts'
import { Violations } from '../src/violations.ts'

const HEAL_MS = 60_000

interface Scene {
  readonly world: BroadcastWorld
  readonly plan: Plan
  readonly violations: Violations
}

/** Twenty nodes at rest, just after all faults have ended. */
function scene(nodes = 20): Scene {
  const world = new BroadcastWorld(createSimulation({ seed: 1 }), { nodes })
  world.overlay.joinAllThroughFirst()
  world.simulation.runUntil(HEAL_MS)
  const builder = new PlanBuilder('made', 1, nodes, world.simulation.random.fork('plan'))
  return { world, plan: builder.build(HEAL_MS), violations: new Violations() }
}

/** Lets time pass while a checker looks at it every second. */
function look({ world }: Scene, checker: Checker, seconds: number): void {
  for (let second = 0; second < seconds; second++) {
    world.simulation.runFor(1_000)
    checker.sample?.()
  }
}

function gauges(values: Partial<Record<Gauge, number>>): Readonly<Record<Gauge, number>> {
  return { ...CAPS, ...values }
}

describe('the checker of views (I11)', () => {
  test('lets a healthy node pass, and sees each way in which a view is wrong', () => {
    const { world, plan, violations } = scene()
    const views = new Views(world, plan, violations)
    for (const node of world.overlay.alive()) views.step(node)
    expect(violations.count).toBe(0)
    const { machine } = world.overlay
    const shown = (active: readonly string[], passive: readonly string[]): string => {
      const complaints = new Violations()
      world.overlay.machine = node =>
        node === 3
          ? ({ activeView: active, passiveView: passive } as HyParView)
          : machine.call(world.overlay, node)
      new Views(world, plan, complaints).step(3)
      world.overlay.machine = machine
      return complaints.sentences.join()
    }
    const [neighbor = ''] = world.overlay.machine(3).activeView
    expect(shown(['n1', 'n2', 'n4', 'n5', 'n6', 'n7'], [])).toContain('6 neighbours')
    expect(
      shown(
        [],
        Array.from({ length: 31 }, (_, i) => `m${i}`)
      )
    ).toContain('31 passive peers')
    expect(shown([neighbor], [neighbor])).toContain('lists a peer twice')
    expect(shown([neighbor, neighbor], [])).toContain('lists a peer twice')
    expect(shown([], ['n3'])).toContain('lists itself')
    const stranger = world.overlay
      .alive()
      .find(node => node !== 3 && !world.overlay.neighbors(3).includes(node))
    expect(shown([`n${stranger}`], [])).toContain('without a session')
    expect(shown([neighbor], [])).toContain('and 1 neighbours')
  })
})

describe('the checker of bounds (I17)', () => {
  test('sees a gauge above its cap, whichever it is, and keeps the peaks', () => {
    const { world, plan, violations } = scene()
    world.broadcast(4)
    const bounds = new Bounds(world, plan, violations)
    for (const node of world.overlay.alive()) bounds.step(node)
    expect(violations.count).toBe(0)
    expect(bounds.end()).toMatchObject({ pendingRequestsPeak: 0, missingPeak: 0 })
    for (const gauge of Object.keys(CAPS) as Gauge[]) {
      const complaints = new Violations()
      new Bounds(world, plan, complaints, gauges({ [gauge]: -1 })).step(4)
      expect(complaints.sentences, gauge).toHaveLength(1)
      expect(complaints.sentences[0]).toContain(gauge)
    }
  })
})

describe('the checker of symmetry (I12)', () => {
  test('sees a link that one end has lost for too long, and not one that is mended in time', () => {
    const set = scene()
    const { world, plan, violations } = set
    const symmetry = new Symmetry(world, plan, violations, 5_000)
    symmetry.healed()
    look(set, symmetry, 8)
    expect(violations.count).toBe(0)
    const { neighbors } = world.overlay
    world.overlay.neighbors = node => (node === 3 ? [] : neighbors.call(world.overlay, node))
    look(set, symmetry, 4)
    expect(violations.count).toBe(0)
    look(set, symmetry, 4)
    expect(violations.sentences.join()).toMatch(/^I12 symmetry: 3 has not been a neighbour of/)
    expect(symmetry.end()['asymmetricLinks']).toBeGreaterThan(0)
  })
})

describe('the checker of connectivity (I13)', () => {
  test('sees two components once the minute is over, and a node that is alone for half of it', () => {
    const set = scene()
    const { world, plan, violations } = set
    const connectivity = new Connectivity(world, plan, violations)
    look(set, connectivity, 2)
    expect(connectivity.end()['connectedMs']).toBe(1_000)
    const { neighbors } = world.overlay
    world.overlay.neighbors = node =>
      neighbors.call(world.overlay, node).filter(peer => node !== 7 && peer !== 7)
    look(set, connectivity, 30)
    expect(violations.count).toBe(0)
    look(set, connectivity, 4)
    expect(violations.sentences.join()).toContain('I13 connectivity: node 7 has been alone')
    look(set, connectivity, CONNECT_MS / 1_000)
    expect(violations.sentences.join()).toContain('2 components')
  })
})

describe('the checker of delivery (I14)', () => {
  test('sees a broadcast that missed a connected node, and one that came twice', () => {
    const set = scene()
    const { world, plan, violations } = set
    const delivery = new Delivery(world, plan, violations)
    look(set, delivery, CONNECT_MS / 1_000 + 1)
    const [good, bad] = [world.broadcast(2), world.broadcast(2)]
    look(set, delivery, 2)
    expect(good.got.every(state => state === GOT)).toBe(true)
    bad.got[9] = 0
    look(set, delivery, DELIVER_MS / 1_000)
    expect(violations.sentences).toEqual([
      'I14 delivery: broadcast 1 of node 2 missed 1 of 19 nodes, 9 among them'
    ])
    good.repeats = 2
    expect(delivery.end()['missedAfterHeal']).toBe(1)
    expect(violations.sentences.join()).toContain('broadcast 0 came 2 times too often')
  })

  test('excuses a node that began anew meanwhile', () => {
    const set = scene()
    const { world, plan, violations } = set
    const delivery = new Delivery(world, plan, violations)
    look(set, delivery, CONNECT_MS / 1_000 + 1)
    const broadcast = world.broadcast(2)
    look(set, delivery, 2)
    broadcast.got[9] = 0
    world.overlay.crash(9)
    world.simulation.runFor(100)
    world.overlay.restart(9, [0])
    look(set, delivery, DELIVER_MS / 1_000)
    expect(violations.count).toBe(0)
  })
})

describe('the checker of cost (I15)', () => {
  function steady(spoil: (world: BroadcastWorld) => void): Violations {
    const set = scene()
    const { world, plan, violations } = set
    const cost = new Cost(world, plan, violations)
    for (const { atMs, type, ...rest } of plan.actions) {
      if (type === 'broadcast' && 'node' in rest) {
        world.simulation.schedule(atMs - world.simulation.nowMs, () => world.broadcast(rest.node))
      }
    }
    look(set, cost, CONNECT_MS / 1_000 + 12)
    spoil(world)
    look(set, cost, 10)
    expect(cost.end()['redundancyAfterHeal']).not.toBeNull()
    return violations
  }

  test('lets a tree pass', () => {
    expect(steady(() => {}).sentences).toEqual([])
  })

  test('sees copies that nobody needed, long ways, and eager links that are no tree', () => {
    expect(steady(world => (world.sent.gossip += 1_000)).sentences.join()).toContain('redundant copies')
    const far = steady(world => {
      for (const broadcast of world.broadcasts) broadcast.lastHop = 40
    })
    expect(far.sentences.join()).toContain('40 hops away')
    const bare = steady(world => {
      const { tree } = world
      world.tree = node => {
        const machine = tree.call(world, node)
        machine.eagerPeers = () => []
        return machine
      }
    })
    expect(bare.sentences.join()).toContain('0 eager links for 20 nodes are no spanning tree')
  })
})

describe('the checker of counters (I18)', () => {
  test('sees messages that are not accounted for, on the network and at a node', () => {
    const { world, plan } = scene()
    world.broadcast(1)
    world.simulation.runFor(3_000)
    const check = (): string => {
      const violations = new Violations()
      new Conservation(world, plan, violations).end()
      return violations.sentences.join()
    }
    expect(check()).toBe('')
    world.overlay.network.counters.lost++
    expect(check()).toContain('are not accounted for')
    world.overlay.network.counters.lost--
    const tree: Plumtree = world.tree(5)
    const stats = tree.stats()
    tree.stats = () => ({ ...stats, received: { ...stats.received, gossip: stats.received.gossip + 1 } })
    expect(check()).toContain('node 5 received')
  })
})
