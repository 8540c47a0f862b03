import { encodeValue } from '@starling/codec'
import fc from 'fast-check'
import type { Entry, Item, ReplicaId } from '../src/index.ts'

/** Short names for replica ids in tests: `id('a')` is `000000000000000a`. */
export const id = (digit: string): ReplicaId => digit.padStart(16, '0')

/** An item by example; no value is evidence. */
export const item = (digit: string, stamp: number, value?: number, expiresAtMs?: number): Item => ({
  replica: id(digit),
  stamp: BigInt(stamp),
  value: value === undefined ? undefined : encodeValue(value),
  ...(expiresAtMs === undefined ? {} : { expiresAtMs })
})

/** An entry by example. */
export const entryOf = (...items: readonly Item[]): Entry => ({
  items: items.toSorted((a, b) => (a.replica < b.replica ? -1 : 1))
})

/** What an entry says, for a readable comparison: `a@1=… b@2` in order of replica. */
export const say = (entry: Entry): string =>
  entry.items
    .map(({ replica, stamp, value, expiresAtMs }) => {
      const said = value === undefined ? '' : `=${Buffer.from(value).toString('hex')}`
      return `${replica.replace(/^0+/, '')}@${stamp}${said}${expiresAtMs === undefined ? '' : `<${expiresAtMs}`}`
    })
    .join(' ')

const arbitraryItem = (replica: ReplicaId): fc.Arbitrary<Item> =>
  fc
    .record({
      stamp: fc.bigInt({ min: 0n, max: 3n }),
      value: fc.option(
        fc.constantFrom(0, 1, 300).map(value => encodeValue(value)),
        { nil: undefined }
      ),
      end: fc.option(fc.nat({ max: 2 }), { nil: undefined, freq: 2 })
    })
    .map(({ stamp, value, end }) => ({
      replica,
      stamp,
      value,
      ...(value === undefined || end === undefined ? {} : { expiresAtMs: end })
    }))

/** Any entry that a decoder accepts, reachable or not: few replicas, few stamps, few values, so that they meet. */
export const arbitraryEntry: fc.Arbitrary<Entry> = fc
  .subarray(['1', '2', 'a', 'f'], { minLength: 1 })
  .chain(digits => fc.tuple(...digits.map(digit => arbitraryItem(id(digit)))))
  .map(items => entryOf(...items))
