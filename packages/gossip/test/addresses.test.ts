import { expect, test } from 'vitest'
import { decodeAddresses, encodeAddresses } from '../src/addresses.ts'

test('an address that means "everywhere" is not believed: it would be this machine', () => {
  const everywhere = [
    '/ip4/0.0.0.0/udp/1/quic-v1',
    '/ip6/::/udp/1/quic-v1',
    '/ip6/0:0:0:0:0:0:0:0/udp/1/quic-v1'
  ]
  const others = ['/ip4/10.0.0.0/udp/1/quic-v1', '/ip6/::1/udp/1/quic-v1', '/dns4/a.example/udp/1/quic-v1']
  expect(decodeAddresses(encodeAddresses([...everywhere, ...others], 512))).toEqual(others)
})

test('no address is no data, so that it never takes the place of addresses that are known', () => {
  expect(encodeAddresses([], 512)).toHaveLength(0)
  expect(encodeAddresses(['x'.repeat(600)], 512)).toHaveLength(0)
  expect(decodeAddresses(encodeAddresses([], 512))).toEqual([])
})
