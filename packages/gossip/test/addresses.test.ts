import { expect, test } from 'vitest'
import { decodeAddresses, encodeAddresses } from '../src/addresses.ts'

test('no address is no data, so that it never takes the place of addresses that are known', () => {
  expect(encodeAddresses([], 512)).toHaveLength(0)
  expect(encodeAddresses(['x'.repeat(600)], 512)).toHaveLength(0)
  expect(decodeAddresses(encodeAddresses([], 512))).toEqual([])
})
