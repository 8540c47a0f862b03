import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AddressBook } from '../src/address-book.ts'
import { backoffMs } from '../src/backoff.ts'
import { ADDRESSES_PER_PEER_MAX, DEFAULT_TIMINGS, HELD_CHANNELS_MAX } from '../src/config.ts'
import { LinkChannels } from '../src/link-channels.ts'
import { Liveness } from '../src/liveness.ts'
import { equalInConstantTime } from '../src/proof.ts'
import { newNet } from './fake-world.ts'

describe('backoff', () => {
  test('full jitter below a ceiling that grows to 30 s when proven, to 60 s when not', () => {
    const ceiling = (failures: number, proven: boolean): number =>
      backoffMs({ failures, proven, refusals: 0 }, 1)
    expect([1, 2, 3, 4, 5, 6, 7, 99].map(n => ceiling(n, true))).toEqual([
      500, 1e3, 2e3, 4e3, 8e3, 15e3, 30e3, 30e3
    ])
    expect([1, 4, 7, 99].map(n => ceiling(n, false))).toEqual([500, 5e3, 60e3, 60e3])
    expect(backoffMs({ failures: 5, proven: true, refusals: 0 }, 0)).toBe(0)
  })

  test('after a refusal at least half of the ceiling passes, however the dice fall', () => {
    fc.assert(
      fc.property(
        fc.nat(50),
        fc.nat(50),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (failures, more, random) => {
          const delay = backoffMs({ failures, proven: true, refusals: 1 + more }, random)
          expect(delay).toBeGreaterThanOrEqual(5_000)
          expect(delay).toBeLessThanOrEqual(60_000)
        }
      )
    )
  })
})

describe('liveness', () => {
  test('suspect at 2.5 s of silence, down at 5 s, alive again with the next word', () => {
    const liveness = new Liveness(DEFAULT_TIMINGS, 0)
    const health = [1_000, 2_000, 3_000, 4_000].map(at => liveness.tick(at).health)
    expect(health).toEqual(['alive', 'alive', 'suspect', 'suspect'])
    liveness.heard(4_500)
    expect(liveness.tick(5_000).health).toBe('alive')
    expect([6_000, 7_000, 8_000, 9_000, 10_000].map(at => liveness.tick(at).health).at(-1)).toBe('down')
  })

  test('a late tick is our own stall and starts the count again', () => {
    const liveness = new Liveness(DEFAULT_TIMINGS, 0)
    liveness.tick(1_000)
    expect(liveness.tick(30_000)).toEqual({ health: 'alive', stalledMs: 28_000 })
    expect(liveness.tick(31_000)).toEqual({ health: 'alive', stalledMs: 0 })
    expect(liveness.tick(32_900)).toEqual({ health: 'suspect', stalledMs: 0 })
  })
})

describe('address book', () => {
  test('never more than its bounds, the newest kept, the proven one first', () => {
    const book = new AddressBook(3)
    for (let peer = 0; peer < 5; peer++) book.add(`p${peer}`, ['/a'])
    expect([...book.entries()].map(([peer]) => peer)).toEqual(['p2', 'p3', 'p4'])
    book.add(
      'p4',
      Array.from({ length: 20 }, (_, n) => `/n${n}`)
    )
    expect(book.get('p4')).toHaveLength(ADDRESSES_PER_PEER_MAX)
    book.prove('p4', '/n3')
    expect(book.get('p4')[0]).toBe('/n3')
    expect(book.add('p4', ['/n3'])).toBe(false)
    book.add('p4', ['/new'])
    expect(book.get('p4').slice(0, 2)).toEqual(['/n3', '/new'])
  })

  test('addresses that are empty or far too long are left out', () => {
    const book = new AddressBook()
    expect(book.add('p', ['', 'x'.repeat(513)])).toBe(false)
    expect(book.size).toBe(0)
  })
})

describe('channels of a link', () => {
  test('at most 64 wait; the rest is told to come later', async () => {
    let held = 0
    const channels = new LinkChannels(() => held++)
    const waiting = Array.from({ length: HELD_CHANNELS_MAX }, () => channels.admit())
    expect(channels.admit()).toBe('busy')
    expect(held).toBe(HELD_CHANNELS_MAX)
    channels.open()
    for (const held64 of waiting) expect(await held64).toBe(true)
    expect(channels.admit()).toBe(true)
    channels.shut()
    expect(channels.admit()).toBe(false)
  })

  test('those that wait when the link ends are refused', async () => {
    const channels = new LinkChannels(() => {})
    const waiting = channels.admit()
    channels.shut()
    channels.open()
    expect(await waiting).toBe(false)
  })
})

test('comparing in constant time compares', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (a, b) => {
      expect(equalInConstantTime(a, b)).toBe(Buffer.from(a).equals(Buffer.from(b)))
      expect(equalInConstantTime(a, a.slice())).toBe(true)
    })
  )
})

describe('announced addresses', () => {
  test('what is announced is checked, and a copy', async () => {
    const net = newNet()
    const announce = ['/ip4/203.0.113.7/udp/4001/quic-v1']
    const a = await net.add({ announce })
    announce.push('/ip4/203.0.113.8/udp/4001/quic-v1')
    expect(a.peers.ownAddresses()).toEqual(['/ip4/203.0.113.7/udp/4001/quic-v1'])
    expect(a.peers.addresses(a.peers.self)).toEqual(a.peers.ownAddresses())
    await expect(net.add({ announce: ['nonsense'] })).rejects.toThrow(TypeError)
    const many = Array.from({ length: 17 }, () => '/ip4/203.0.113.7/udp/4001/quic-v1')
    await expect(net.add({ announce: many })).rejects.toThrow(RangeError)
    await expect(net.add({ announce: [`/dns4/${'x'.repeat(512)}/udp/1/quic-v1`] })).rejects.toThrow(
      RangeError
    )
  })
})
