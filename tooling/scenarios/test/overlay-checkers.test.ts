import { createSimulation } from '@starling/sim'
import { describe, expect, test } from 'vitest'
import { overlayShape, overlayViolations } from '../src/checkers/overlay.ts'
import { viewViolation } from '../src/checkers/views.ts'
import { OverlayWorld } from '../src/overlay-world.ts'

function grown(nodes: number): OverlayWorld {
  const world = new OverlayWorld(createSimulation({ seed: 1 }), { nodes })
  world.joinAllThroughFirst()
  world.simulation.runUntil(120_000)
  return world
}

describe('the checkers of the overlay', () => {
  test('find nothing wrong with an overlay at rest, at any step of its growth', () => {
    const world = new OverlayWorld(createSimulation({ seed: 1 }), { nodes: 40 })
    let steps = 0
    world.afterStep = node => {
      steps++
      expect(viewViolation(world, node)).toBeUndefined()
    }
    world.joinAllThroughFirst()
    world.simulation.runUntil(120_000)
    expect(steps).toBeGreaterThan(1000)
    expect(overlayViolations(world)).toEqual([])
    expect(overlayShape(world, 5)).toMatchObject({ components: 1, asymmetricLinks: 0 })
  })

  test('see two components', () => {
    const world = new OverlayWorld(createSimulation({ seed: 1 }), { nodes: 4 })
    world.join(0, [])
    world.join(1, [0])
    world.join(2, [])
    world.join(3, [2])
    world.simulation.runUntil(5_000)
    expect(overlayViolations(world)).toContain('overlay: 2 components instead of 1')
  })

  test('see a link that one end has lost', () => {
    const world = grown(20)
    const [peer] = world.neighbors(3)
    world.apply(3, { type: 'peerLost', peer: world.key(peer ?? -1) })
    expect(overlayShape(world, 5).asymmetricLinks).toBe(1)
    expect(overlayViolations(world).join()).toContain('1 links are held by one end only')
  })

  test('see views beyond their bounds', () => {
    const world = grown(20)
    expect(viewViolation(world, 0, 1)).toContain('node 0 has')
    expect(viewViolation(world, 0, 5, 0)).toContain('passive peers')
  })

  test('see crashed nodes leave, and a restarted one come back', () => {
    const world = grown(30)
    world.crash(0)
    world.crash(5)
    world.simulation.runFor(60_000)
    expect(world.alive()).toHaveLength(28)
    expect(overlayViolations(world)).toEqual([])
    world.restart(0, [9])
    world.simulation.runFor(60_000)
    expect(world.alive()).toHaveLength(29)
    expect(overlayShape(world, 5)).toMatchObject({ components: 1 })
    expect(world.neighbors(0).length).toBeGreaterThan(1)
  })
})
