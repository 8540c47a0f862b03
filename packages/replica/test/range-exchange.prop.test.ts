import { liveDots, ObservedRemoveMap, replicaIdOf } from '@starling/ormap'
import { systemHash } from '@starling/ports/system'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FakeState } from './support/fake-exchange-state.ts'
import { round, side, wholeRound, type Side } from './support/range-talk.ts'
import { runs } from './support/runs.ts'

const step = fc.oneof(
  fc.record({ type: fc.constant('put' as const), at: fc.nat(2), key: fc.nat(5) }),
  fc.record({ type: fc.constant('remove' as const), at: fc.nat(2), key: fc.nat(5) }),
  fc.record({ type: fc.constant('collect' as const), at: fc.nat(2) }),
  fc.record({
    type: fc.constant('round' as const),
    at: fc.nat(2),
    with: fc.nat(1),
    cutAfter: fc.option(fc.nat(12), { nil: Infinity }),
    writes: fc.array(fc.record({ at: fc.nat(2), key: fc.nat(5) }), { maxLength: 2 })
  })
)

describe('three replicas', () => {
  test.each([
    ['by age', false],
    ['by what they know', true]
  ])(
    'that reconcile in any order, cut anywhere, end with what every write left: forgetting %s',
    async (_, byKnown) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30 }), async steps => {
          const everything = new ObservedRemoveMap(systemHash)
          const sides = [1, 2, 3].map(n => {
            const state = new FakeState(replicaIdOf(new Uint8Array(8).fill(n)))
            state.byKnown = byKnown
            return side(`r${n}`, state)
          })
          const at = (i: number): Side => sides[i] as Side
          let value = 0
          const write = (i: number, key: string, removes: boolean): void => {
            const { state } = at(i)
            state.clock.ms++
            const held = state.map.get(key)
            if (!removes) state.put(key, `v${value++}`)
            else if (held !== undefined && liveDots(held).length > 0) state.remove(key)
            const after = state.map.get(key)
            if (after !== undefined) everything.join(key, after)
          }
          for (const one of steps) {
            if (one.type === 'collect') {
              const { state } = at(one.at)
              // As a collection does: by age there is none within the horizon, otherwise only of what is covered.
              if (byKnown) state.collectCovered()
            } else if (one.type === 'round') {
              const other = (one.at + 1 + one.with) % 3
              const writes = [...one.writes]
              const onMessage = (): void => {
                const next = writes.pop()
                if (next !== undefined) write(next.at, `k${next.key}`, false)
              }
              await round([at(one.at), at(other)], { cutAfter: one.cutAfter, onMessage })
            } else {
              write(one.at, `k${one.key}`, one.type === 'remove')
            }
          }
          for (let i = 0; i < 3; i++) {
            for (const [a, b] of [
              [0, 1],
              [1, 2],
              [2, 0]
            ] as const) {
              await wholeRound([at(a), at(b)])
            }
          }
          const expected = pictureOf(everything)
          for (const { state } of sides) expect(pictureOf(state.map)).toBe(expected)
          const last = await wholeRound([at(0), at(2)])
          expect(last.outcomes).toMatchObject([
            { complete: true, entriesSent: 0 },
            { complete: true, entriesSent: 0 }
          ])
        }),
        runs(300)
      )
    }
  )
})

function pictureOf(map: ObservedRemoveMap): string {
  const lines = Array.from(map.entries(), ([key, entry]) =>
    [key, ...liveDots(entry).map(({ replica, stamp }) => `${replica}@${stamp}`)].join(' ')
  )
  return lines.sort().join('\n')
}
