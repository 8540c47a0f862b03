import { expect, test } from 'vitest'
import { payload, World } from './world.ts'

/** Sends and runs `rounds` broadcasts, one every `gapMs`, and returns payload copies and control messages of each. */
function rounds(world: World, count: number, sender: (round: number) => number, gapMs = 3_000) {
  const results = []
  for (let round = 0; round < count; round++) {
    const before = { ...world.sent }
    const from = sender(round)
    const known = world.delivered.map(list => list.length)
    const start = world.simulation.nowMs
    world.broadcast(from, payload(round))
    world.simulation.runFor(gapMs)
    const fresh = world.delivered.flatMap((list, node) => list.slice(known[node]))
    results.push({
      deliveries: fresh.length,
      copies: world.sent.gossip - before.gossip,
      control:
        world.sent.ihave + world.sent.graft + world.sent.prune + world.sent.unavailable - before.ihave - before.graft - before.prune - before.unavailable,
      lastMs: Math.max(...fresh.map(item => item.atMs)) - start,
      hops: Math.max(...fresh.map(item => item.round))
    })
  }
  return results
}

test('PLT-A1: after twenty warm-up broadcasts of one source each further one costs n - 1 payloads', () => {
  const world = new World({ nodes: 30 })
  rounds(world, 20, () => 0)
  for (const round of rounds(world, 100, () => 0)) {
    expect(round.deliveries).toBe(29)
    expect(round.copies).toBeLessThanOrEqual(Math.floor(1.1 * 29))
  }
})

