import { createSimulation } from '@starling/sim'
import { describe, expect, test } from 'vitest'
import { BroadcastWorld } from '../src/broadcast-world.ts'
import { hostileShares } from '../src/checkers/eclipse.ts'
import { run } from './platform.ts'

const SLOW_MS = 120_000

describe('the eclipse scenario', () => {
  test(
    'a tenth of the nodes wins links, and honest broadcasts still reach nearly everybody',
    async () => {
      const args = ['eclipse', '--nodes', '60', '--hostile', '0.1', '--minutes', '3', '--json']
      const { report } = await run(args)
      expect(report.violations).toEqual([])
      expect(report.metrics['hostileShare']).toBe(0.1)
      expect(report.metrics['activeShare']).toBeGreaterThan(0)
      expect(report.metrics['reachMean']).toBeGreaterThan(0.9)
      expect(report.metrics['largestHonestComponent']).toBeGreaterThan(0.9)
      expect(report.metrics).toHaveProperty('passiveShareAt2')
    },
    SLOW_MS
  )

  test(
    'without hostile nodes there is nothing to see',
    async () => {
      const { report } = await run(['eclipse', '--nodes', '20', '--hostile', '0', '--minutes', '1', '--json'])
      expect(report.metrics).toMatchObject({
        activeShare: 0,
        passiveShare: 0,
        reachMean: 1,
        eclipsedShare: 0
      })
    },
    SLOW_MS
  )
})

describe('the shares of hostile nodes', () => {
  test('count links, reserves, surrounded nodes and what holds together without them', () => {
    const world = new BroadcastWorld(createSimulation({ seed: 1 }), { nodes: 8 })
    const views: (readonly number[])[] = [[1], [0, 6], [7], [], [5], [4, 7], [], []]
    world.overlay.neighbors = node => [...(views[node] ?? [])]
    const { machine } = world.overlay
    world.overlay.machine = node => {
      const real = machine.call(world.overlay, node)
      Object.defineProperty(real, 'passiveView', { value: node === 0 ? ['n1', 'n6', 'n7'] : ['n0'] })
      return real
    }
    expect(hostileShares(world, new Set([6, 7]))).toEqual({
      active: 3 / 7,
      passive: 2 / 8,
      eclipsed: 2 / 6,
      largestHonestComponent: 2 / 6
    })
  })
})
