import { expect, test } from 'vitest'
import type { PeerKey, Topic } from '../src/index.ts'
import { Swarm } from './fake-sessions.ts'

const contact = (peer: PeerKey) => ({ peer, addresses: [`/dns4/${peer}/udp/4001/quic-v1`] })

/** A node that joined a topic, with what it received. */
interface Member {
  readonly topic: Topic
  readonly received: string[]
}

function join(swarm: Swarm, key: PeerKey, name: string, contacts: readonly PeerKey[]): Member {
  const gossip = swarm.nodes.get(key)?.up === true ? swarm.node(key).gossip : swarm.add(key)
  const topic = gossip.join(name, { contacts: contacts.map(contact) })
  const received: string[] = []
  topic.onMessage(payload => received.push(new TextDecoder().decode(payload)))
  return { topic, received }
}

const text = (value: string) => new TextEncoder().encode(value)
const names = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`)

test('five nodes find each other within a second and every payload reaches everybody but its sender', async () => {
  const swarm = new Swarm()
  const members = names(5).map(key => join(swarm, key, 'flags', key === 'n0' ? [] : ['n0']))
  const joinedMs = await swarm.until(() => members.every(({ topic }) => topic.neighbors().length >= 2), 5_000)
  expect(joinedMs).toBeLessThan(1_000)
  members.forEach(({ topic }, index) => topic.broadcast(text(`from ${index}`)))
  await swarm.pass(3_000)
  members.forEach(({ received }, index) => {
    const expected = [0, 1, 2, 3, 4].filter(other => other !== index).map(other => `from ${other}`)
    expect(received.toSorted()).toEqual(expected)
  })
    JSON.stringify([
      joinedMs,
      members.map(m => m.topic.neighbors().length),
      swarm.node('n0').gossip.stats(),
      swarm.dials.length
    ]) + '\n'
  )
})
