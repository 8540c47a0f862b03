import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from './runs.ts'
import { corpusOf } from './support/corpus.ts'
import { TARGETS, type Target } from './support/targets.ts'
import { Wild } from './support/wild.ts'

/** Buffers for each seed: making a seed costs as much as decoding a hundred of them. */
const BUFFERS = 100

/** Fresh bytes of the decoder's own grammar. */
const FRESH: Record<Target, (wild: Wild, out: number[]) => void> = {
  value: (wild, out) => wild.item(out, 4),
  frames: (wild, out) => {
    for (let left = wild.below(4); left > 0; left--)
      wild.bytes(out, wild.below(wild.below(8) === 0 ? 310 : 20))
  },
  fields: (wild, out) => wild.fields(out),
  utf8: (wild, out) => wild.utf8(out, wild.below(12))
}

/** A third is left as the grammar made it, a third is mutated, a third is a mutated file of the corpus. */
function wildBytes(wild: Wild, target: Target, corpus: readonly Uint8Array[]): Uint8Array {
  const out: number[] = []
  const kind = wild.below(3)
  if (kind === 0) out.push(...(corpus[wild.below(corpus.length)] as Uint8Array))
  else FRESH[target](wild, out)
  if (kind < 2) wild.mutate(out)
  return Uint8Array.from(out)
}

test.each([
  ['value', 1000],
  ['frames', 250],
  ['fields', 400],
  ['utf8', 400]
] as const)('any bytes are a value or a DecodeError: %s', (target, seeds) => {
  const corpus = corpusOf(target)
    .map(each => each.bytes)
    .filter(bytes => bytes.length < 400)
  const outcomes = new Map<string, number>()
  fc.assert(
    fc.property(fc.integer(), seed => {
      const wild = new Wild(seed)
      for (let i = 0; i < BUFFERS; i++) {
        const bytes = wildBytes(wild, target, corpus)
        let outcome = ''
        try {
          outcome = TARGETS[target](bytes).replace(/@.*/, '')
        } catch (error) {
          throw new Error(`bytes ${Buffer.from(bytes).toString('hex')}`, { cause: error })
        }
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      }
    }),
    runs(seeds)
  )
  // The bytes are neither all good nor all bad, and every reason of this decoder comes up.
  const reasons = {
    value: [
      'badText',
      'duplicateKey',
      'notShortest',
      'outOfRange',
      'tooDeep',
      'trailing',
      'truncated',
      'unsupported'
    ],
    frames: ['notShortest', 'outOfRange', 'tooLong', 'truncated'],
    fields: ['badText', 'notShortest', 'outOfRange', 'tooLong', 'truncated'],
    utf8: ['badText']
  }
  expect([...outcomes.keys()].toSorted()).toEqual(['accepted', ...reasons[target]].toSorted())
  expect(outcomes.get('accepted')).toBeGreaterThan(seeds * BUFFERS * 0.1)
})
