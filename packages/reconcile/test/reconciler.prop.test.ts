import { seededRandom, type SeededRandom } from '@starling/ports'
import { systemHash } from '@starling/ports/system'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FingerprintTree, Item } from '../src/index.ts'
import { runs } from './runs.ts'
import { exchange, runSession, textsOf, treeOf, without, type Session } from './sessions.ts'

/** How two sets are made, so that a failing case is a few numbers. */
const sets = fc
  .record({
    seed: fc.nat(),
    common: fc.oneof(fc.nat(20), fc.nat(400), fc.nat(4000)),
    mine: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(300)),
    theirs: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(300)),
    stamps: fc.constantFrom<Stamps>('spread', 'recent', 'few', 'one'),
    hashes: fc.constantFrom<Hashes>('random', 'random', 'alike', 'adjacent')
  })
  .map(spec => ({ ...spec, ...makeSets(spec) }))

type Stamps = 'spread' | 'recent' | 'few' | 'one'
type Hashes = 'random' | 'alike' | 'adjacent'

interface Spec {
  readonly seed: number
  readonly common: number
  readonly mine: number
  readonly theirs: number
  readonly stamps: Stamps
  readonly hashes: Hashes
}

function makeSets({ seed, common, mine, theirs, stamps, hashes }: Spec): {
  readonly a: FingerprintTree
  readonly b: FingerprintTree
} {
  const random = seededRandom(seed)
  const [a, b]: [Item[], Item[]] = [[], []]
  for (let i = 0; i < common + mine + theirs; i++) {
    const item = { stamp: stampOf(stamps, i < common, random), hash: hashOf(hashes, random), ref: i }
    if (i < common + mine) a.push(item)
    if (i < common || i >= common + mine) b.push(item)
  }
  return { a: treeOf(a), b: treeOf(b) }
}

function stampOf(stamps: Stamps, isCommon: boolean, random: SeededRandom): bigint {
  if (stamps === 'one') return 7n
  if (stamps === 'few') return BigInt(random.below(5)) << 40n
  const late = stamps === 'recent' && !isCommon ? 1n << 40n : 0n
  return (late + 1_700_000_000_000n + BigInt(random.uint32())) << 16n
}

/** `alike`: the first four bytes often agree. `adjacent`: all but the last six may. No two hashes are equal. */
function hashOf(hashes: Hashes, random: SeededRandom): Uint8Array {
  const hash = systemHash(random.bytes(8))
  if (hashes === 'alike') hash.fill(1, 0, 3 + random.below(2))
  if (hashes === 'adjacent') hash.fill(random.below(3), 0, 26)
  return hash
}

const limits = (frameBytesMax: number) => ({ limits: { frameBytesMax } })

function checkExact(a: FingerprintTree, b: FingerprintTree, session: Session): void {
  const [mine, theirs] = [without(a, b), without(b, a)]
  expect(textsOf(session.initiator.have)).toEqual(mine)
  expect(textsOf(session.responder.have)).toEqual(theirs)
  expect(session.initiator.need).toBe(theirs.length)
  expect(session.responder.need).toBe(mine.length)
}

describe('Reconciler', () => {
  test('both ends find exactly what the other lacks, each item once, in few turns', () => {
    fc.assert(
      fc.property(sets, fc.boolean(), ({ a, b, seed }, ordered) => {
        const session = runSession(a, b, { seed, initiator: { ordered } })
        expect(session.initiator.end).toEqual({ type: 'complete' })
        expect(session.responder.end).toEqual({ type: 'complete' })
        checkExact(a, b, session)
        const turns = Math.ceil(Math.log(Math.max(a.count, b.count) + 1) / Math.log(22)) + 4
        expect(session.frames.length).toBeLessThanOrEqual(2 * turns)
        expect(Math.max(...session.frames)).toBeLessThanOrEqual(524_288)
        exchange(a, b, session)
        expect(runSession(a, b).frames.length).toBe(3)
      }),
      runs(400)
    )
  })

  test('with any frame limits what is found is right, and sessions one after the other find everything', () => {
    fc.assert(
      fc.property(
        sets,
        fc.integer({ min: 8192, max: 20_000 }),
        fc.boolean(),
        ({ a, b, seed }, limit, swap) => {
          const [one, two] = swap ? [limits(limit), limits(8192)] : [limits(8192), limits(limit)]
          for (let round = 0; ; round++) {
            const [mine, theirs] = [without(a, b), without(b, a)]
            const session = runSession(a, b, { seed: seed + round, initiator: one, responder: two })
            expect(Math.max(...session.frames)).toBeLessThanOrEqual(Math.max(limit, 8192))
            const { initiator, responder } = session
            expect(new Set([...textsOf(initiator.have), ...mine]).size).toBe(mine.length)
            expect(new Set([...textsOf(responder.have), ...theirs]).size).toBe(theirs.length)
            expect(textsOf(initiator.have).length).toBe(new Set(textsOf(initiator.have)).size)
            expect(initiator.end).toEqual(responder.end)
            if (initiator.end?.type === 'complete') {
              checkExact(a, b, session)
              break
            }
            expect(initiator.end).toEqual({ type: 'partial' })
            expect(initiator.have.length + responder.have.length).toBeGreaterThan(0)
            exchange(a, b, session)
            expect(round).toBeLessThan(30)
          }
        }
      ),
      runs(150)
    )
  })

  test('a session cut at any frame leaves what was found right, and the next one finds the rest', () => {
    fc.assert(
      fc.property(sets, fc.nat(8), ({ a, b, seed }, framesMax) => {
        const [mine, theirs] = [without(a, b), without(b, a)]
        const cut = runSession(a, b, { seed, framesMax })
        expect(mine).toEqual(expect.arrayContaining(textsOf(cut.initiator.have)))
        expect(theirs).toEqual(expect.arrayContaining(textsOf(cut.responder.have)))
        exchange(a, b, cut)
        const next = runSession(b, a, { seed: seed + 1 })
        checkExact(b, a, next)
      }),
      runs(200)
    )
  })

  test('writes during a session do not show in it, and the next one brings them', () => {
    fc.assert(
      fc.property(sets, ({ a, b, seed }) => {
        const random = seededRandom(seed).fork('writes')
        const before = [a.clone(), b.clone()] as const
        const between = () => {
          for (const tree of [a, b]) {
            for (let i = random.below(5); i > 0; i--) {
              if (tree.count > 0 && random.below(2) === 0) {
                const { stamp, hash } = tree.item(random.below(tree.count))
                tree.remove(stamp, hash)
              } else tree.insert(BigInt(random.uint32()), systemHash(random.bytes(8)), 0)
            }
          }
        }
        const session = runSession(a, b, { seed, between })
        checkExact(before[0], before[1], session)
        expect(session.initiator.end).toEqual({ type: 'complete' })
        exchange(a, b, session)
        checkExact(a, b, runSession(a, b, { seed }))
      }),
      runs(150)
    )
  })
})
