import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createPeerState, outranks } from '../src/peer-draft.ts'
import { stepPeer } from '../src/peer-machine.ts'
import type { PeerInput } from '../src/peer-types.ts'
import { cloneWorld, CRASHES, EVERYTHING, fingerprint, newWorld, type World } from './peer-model.ts'
import { apply, movesOf, settle } from './peer-moves.ts'
import { runs } from './runs.ts'

const failure = { error: new Error('stale'), refused: false, duplicate: false }

/** A broken machine may find new states for ever. */
const STATES_MAX = 60_000

/** Walks every interleaving once and settles a sample of the places it reaches. */
function explore(start: World, depth: number): { states: number; settled: number } {
  const seen = new Set<string>()
  let settled = 0
  let frontier = [start]
  for (let level = 0; level < depth && frontier.length > 0; level++) {
    const next: World[] = []
    for (const world of frontier) {
      for (const move of movesOf(world, false)) {
        const after = cloneWorld(world)
        apply(after, move)
        const key = fingerprint(after)
        if (seen.has(key)) continue
        seen.add(key)
        if (seen.size > STATES_MAX) throw new Error(`${STATES_MAX} states, and no end of it`)
        next.push(after)
        // Settling is the dear part: every third place is settled, and the random walks settle others.
        if (seen.size % 3 !== 0) continue
        const end = cloneWorld(after)
        const wrong = settle(end, count => (seen.size * 7919) % count)
        if (wrong !== undefined)
          throw new Error(`${wrong} after ${JSON.stringify(move)} from ${fingerprint(world)}`)
        settled++
      }
    }
    frontier = next
  }
  return { states: seen.size, settled }
}

describe('two machines', () => {
  test('both dial at once: every interleaving ends in one connection, the same at both ends', () => {
    const { states } = explore(newWorld({ a: 'continuous', b: 'continuous' }, 0), 40)
    expect(states).toBeGreaterThan(150)
  })

  test('both dial, with one fault anywhere: every interleaving of 12 steps recovers', () => {
    const { states } = explore(newWorld({ a: 'continuous', b: 'continuous' }, 1), 12)
    expect(states).toBeGreaterThan(1_000)
  })

  test('only the lesser or only the greater wants the other, with one fault', () => {
    expect(explore(newWorld({ a: undefined, b: 'continuous' }, 1), 16).states).toBeGreaterThan(300)
    expect(explore(newWorld({ a: 'continuous', b: undefined }, 1), 16).states).toBeGreaterThan(300)
  })

  test('with two faults anywhere in the first 6 steps', () => {
    expect(explore(newWorld({ a: 'continuous', b: 'continuous' }, 2), 6).states).toBeGreaterThan(1_000)
  })

  test('one step of anything else anywhere: wishes, revocations, stops and completions that come twice', () => {
    const starts = [
      { a: 'continuous', b: 'continuous' },
      { a: 'once', b: 'once' },
      { a: 'once', b: undefined },
      { a: undefined, b: 'once' }
    ] as const
    for (const start of starts) expect(explore(newWorld(start, 1, EVERYTHING), 9).states).toBeGreaterThan(100)
  })

  test('PSM-A1: any interleaving of everything: one session, one connection, no wish forgotten, nothing acts twice', () => {
    // Short walks are left to the exhaustive tests above.
    const picks = fc.array(fc.nat(1_000), { minLength: 10, maxLength: 80, size: 'max' })
    const start = fc.constantFrom(undefined, 'once' as const, 'continuous' as const)
    fc.assert(
      fc.property(
        picks,
        start,
        start,
        fc.nat(1_000),
        fc.constantFrom(CRASHES, EVERYTHING, EVERYTHING),
        (choices, a, b, seed, kinds) => {
          const world = newWorld({ a, b }, 24, kinds)
          for (const choice of choices) {
            const moves = movesOf(world, false)
            const move = moves[choice % moves.length]
            if (move === undefined) break
            apply(world, move)
          }
          let draw = seed
          const wrong = settle(world, count => {
            draw = (draw * 48271 + 11) % 2147483647
            return draw % count
          })
          expect(wrong).toBeUndefined()
        }
      ),
      runs(10_000)
    )
  })

  test('a completion of an attempt that is gone changes nothing and has no effect', () => {
    const stale: PeerInput[] = [
      { type: 'dialFailed', attempt: 999, failure },
      { type: 'verified', attempt: 999, incarnation: 9n, dialAttempt: 9 },
      { type: 'established', attempt: 999, incarnation: 9n },
      { type: 'handshakeFailed', attempt: 999, failure },
      { type: 'goodbye', attempt: 999 },
      { type: 'closed', attempt: 999, reason: 'stale' },
      { type: 'drop', attempt: 999, code: 'idle' },
      { type: 'timer', timer: 'redial', number: 999 },
      { type: 'timer', timer: 'hold', number: 999 }
    ]
    const context = { selfGreater: true, nowMs: 0, random: () => 0.5 }
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { maxLength: 40 }), fc.constantFrom(...stale), (choices, input) => {
        const world = newWorld({ a: 'continuous', b: 'continuous' }, 4)
        for (const choice of choices) {
          const moves = movesOf(world, false)
          const move = moves[choice % moves.length]
          if (move === undefined) break
          apply(world, move)
        }
        for (const end of [world.ends.a, world.ends.b]) {
          const after = stepPeer(end.state, input, context)
          expect(after.effects).toEqual([])
          expect(after.state).toEqual(end.state)
        }
      }),
      runs(2_000)
    )
  })

  test('of two connections the newer process wins, then the greater dialler, then the newer dial', () => {
    const rank = (incarnation: bigint, dialledByGreater: boolean, dialAttempt: number) => ({
      incarnation,
      dialledByGreater,
      dialAttempt
    })
    const ascending = [
      rank(1n, false, 1),
      rank(1n, false, 9),
      rank(1n, true, 1),
      rank(1n, true, 2),
      rank(2n, false, 1)
    ]
    for (const [i, lesser] of ascending.entries()) {
      for (const [j, greater] of ascending.entries()) expect(outranks(greater, lesser)).toBe(j > i)
    }
  })

  test('any input in any order never throws', () => {
    const attempt = fc.integer({ min: 0, max: 6 })
    const inputs: fc.Arbitrary<PeerInput> = fc.oneof(
      fc.record({
        type: fc.constant('want' as const),
        wanted: fc.constantFrom('none' as const, 'once' as const, 'continuous' as const),
        fresh: fc.boolean()
      }),
      fc.record({ type: fc.constant('dialled' as const), attempt }),
      fc.record({ type: fc.constant('dialFailed' as const), attempt, failure: fc.constant(failure) }),
      fc.record({ type: fc.constant('accepted' as const), attempt }),
      fc.record({
        type: fc.constant('verified' as const),
        attempt,
        incarnation: fc.bigInt({ min: 0n, max: 2n }),
        dialAttempt: attempt
      }),
      fc.record({
        type: fc.constant('established' as const),
        attempt,
        incarnation: fc.bigInt({ min: 0n, max: 2n })
      }),
      fc.record({ type: fc.constant('handshakeFailed' as const), attempt, failure: fc.constant(failure) }),
      fc.record({ type: fc.constant('goodbye' as const), attempt }),
      fc.record({ type: fc.constant('closed' as const), attempt, reason: fc.constant('x') }),
      fc.record({
        type: fc.constant('timer' as const),
        timer: fc.constantFrom('redial' as const, 'hold' as const),
        number: attempt
      }),
      fc.record({ type: fc.constant('drop' as const), attempt, code: fc.constant('protocol' as const) }),
      fc.record({
        type: fc.constant('revoke' as const),
        failure: fc.constantFrom(failure, { ...failure, refused: true })
      }),
      fc.constantFrom({ type: 'restore' as const }, { type: 'stop' as const })
    )
    fc.assert(
      fc.property(fc.array(inputs, { maxLength: 60 }), fc.boolean(), (list, selfGreater) => {
        let state = createPeerState(0)
        for (const input of list) {
          state = stepPeer(state, input, { selfGreater, nowMs: 0, random: () => 0.5 }).state
          expect(state.links.filter(link => link.phase === 'established').length).toBeLessThanOrEqual(1)
          expect(state.links.length).toBeLessThanOrEqual(60)
        }
      }),
      runs(10_000)
    )
  })
})
