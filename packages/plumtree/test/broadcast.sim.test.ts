import fc from 'fast-check'
import { expect, test } from 'vitest'
import { defaultConfig, type Message } from '../src/index.ts'
import { payload, World } from './world.ts'

/** Sends `count` broadcasts, one every `gapMs`; returns payload copies and the time of the last delivery of each. */
function rounds(world: World, count: number, sender: (round: number) => number, gapMs = 3_000) {
  const results: { deliveries: number; copies: number; lastMs: number }[] = []
  for (let round = 0; round < count; round++) {
    const copies = world.sent.gossip
    const known = world.delivered.map(list => list.length)
    const start = world.simulation.nowMs
    world.broadcast(sender(round), payload(round))
    world.simulation.runFor(gapMs)
    const fresh = world.delivered.flatMap((list, node) => list.slice(known[node]))
    const lastMs = Math.max(...fresh.map(item => item.atMs)) - start
    results.push({ deliveries: fresh.length, copies: world.sent.gossip - copies, lastMs })
  }
  return results
}

/** Every node but the sender has every one of `total` payloads, each once. */
function expectComplete(world: World, total: number, own: (node: number) => number): void {
  world.delivered.forEach((list, node) => {
    expect(new Set(list.map(item => item.id)).size).toBe(list.length)
    expect(list.length).toBe(total - own(node))
  })
}

test('PLT-A1: after twenty warm-up broadcasts of one source each further one costs n - 1 payloads', () => {
  const world = new World({ nodes: 30 })
  rounds(world, 20, () => 0)
  for (const round of rounds(world, 100, () => 0)) {
    expect(round.deliveries).toBe(29)
    expect(round.copies).toBeLessThanOrEqual(Math.floor(1.1 * 29))
  }
})

test.each(['lazy', 'eager'] as const)(
  'PLT-I3: redundancy falls to nothing with any sender, links starting %s',
  newLinks => {
    const world = new World({ nodes: 100, config: { newLinks } })
    rounds(world, 30, round => (round * 37) % 100)
    for (const round of rounds(world, 10, index => (index * 53) % 100)) {
      expect(round).toMatchObject({ deliveries: 99, copies: 99 })
      expect(round.lastMs).toBeLessThan(400)
    }
  }
)

test('PLT-I3: sixty nodes that all broadcast at once do not take the tree apart', () => {
  const world = new World({ nodes: 60 })
  for (let round = 0; round < 5; round++) {
    for (let node = 0; node < 60; node++) world.broadcast(node, payload(round * 60 + node))
    const start = world.simulation.nowMs
    world.simulation.runFor(3_000)
    expect(Math.max(...world.delivered.flat().map(item => item.atMs)) - start).toBeLessThan(1_500)
  }
  expectComplete(world, 300, () => 5)
  // Without the rule that only one origin changes links it is 0.66.
  expect(world.sent.gossip / (300 * 59) - 1).toBeLessThan(0.6)
})

test('PLT-A2: a payload known by announcement only is there within T1 + 2 T2, though its first announcer died', () => {
  // x (0) hears of the payload from p1 (1) and p2 (2); its parent (3) never gets it.
  const edges = [
    [0, 1],
    [0, 2],
    [0, 3],
    [1, 2],
    [2, 4],
    [1, 4]
  ] as const
  const world = new World({ nodes: 5, edges })
  world.broadcast(3, payload(0))
  world.simulation.runFor(30_000)
  const parentOf0 = world.machines[0]?.eagerPeers() ?? []
  expect(parentOf0).toContain('3')
  // Every link of 0 but the one to 3 is lazy from now on, on both ends.
  for (const peer of [1, 2]) {
    world.input(0, { type: 'message', from: String(peer), message: { type: 'prune' } })
    world.input(peer, { type: 'message', from: '0', message: { type: 'prune' } })
  }
  const start = world.simulation.nowMs
  world.broadcast(4, payload(1))
  world.simulation.runFor(150)
  world.network.crash(1)
  world.simulation.runFor(5_000)
  const arrival = world.delivered[0]?.[1]?.atMs ?? Number.POSITIVE_INFINITY
  const { graftFirstMs, graftRetryFirstMs, announceDelayMs } = defaultConfig
  expect(arrival - start).toBeLessThan(150 + announceDelayMs + graftFirstMs + 2 * graftRetryFirstMs)
})

test('PLT-A3: with 5 % of all messages lost every node gets every one of 1,000 broadcasts', () => {
  const world = new World({ nodes: 30, loss: 0.05 })
  const sent = new Map<number, number>()
  for (let round = 0; round < 1_000; round++) {
    const from = world.random.below(30)
    sent.set(from, (sent.get(from) ?? 0) + 1)
    world.broadcast(from, payload(round))
    world.simulation.runFor(100)
  }
  world.simulation.runFor(60_000)
  expectComplete(world, 1_000, node => sent.get(node) ?? 0)
}, 30_000)

test('PLT-I2: losing, doubling and delaying any messages loses and doubles no delivery', () => {
  const fault = fc.record({
    seed: fc.nat(1_000),
    nodes: fc.integer({ min: 2, max: 20 }),
    loss: fc.constantFrom(0, 0.02, 0.05),
    duplication: fc.constantFrom(0, 0.1),
    jitterMsMax: fc.constantFrom(0, 100)
  })
  fc.assert(
    fc.property(fault, init => {
      const world = new World({ ...init, degree: 4 })
      const sent = new Map<number, number>()
      for (let round = 0; round < 20; round++) {
        const from = world.random.below(init.nodes)
        sent.set(from, (sent.get(from) ?? 0) + 1)
        world.broadcast(from, payload(round))
        world.simulation.runFor(world.random.below(200))
      }
      world.simulation.runFor(60_000)
      if (init.loss === 0) expectComplete(world, 20, node => sent.get(node) ?? 0)
      else
        for (const list of world.delivered) expect(new Set(list.map(item => item.id)).size).toBe(list.length)
    }),
    { numRuns: 30 }
  )
})

test('PLT-I2: whichever single message is lost, every node gets the payload once', () => {
  const play = (lost: number): World => {
    const world = new World({ nodes: 12, degree: 4 })
    rounds(world, 3, round => round)
    const first = world.messages
    world.loses = number => number === first + lost
    world.broadcast(5, payload(99))
    world.simulation.runFor(15_000)
    expectComplete(world, 4, node => (node < 3 || node === 5 ? 1 : 0))
    return world
  }
  const world = new World({ nodes: 12, degree: 4 })
  rounds(world, 3, round => round)
  const before = world.messages
  world.broadcast(5, payload(99))
  world.simulation.runFor(15_000)
  const total = world.messages - before
  expect(total).toBeGreaterThan(20)
  for (let lost = 0; lost < total; lost++) play(lost)
})

test('a payload played back after its id was forgotten costs one more broadcast, and no storm', () => {
  const world = new World({ nodes: 20 })
  rounds(world, 5, () => 0)
  let copy: Message | undefined
  world.broadcast(0, payload(77))
  world.seen = message => {
    if (message.type === 'gossip') copy = message
  }
  world.simulation.runFor(defaultConfig.seenAgeMs + 60_000)
  if (copy === undefined) throw new Error('no payload was seen')
  const copies = world.sent.gossip
  for (const peer of world.neighbors[3] ?? []) {
    for (let i = 0; i < 10; i++) world.input(peer, { type: 'message', from: '3', message: copy })
  }
  world.simulation.runFor(60_000)
  expect(world.sent.gossip - copies).toBeLessThanOrEqual(2 * 19)
  for (const list of world.delivered) expect(list.length).toBeLessThanOrEqual(7)
})

test('a neighbour that floods grafts, forged payloads and lies does not delay honest broadcasts', () => {
  const world = new World({ nodes: 20 })
  rounds(world, 5, () => 0)
  const victim = 10
  const liar = String([...(world.neighbors[victim] ?? [])][0])
  const machine = world.machines[victim]
  const known = world.delivered[victim]?.[4]?.id ?? ''
  const send = (message: Message): void => world.input(victim, { type: 'message', from: liar, message })
  const copies = world.sent.gossip
  for (let i = 0; i < 20_000; i++) {
    const fake = i.toString(16).padStart(32, '0')
    send({ type: 'graft', ids: [known, fake], eager: true })
    send({ type: 'prune' })
    send({ type: 'gossip', id: fake, origin: '00'.repeat(8), sequence: i, round: 0, payload: payload(i) })
    send({ type: 'ihave', announcements: [{ id: fake, heldMs: 0 }] })
    send({ type: 'unavailable', ids: [fake] })
    if (i % 2_000 === 0) world.simulation.runFor(100)
  }
  const stats = machine?.stats()
  expect(stats).toMatchObject({ missing: 0, rejected: { idMismatch: 20_000 } })
  expect(stats?.cached).toBeLessThanOrEqual(5)
  expect(stats?.seen).toBe(5)
  // Each graft costs a payload at most, and all together no more than their budget.
  expect(world.sent.gossip - copies).toBeLessThanOrEqual(20_000)
  for (const round of rounds(world, 3, () => 0)) {
    expect(round.deliveries).toBe(19)
    expect(round.lastMs).toBeLessThan(500)
  }
}, 60_000)

test('PLT-A4: a million fake announcements cost bounded memory and do not delay honest broadcasts', () => {
  const world = new World({ nodes: 20 })
  rounds(world, 5, () => 0)
  const victim = 10
  const liar = String([...(world.neighbors[victim] ?? [])][0])
  const machine = world.machines[victim]
  for (let batch = 0; batch < 4_000; batch++) {
    const announcements = Array.from({ length: 250 }, (_, index) => {
      return { id: (batch * 250 + index).toString(16).padStart(32, '0'), heldMs: 0 }
    })
    world.input(victim, { type: 'message', from: liar, message: { type: 'ihave', announcements } })
    if (batch % 400 === 0) world.simulation.runFor(200)
  }
  expect(machine?.stats().missing).toBeLessThanOrEqual(defaultConfig.missingPerPeerMax)
  for (const round of rounds(world, 3, () => 0)) {
    expect(round.deliveries).toBe(19)
    expect(round.lastMs).toBeLessThan(400)
  }
}, 30_000)

test('PLT-A5: a former neighbour that goes on sending is in neither set and is reported as a stranger', () => {
  const world = new World({ nodes: 10 })
  rounds(world, 3, () => 0)
  const gone = [...(world.neighbors[5] ?? [])][0] ?? 0
  // One-sided: the former neighbour does not know yet.
  world.down(5, gone, false)
  rounds(world, 5, () => 0)
  world.broadcast(gone, payload(99))
  world.simulation.runFor(1_000)
  const machine = world.machines[5]
  expect([...(machine?.eagerPeers() ?? []), ...(machine?.lazyPeers() ?? [])]).not.toContain(String(gone))
  expect(world.strangers).toContain(String(gone))
})

test('PLT-I4: with all but one announcer dead the payload still arrives', () => {
  const world = new World({ nodes: 60 })
  rounds(world, 5, () => 0)
  for (let node = 1; node < 60; node += 2) world.network.crash(node)
  // The survivors keep a ring, so that they are connected whatever died.
  for (let node = 0; node < 60; node += 2) world.link(node, (node + 2) % 60)
  world.broadcast(0, payload(1_000))
  world.simulation.runFor(10_000)
  expect(world.reached(6, 0)).toBe(29)
})

test('a peer that prunes everything keeps getting everything', () => {
  const world = new World({ nodes: 20 })
  rounds(world, 3, () => 0)
  for (let round = 0; round < 10; round++) {
    for (const peer of world.neighbors[7] ?? []) {
      world.input(peer, { type: 'message', from: '7', message: { type: 'prune' } })
    }
    world.broadcast(0, payload(round))
    world.simulation.runFor(15_000)
  }
  expect(world.delivered[7]).toHaveLength(13)
})

test('links that come and go leave no delivery out', () => {
  const world = new World({ nodes: 40, degree: 6 })
  let sent = 0
  for (let step = 0; step < 60; step++) {
    world.broadcast(0, payload(sent++))
    world.simulation.runFor(500)
    const a = 1 + world.random.below(39)
    const peers = [...(world.neighbors[a] ?? [])].filter(
      peer => Math.abs(peer - a) > 1 && Math.abs(peer - a) < 39
    )
    const b = peers[0]
    if (b === undefined) continue
    world.unlink(a, b)
    const other = (a + 2 + world.random.below(30)) % 40
    if (other !== a && !world.neighbors[a]?.has(other)) world.link(a, other)
  }
  world.simulation.runFor(30_000)
  expectComplete(world, sent, node => (node === 0 ? sent : 0))
})
