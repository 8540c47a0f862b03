import { describe, expect, test } from 'vitest'
import { FakeNet } from './fake-net.ts'

describe('both dial', () => {
  test('PSM-A2: 1,000 random timings: one connection and one session each, no flap, and both wishes are met', async () => {
    for (let seed = 1; seed <= 1_000; seed++) {
      const net = new FakeNet(seed)
      const a = await net.add()
      const b = await net.add()
      let draw = seed
      const next = (): number => (draw = (draw * 48_271 + 7) % 2_147_483_647) % 60
      // In every third world dials are slow, so that one side's session stands before the other side's dial is done.
      net.dialMs = () => (seed % 3 === 0 ? 10 * next() : next())
      net.onConnection = connection => {
        const byTag = new Map<string, number>()
        connection.delayMs = tag => {
          const known = byTag.get(tag) ?? next()
          byTag.set(tag, known)
          return known
        }
      }
      const intents = [a.want(b, 'once')]
      net.time.timers.schedule(next(), () => void intents.push(b.want(a, 'once')))
      // Less than the hold: a connection that waited for a better one is let go when that one stands, not by a timer.
      await net.time.advance(1_900)
      const story = `${seed}: ${a.story.join()} / ${b.story.join()}`
      expect([a.connections.size, b.connections.size], story).toEqual([1, 1])
      expect(story).toBe(`${seed}: up / up`)
      expect(a.peers.sessions()[0]?.initiator).toBe(b.peers.sessions()[0]?.initiator === false)
      expect(intents.map(({ session }) => session)).toEqual([a.peers.sessions()[0], b.peers.sessions()[0]])
      void net.stop()
    }
  })
})
