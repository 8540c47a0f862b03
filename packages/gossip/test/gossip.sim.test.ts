import { describe, expect, test } from 'vitest'
import type { PeerKey, Topic } from '../src/index.ts'
import { FakeChannel } from './fake-channel.ts'
import { Swarm } from './fake-sessions.ts'

const text = (value: string) => new TextEncoder().encode(value)
const names = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`)

/** A node that joined a topic, with what it received. */
interface Member {
  readonly topic: Topic
  readonly received: string[]
  readonly events: string[]
}

function join(swarm: Swarm, key: PeerKey, name: string, contacts: readonly PeerKey[]): Member {
  const topic = swarm.join(key, name, contacts)
  const received: string[] = []
  const events: string[] = []
  topic.onMessage(payload => received.push(new TextDecoder().decode(payload)))
  topic.onNeighbor(event => events.push(`${event.type} ${event.peer}`))
  return { topic, received, events }
}

function memberOf(members: readonly Member[], index: number): Member {
  const member = members[index]
  if (member === undefined) throw new RangeError(`there is no member ${index}`)
  return member
}

/** So many nodes in one topic, joined through the first, and at rest. */
async function cluster(swarm: Swarm, count: number, topic = 'flags'): Promise<Member[]> {
  const members = names(count).map(key => join(swarm, key, topic, key === 'n0' ? [] : ['n0']))
  await swarm.until(
    () => members.every(member => member.topic.neighbors().length >= Math.min(2, count - 1)),
    10_000
  )
  await swarm.pass(2_000)
  return members
}

/** Whether a payload sent by each member reaches all others within ten seconds. */
async function everybodyHears(swarm: Swarm, members: readonly Member[], mark: string): Promise<void> {
  members.forEach(({ topic }, index) => topic.broadcast(text(`${mark} ${index}`)))
  await swarm.pass(10_000)
  members.forEach(({ received }, index) => {
    const expected = members.map((_, other) => `${mark} ${other}`).filter((_, other) => other !== index)
    expect(received.filter(payload => payload.startsWith(mark)).toSorted()).toEqual(expected.toSorted())
  })
}

describe('joining', () => {
  test('five nodes find each other within a second; a payload reaches everybody but its sender, once (PLT-A6)', async () => {
    const swarm = new Swarm()
    const members = names(5).map(key => join(swarm, key, 'flags', key === 'n0' ? [] : ['n0']))
    const joinedMs = await swarm.until(
      () => members.every(({ topic }) => topic.neighbors().length >= 2),
      5_000
    )
    expect(joinedMs).toBeLessThan(1_000)
    await everybodyHears(swarm, members, 'first')
  })

  test('fifty nodes make one overlay with symmetric links', async () => {
    const swarm = new Swarm(3)
    const members = await cluster(swarm, 50)
    await swarm.pass(20_000)
    members.forEach(({ topic }, index) => {
      for (const peer of topic.neighbors()) {
        const other = memberOf(members, Number(peer.slice(1)))
        expect(other.topic.neighbors()).toContain(`n${index}`)
      }
    })
    await everybodyHears(swarm, members, 'fifty')
  })

  test('sixty nodes that join one contact within a second are one overlay, and nobody is struck for it', async () => {
    const swarm = new Swarm(2)
    const members: Member[] = []
    for (const key of names(60)) {
      members.push(join(swarm, key, 'flags', key === 'n0' ? [] : ['n0']))
      await swarm.pass(15)
    }
    await swarm.pass(20_000)
    for (const node of swarm.nodes.values()) {
      expect(node.gossip.stats()).toMatchObject({ offendersClosed: 0, malformed: 0, queueOverflows: 0 })
    }
    for (const { topic } of members) expect(topic.neighbors().length).toBeGreaterThanOrEqual(2)
    await everybodyHears(swarm, members, 'storm')
  }, 60_000)

  test('a contact that comes up a minute later is found within a dozen seconds', async () => {
    const swarm = new Swarm()
    const early = join(swarm, 'n1', 'flags', ['n0'])
    await swarm.pass(10_000)
    // A failed dial is told to the overlay: it does not wait for its request to time out.
    expect(swarm.dials.length).toBeGreaterThanOrEqual(6)
    await swarm.pass(50_000)
    expect(early.topic.neighbors()).toEqual([])
    expect(swarm.dials.length).toBeLessThan(40)
    const late = join(swarm, 'n0', 'flags', [])
    expect(await swarm.until(() => late.topic.neighbors().length === 1, 60_000)).toBeLessThan(12_000)
    await everybodyHears(swarm, [early, late], 'late')
  })

  test('a contact that lacks the topic says so, and is found as soon as it joins', async () => {
    const swarm = new Swarm()
    const early = join(swarm, 'n1', 'flags', ['n0'])
    const gossip = swarm.add('n0')
    await swarm.pass(20_000)
    expect(gossip.stats().unknownTopics).toBeGreaterThan(0)
    expect(gossip.stats().unknownTopics).toBeLessThan(40)
    const late = join(swarm, 'n0', 'flags', [])
    expect(await swarm.until(() => late.topic.neighbors().length === 1, 60_000)).toBeLessThan(1_000)
    await everybodyHears(swarm, [early, late], 'topic')
  })

  test('a contact that cannot be had, as the port says in the call that asks for it, is found once it can', async () => {
    const swarm = new Swarm()
    join(swarm, 'seed', 'flags', [])
    swarm.refusedAtOnce.add('seed')
    const early = join(swarm, 'early', 'flags', ['seed'])
    await swarm.pass(60_000)
    expect(early.topic.neighbors()).toEqual([])
    expect(swarm.node('early').gossip.stats().queuedBytes).toBe(0)
    swarm.refusedAtOnce.clear()
    expect(await swarm.until(() => early.topic.neighbors().length > 0, 60_000)).toBeLessThan(12_000)
  })

  test('an id that is none costs nothing but its own contact', async () => {
    const swarm = new Swarm()
    const members = [join(swarm, 'n0', 'flags', ['bad!']), join(swarm, 'n1', 'flags', ['bad!', 'n0'])]
    await swarm.pass(30_000)
    expect(swarm.node('n1').gossip.stats().peersRefused).toBeGreaterThan(0)
    await everybodyHears(swarm, members, 'fine')
  })

  test('bad use is refused with a sentence', async () => {
    const gossip = new Swarm(1, { topicsMax: 1, topicNameBytesMax: 8 }).add('n0')
    expect(() => gossip.join('', { contacts: [] })).toThrow(TypeError)
    expect(() => gossip.join('123456789', { contacts: [] })).toThrow(RangeError)
    const topic = gossip.join('a', { contacts: [] })
    expect(() => gossip.join('a', { contacts: [] })).toThrow(TypeError)
    expect(() => gossip.join('b', { contacts: [] })).toThrow(
      expect.objectContaining({ name: 'TopicLimitError' })
    )
    expect(() => topic.broadcast(new Uint8Array(200_000))).toThrow(RangeError)
    await gossip.stop()
    expect(() => gossip.join('c', { contacts: [] })).toThrow(
      expect.objectContaining({ name: 'GossipStoppedError' })
    )
    expect(() => topic.broadcast(new Uint8Array(1))).toThrow(
      expect.objectContaining({ name: 'TopicLeftError' })
    )
  })
})

describe('topics', () => {
  test('several topics share the sessions and one channel each, and do not mix', async () => {
    const swarm = new Swarm()
    const inBoth = names(6).map(
      key => [join(swarm, key, 'red', ['n0']), join(swarm, key, 'blue', ['n0'])] as const
    )
    const redOnly = [join(swarm, 'n6', 'red', ['n0']), join(swarm, 'n7', 'red', ['n1'])]
    await swarm.pass(3_000)
    await everybodyHears(swarm, [...inBoth.map(([red]) => red), ...redOnly], 'red')
    await everybodyHears(
      swarm,
      inBoth.map(([, blue]) => blue),
      'blue'
    )
    for (const { received } of redOnly)
      expect(received.some(payload => payload.startsWith('blue'))).toBe(false)
    for (const node of swarm.nodes.values()) {
      for (const session of node.sessions.values()) {
        // None was opened to be thrown away either.
        expect(session.channels.length).toBeLessThanOrEqual(1)
        expect(session.channels.filter(channel => !channel.over).length).toBeLessThanOrEqual(1)
      }
    }
  })

  test('leaving is final: neighbours are told, nothing is delivered, and joining again is a fresh start', async () => {
    const swarm = new Swarm()
    const members = await cluster(swarm, 4)
    const leaver = memberOf(members, 2)
    const neighbors = leaver.topic.neighbors()
    await leaver.topic.leave()
    await swarm.pass(500)
    expect(leaver.topic.neighbors()).toEqual([])
    for (const peer of neighbors) {
      const events = memberOf(members, Number(peer.slice(1))).events
      expect(events.filter(event => event.endsWith('n2'))).toEqual(['up n2', 'down n2'])
    }
    expect(() => leaver.topic.broadcast(text('ghost'))).toThrow(
      expect.objectContaining({ name: 'TopicLeftError' })
    )
    const stay = members.filter(member => member !== leaver)
    await everybodyHears(swarm, stay, 'without')
    expect(leaver.received).toEqual([])
    const again = join(swarm, 'n2', 'flags', ['n0'])
    await swarm.pass(3_000)
    await everybodyHears(swarm, [...stay, again], 'again')
  })
})

describe('faults', () => {
  test('what is broadcast in isolation arrives when there is a link again', async () => {
    const swarm = new Swarm()
    const members = await cluster(swarm, 5)
    swarm.partition((a, b) => (a === 'n4') !== (b === 'n4'))
    await swarm.pass(1_000)
    const alone = memberOf(members, 4)
    expect(alone.topic.neighbors()).toEqual([])
    for (let i = 0; i < 10; i++) alone.topic.broadcast(text(`island ${i}`))
    await swarm.pass(60_000)
    swarm.partition(undefined)
    expect(await swarm.until(() => alone.topic.neighbors().length > 0, 60_000)).toBeLessThan(12_000)
    await swarm.pass(5_000)
    const expected = Array.from({ length: 10 }, (_, i) => `island ${i}`)
    for (const { received } of members.slice(0, 4)) expect(received.toSorted()).toEqual(expected)
  })

  test('a restarted peer is a neighbour again and hears everything', async () => {
    const swarm = new Swarm()
    const members = await cluster(swarm, 4)
    swarm.crash('n3')
    await swarm.pass(3_000)
    for (const member of members.slice(0, 3)) expect(member.topic.neighbors()).not.toContain('n3')
    const reborn = join(swarm, 'n3', 'flags', ['n0'])
    expect(await swarm.until(() => reborn.topic.neighbors().length > 0, 20_000)).toBeLessThan(5_000)
    await swarm.pass(2_000)
    await everybodyHears(swarm, [...members.slice(0, 3), reborn], 'reborn')
  })

  test('a peer that restarts and knows nobody is dialled again', async () => {
    const swarm = new Swarm()
    const survivor = join(swarm, 'n0', 'flags', ['n1'])
    join(swarm, 'n1', 'flags', [])
    expect(await swarm.until(() => survivor.topic.neighbors().length === 1, 5_000)).toBeLessThan(1_000)
    swarm.crash('n1')
    await swarm.pass(30_000)
    expect(survivor.topic.neighbors()).toEqual([])
    const reborn = join(swarm, 'n1', 'flags', [])
    expect(await swarm.until(() => reborn.topic.neighbors().length === 1, 60_000)).toBeLessThan(12_000)
  })

  test('a node that starts again with the peers it saved gets in, though its only contact is gone', async () => {
    const swarm = new Swarm()
    const members = await cluster(swarm, 8)
    await swarm.pass(60_000)
    const saved = memberOf(members, 7).topic.savedPeers()
    expect(saved.length).toBeGreaterThanOrEqual(5)
    expect(saved[0]?.addresses).toEqual([expect.stringContaining('/ip4/127.0.0.1/')])
    swarm.crash('n7')
    swarm.crash('n0')
    const reborn = swarm.join('n7', 'flags', ['n0'], saved)
    expect(await swarm.until(() => reborn.neighbors().length > 0, 60_000)).toBeLessThan(5_000)
  })

  test('two halves that were apart for ten minutes become one again', async () => {
    const swarm = new Swarm(5)
    const members = await cluster(swarm, 12)
    const half = (key: PeerKey) => Number(key.slice(1)) < 6
    swarm.partition((a, b) => half(a) !== half(b))
    await swarm.pass(600_000)
    swarm.partition(undefined)
    await swarm.pass(360_000)
    await everybodyHears(swarm, members, 'healed')
  }, 30_000)

  test('churn: nodes die and come back all the time, and the survivors hear each other afterwards', async () => {
    const swarm = new Swarm(7)
    const members = await cluster(swarm, 12)
    const random = swarm.simulation.random.fork('churn')
    for (let round = 0; round < 20; round++) {
      const victim = 1 + random.below(11)
      swarm.crash(`n${victim}`)
      await swarm.pass(500 + random.below(2_000))
      members[victim] = join(swarm, `n${victim}`, 'flags', ['n0'])
      await swarm.pass(random.below(1_000))
    }
    await swarm.pass(20_000)
    await everybodyHears(swarm, members, 'after')
  }, 30_000)

  test('a payload that got lost on a quiet topic is repaired within five seconds, though nobody broadcasts again', async () => {
    const swarm = new Swarm()
    const members = await cluster(swarm, 5)
    await everybodyHears(swarm, members, 'warm up')
    await swarm.pass(20_000)
    const { received } = memberOf(members, 4)
    for (const [index, { topic }] of members.slice(0, 4).entries()) {
      const payload = `${index} ${'x'.repeat(600)}`
      FakeChannel.lost = (to, message) => to === 'n4' && message.length > 500
      topic.broadcast(text(payload))
      await swarm.pass(200)
      FakeChannel.lost = undefined
      expect(received).not.toContain(payload)
      expect(await swarm.until(() => received.includes(payload), 15_000)).toBeLessThan(5_000)
      await swarm.pass(20_000)
    }
  })

  test('a peer that does not read costs bounded memory and delays nobody', async () => {
    const swarm = new Swarm(1, { payloadQueueBytesMax: 262_144, controlQueueBytesMax: 65_536 })
    const members = await cluster(swarm, 5)
    // The tree reaches n4 before it stops reading.
    for (let i = 0; i < 3; i++) {
      members[0]?.topic.broadcast(text(`before ${i}`))
      await swarm.pass(1_500)
    }
    expect(members[4]?.received).toHaveLength(3)
    for (const session of swarm.node('n4').sessions.values()) {
      for (const channel of session.channels) channel.stalled = true
    }
    const big = new Uint8Array(60_000)
    for (let i = 0; i < 60; i++) {
      members[0]?.topic.broadcast(big)
      await swarm.pass(20)
      for (const node of ['n0', 'n1', 'n2', 'n3']) {
        expect(swarm.node(node).gossip.stats().queuedBytes).toBeLessThan(2 * (262_144 + 65_536 + 200_000))
      }
    }
    await swarm.pass(5_000)
    for (const member of members.slice(1, 4)) expect(member.received).toHaveLength(63)
    const dropped = ['n0', 'n1', 'n2', 'n3'].map(node => swarm.node(node).gossip.stats().payloadsDropped)
    expect(dropped.reduce((sum, count) => sum + count)).toBeGreaterThan(0)
  })
})

test('stopping tells the neighbours, ends the channels and leaves no timer', async () => {
  const swarm = new Swarm()
  const members = await cluster(swarm, 5)
  const stopping = [...swarm.nodes.values()].slice(1).map(node => node.gossip.stop())
  await swarm.pass(1_500)
  await Promise.all(stopping)
  expect(members[0]?.topic.neighbors()).toEqual([])
  const last = swarm.node('n0').gossip.stop()
  await swarm.pass(1_500)
  await last
  for (const node of swarm.nodes.values()) expect(node.timers.size).toBe(0)
  // What is left belongs to the fake network: idle sessions that end once. Afterwards nothing at all is scheduled.
  await swarm.pass(120_000)
  expect(swarm.simulation.pending).toBe(0)
})

test('a session nobody needs any more is let go', async () => {
  const swarm = new Swarm()
  await cluster(swarm, 30)
  await swarm.pass(240_000)
  const sessions = [...swarm.nodes.values()].map(node => node.sessions.size)
  // Five neighbours, and the shuffles and probes of the last 40 seconds; all pairs have met by now.
  expect(sessions.reduce((sum, count) => sum + count) / 30).toBeLessThan(11)
}, 30_000)
