import { expect, test } from 'vitest'
import { ipVersions } from '../src/host.ts'

const ip4 = '/ip4/127.0.0.1/udp/1/quic-v1'
const ip6 = '/ip6/::1/udp/1/quic-v1'

test.each([
  ['no address', [], { ipv4: true, ipv6: false }],
  ['IPv4 addresses', [ip4, ip4], { ipv4: true, ipv6: false }],
  ['an IPv6 contact and nothing else', [ip6], { ipv4: false, ipv6: true }],
  ['both', [ip4, ip6], { ipv4: true, ipv6: true }]
])('%s: the QUIC clients that are needed, and no other', (_, addresses, expected) => {
  expect(ipVersions(addresses)).toEqual(expected)
})
