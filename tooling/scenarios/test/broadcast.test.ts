import { messageId, type Message } from '@starling/plumtree'
import { systemHash } from '@starling/ports/system'
import { createSimulation } from '@starling/sim'
import { describe, expect, test } from 'vitest'
import { BroadcastWorld } from '../src/broadcast-world.ts'
import { broadcastViolations, measureRound, missed, redundancy } from '../src/checkers/broadcast.ts'
import { failureFigures } from '../src/checkers/failures.ts'
import { run as runWith, type Ran } from './platform.ts'

async function run(...args: string[]): Promise<Ran> {
  return await runWith(args)
}

/** A genuine message with the payload of a broadcast, under an origin of its own. */
function forged(number: number): Message {
  const payload = new Uint8Array(4)
  new DataView(payload.buffer).setUint32(0, number)
  const origin = 'ffffffffffffffff'
  const id = messageId(systemHash, origin, 0, payload)
  return { type: 'gossip', id, origin, sequence: 0, round: 1, payload }
}

function world(nodes: number, seed = 1): BroadcastWorld {
  const grown = new BroadcastWorld(createSimulation({ seed }), { nodes })
  grown.overlay.joinAllThroughFirst()
  grown.simulation.runUntil(120_000)
  return grown
}

describe('the broadcast scenario', () => {
  test.each(['one', 'random'])(
    '%s sender: nothing missed, no redundant copy, promised metric names',
    async senders => {
      const { code, report } = await run(
        ...['broadcast', '--nodes', '100', '--cycles', '3', '--rounds', '15', '--json', '--senders', senders]
      )
      expect(code).toBe(0)
      expect(Object.keys(report.metrics)).toEqual(
        expect.arrayContaining([
          'relativeMessageRedundancy',
          'steadyRelativeMessageRedundancy',
          'lastDeliveryHop',
          'lastDeliveryMs',
          'controlMessagesPerDelivery',
          'steadyControlMessagesPerDelivery',
          'firstMessageMs',
          'missed'
        ])
      )
      expect(report.metrics).toMatchObject({ missed: 0 })
      expect(report.metrics['relativeMessageRedundancy']).toBeLessThan(0.02)
      expect(report.metrics['lastDeliveryMs']).toBeLessThan(300)
      expect(report.metrics['firstMessageMs']).toBeLessThan(600)
      expect(report.metrics['steadyControlMessagesPerDelivery']).toBeLessThan(1.2)
    }
  )

  test('all at once: nothing missed', async () => {
    const { report } = await run(
      'broadcast',
      '--nodes',
      '30',
      '--cycles',
      '3',
      '--rounds',
      '5',
      '--senders',
      'all',
      '--json'
    )
    expect(report.metrics).toMatchObject({ missed: 0 })
  })

  test('one seed gives one trace', async () => {
    const hashes: string[] = []
    for (const seed of [1, 1, 2]) {
      const { report } = await run(
        'broadcast',
        '--nodes',
        '30',
        '--cycles',
        '2',
        '--rounds',
        '3',
        '--seed',
        String(seed),
        '--json'
      )
      hashes.push(report.traceHash)
    }
    expect(hashes[0]).toBe(hashes[1])
    expect(hashes[0]).not.toBe(hashes[2])
  })
})

describe('the failures scenario', () => {
  test.each([
    ['0.5', 100],
    ['0.8', 200]
  ])('after %s of the nodes died everybody hears again', async (fail, nodes) => {
    const { code, report } = await run(
      ...['failures', '--nodes', String(nodes), '--fail', fail, '--cycles', '3', '--rounds', '20', '--json']
    )
    expect(code).toBe(0)
    expect(report.metrics['firstMessageReach']).toBeGreaterThan(0.9)
    expect(report.metrics['fullDeliveryIndex']).toBeLessThanOrEqual(1)
    expect(report.metrics['lastMessageReach']).toBe(1)
  })

  test('full delivery that never happens is null', () => {
    expect(failureFigures([0.2, 0.9])).toEqual({
      firstMessageReach: 0.2,
      fullDeliveryIndex: null,
      lastMessageReach: 0.9,
      worstReachAfterFull: 0
    })
    expect(failureFigures([0.2, 1, 0.5])).toMatchObject({ fullDeliveryIndex: 1, worstReachAfterFull: 0.5 })
  })
})

describe('the checkers of broadcast', () => {
  test('find nothing wrong with a healthy world, and count copies', () => {
    const healthy = world(20)
    const broadcast = healthy.broadcast(3)
    healthy.simulation.runFor(3_000)
    const round = measureRound(healthy, { payloads: 0, control: 0 }, [broadcast])
    expect(round.deliveries).toBe(19)
    expect(redundancy([round])).toBe(0)
    expect(missed(healthy, [broadcast])).toBe(0)
    expect(broadcastViolations(healthy)).toEqual([])
  })

  test('see a payload that was delivered twice, and one that was not', () => {
    const broken = world(20)
    const broadcast = broken.broadcast(3)
    broken.simulation.runFor(3_000)
    // As if the machine had forgotten: the same payload under another id.
    broken.overlay.sendUpper(4, 5, forged(0))
    broken.simulation.runFor(1_000)
    expect(broadcastViolations(broken).join()).toContain('payload 0 was delivered')
    broadcast.got[7] = 0
    expect(missed(broken, [broadcast])).toBe(1)
  })

  test("see links that are not the overlay's", () => {
    const broken = world(20)
    const tree = broken.tree(4)
    tree.handle({ type: 'neighborUp', peer: 'n4711' }, broken.simulation.nowMs)
    expect(broadcastViolations(broken).join()).toContain('node 4 has links')
  })
})
