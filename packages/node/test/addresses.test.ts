import { describe, expect, test } from 'vitest'
import {
  checkAnnounceAddress,
  checkListenAddress,
  mergeContacts,
  parseContact,
  type TransportChoice
} from '../src/addresses.ts'

const peer = '12D3KooWGC9LnUyrD9Rc5ZmBsyCSbqkMPVmFJJbrvnqN3bpV4TbZ'

describe('an address is taken', () => {
  test.each<[TransportChoice, string]>([
    ['quic', '/ip4/127.0.0.1/udp/1/quic-v1'],
    ['quic', '/ip6/::1/udp/1/quic-v1'],
    ['both', '/ip4/127.0.0.1/udp/1/quic-v1'],
    ['both', '/ip6/::1/tcp/1'],
    ['tcp', '/ip4/127.0.0.1/tcp/0']
  ])('on a node that speaks %s: %s', (choice, address) => {
    expect(checkListenAddress(address, 'listen', choice)).toBe(address)
    expect(parseContact(`${address}/p2p/${peer}`, 'contacts', choice).peer).toBe(peer)
  })

  test.each<[TransportChoice, string]>([
    ['quic', '/dns4/seed.internal/udp/4001/quic-v1'],
    ['tcp', '/dns6/seed.internal/tcp/4001'],
    ['both', '/dns/seed.internal/tcp/4001'],
    ['quic', '/dnsaddr/seed.internal'],
    ['tcp', '/dnsaddr/seed.internal']
  ])('with a name, on a node that speaks %s: %s', (choice, address) => {
    expect(checkAnnounceAddress(address, 'announce', choice)).toBe(address)
    expect(parseContact(`${address}/p2p/${peer}`, 'contacts', choice)).toEqual({
      peer,
      addresses: [`${address}/p2p/${peer}`]
    })
  })
})

describe('an address is refused', () => {
  test.each([
    '/ip4/127.0.0.1/udp/1',
    '/ip4/127.0.0.1/udp/1/quic',
    '/ip4/127.0.0.1/tcp/1/ws',
    `/ip4/127.0.0.1/udp/1/quic-v1/p2p/${peer}/p2p-circuit`,
    '/unix/%2Ftmp%2Fsocket',
    '/dns4/seed.internal'
  ])('%s', address => {
    for (const choice of ['quic', 'tcp', 'both'] as const) {
      expect(() => checkAnnounceAddress(address, 'announce', choice)).toThrow(TypeError)
    }
  })
})

test('contacts of one peer are one contact with all its addresses, of both kinds', () => {
  const addresses = [`/ip4/127.0.0.1/udp/1/quic-v1/p2p/${peer}`, `/ip4/127.0.0.1/tcp/1/p2p/${peer}`]
  const contacts = [...addresses, ...addresses].map(address => parseContact(address, 'contacts', 'both'))
  expect(mergeContacts(contacts)).toEqual([{ peer, addresses }])
})
