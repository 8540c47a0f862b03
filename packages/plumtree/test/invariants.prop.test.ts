import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Input, Output, Timer } from '../src/index.ts'
import { Bench, gossip } from './step.ts'
import { runs } from './runs.ts'

const peers = ['a', 'b', 'c', 'd', 'x'] as const
const peer = fc.constantFrom(...peers)
const sequence = fc.nat(12)
const ids = fc.array(sequence, { maxLength: 6 }).map(list => list.map(item => gossip(item).id))

type Step = Input | { readonly type: 'wait'; readonly ms: number }
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: peer.map(name => ({ type: 'neighborUp' as const, peer: name })) },
  fc.record({ type: fc.constant('neighborDown' as const), peer, failed: fc.boolean() }),
  fc.uint8Array({ maxLength: 4 }).map(payload => ({ type: 'broadcast' as const, payload })),
  fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(5, 70, 500, 2_000, 40_000) }),
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        peer,
        fc.oneof(
          sequence.map(number => gossip(number)),
          sequence.map(number => ({ ...gossip(number), payload: new Uint8Array([99]) })),
          fc.tuple(ids, fc.nat(400)).map(([list, heldMs]) => ({
            type: 'ihave' as const,
            announcements: list.map(id => ({ id, heldMs }))
          })),
          fc.tuple(ids, fc.boolean()).map(([list, eager]) => ({ type: 'graft' as const, ids: list, eager })),
          fc.constant({ type: 'prune' as const }),
          ids.map(list => ({ type: 'unavailable' as const, ids: list }))
        )
      )
      .map(([from, message]) => ({ type: 'message' as const, from, message }))
  }
)

test('PLT-I1 and PLT-I2 at one machine, and every bound, whatever its peers do', () => {
  const config = {
    cacheCountMax: 6,
    missingPerPeerMax: 8,
    missingCountMax: 10,
    announceQueueMax: 5,
    unsentCountMax: 4
  }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), steps => {
      const bench = new Bench(config)
      const neighbors = new Set<string>()
      const delivered = new Map<string, number>()
      const check = (outputs: readonly Output[]): void => {
        for (const output of outputs) {
          if (output.type === 'deliver') delivered.set(output.id, (delivered.get(output.id) ?? 0) + 1)
          if (output.type === 'send') expect(neighbors.has(output.to)).toBe(true)
        }
        const eager = bench.machine.eagerPeers()
        const lazy = bench.machine.lazyPeers()
        expect(new Set([...eager, ...lazy])).toEqual(neighbors)
        expect(eager.length + lazy.length).toBe(neighbors.size)
        const stats = bench.machine.stats()
        expect(stats.eager).toBe(eager.length)
        expect(stats.cached).toBeLessThanOrEqual(10)
        expect(stats.missing).toBeLessThanOrEqual(10)
        expect(stats.queued).toBeLessThanOrEqual(5 * neighbors.size)
        expect(stats.unsent).toBeLessThanOrEqual(4)
      }
      for (const item of steps) {
        if (item.type === 'wait') check(bench.pass(item.ms))
        else {
          if (item.type === 'neighborUp') neighbors.add(item.peer)
          if (item.type === 'neighborDown') neighbors.delete(item.peer)
          check(bench.input(item))
        }
      }
      for (const count of delivered.values()) expect(count).toBe(1)
    }),
    runs(1_000)
  )
})

test('timers are bounded by what they watch: a machine left alone comes to rest', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const bench = new Bench()
      for (const item of steps) if (item.type !== 'wait') bench.input(item)
      bench.pass(400_000)
      const left: Timer[] = bench.timers.map(({ timer }) => timer)
      expect(left).toEqual([])
      expect(bench.machine.stats()).toMatchObject({ seen: 0, missing: 0, queued: 0 })
    }),
    runs(1_000)
  )
})
