import fc from 'fast-check'
import type { Message, PeerInfo } from '../src/index.ts'

/** Few ids, so that messages meet peers that matter. `self` is the machine under test in the property tests. */
export const peerKey: fc.Arbitrary<string> = fc.constantFrom(
  'self',
  'a',
  'b',
  'c',
  'd',
  'e',
  'f',
  'g',
  'h',
  'i'
)

/** Few request ids, so that guesses hit. */
export const requestId: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.nat({ max: 2 ** 32 - 1 })
)

const data: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 12 })
const peer: fc.Arbitrary<PeerInfo> = fc.record({ id: peerKey, data })
const optionalPeer = fc.option(peer, { nil: undefined })
const optionalKey = fc.option(peerKey, { nil: undefined })
const samples = fc.array(peer, { maxLength: 4 })
const entries = fc.array(peer, { maxLength: 8 })
const links = fc.array(requestId, { maxLength: 2 })

/** Any message within the limits of the wire, sensible or not. */
export const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ type: fc.constant('join' as const), requestId, data }),
  fc.record({
    type: fc.constant('forwardJoin' as const),
    peer,
    walk: fc.constantFrom('replace' as const, 'split' as const, 'open' as const),
    ttl: fc.nat({ max: 12 }),
    spareHops: fc.nat({ max: 6 })
  }),
  fc.record({
    type: fc.constant('neighbor' as const),
    requestId,
    priority: fc.constantFrom('high' as const, 'low' as const),
    data,
    active: fc.array(peerKey, { maxLength: 6 }),
    split: optionalKey,
    replaces: optionalKey,
    swap: fc.option(requestId, { nil: undefined })
  }),
  fc.record({
    type: fc.constant('neighborReply' as const),
    requestId,
    accepted: fc.boolean(),
    data,
    samples
  }),
  fc.record({ type: fc.constant('disconnect' as const), links, alive: fc.boolean(), samples }),
  fc.record({
    type: fc.constant('replaced' as const),
    links,
    by: peer,
    role: fc.constantFrom('request' as const, 'await' as const)
  }),
  fc.record({
    type: fc.constant('shuffle' as const),
    shuffleId: requestId,
    origin: peer,
    ttl: fc.nat({ max: 12 }),
    link: requestId,
    entries,
    swap: optionalPeer
  }),
  fc.record({
    type: fc.constant('shuffleReply' as const),
    shuffleId: requestId,
    data,
    entries,
    swap: optionalPeer
  })
)
