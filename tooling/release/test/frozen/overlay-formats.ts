import { decodeBatch, encodeBatch, encodeFrame, type Frame } from '../../../../packages/gossip/src/frames.ts'
import { topicToken } from '../../../../packages/gossip/src/topic-token.ts'
import {
  decodeMessage as decodeMembership,
  encodeMessage as encodeMembership
} from '../../../../packages/hyparview/src/message-codec.ts'
import type { Message as Membership, PeerInfo } from '../../../../packages/hyparview/src/types.ts'
import {
  decodeMessage as decodeBroadcast,
  encodeMessage as encodeBroadcast
} from '../../../../packages/plumtree/src/codec.ts'
import { messageId, unhex } from '../../../../packages/plumtree/src/message-id.ts'
import type { Message as Broadcast } from '../../../../packages/plumtree/src/types.ts'
import { systemHash, systemHmac } from '../../../../packages/ports/src/system.ts'
import { bytes, messages, text, type WireFormat } from './wire-format.ts'

// The messages of a topic's swarm.

const GOSSIP = '../../packages/gossip/README.md'
const HYPARVIEW = '../../packages/hyparview/README.md'
const PLUMTREE = '../../packages/plumtree/README.md'

const peer = (name: string): PeerInfo => ({ id: `12D3KooW${name}`, data: text(`address of ${name}`) })
const active = [peer('A').id, peer('B').id]
const samples = [peer('C'), { id: peer('D').id, data: new Uint8Array(0) }]

const membership: Readonly<Record<string, Membership>> = {
  join: { type: 'join', requestId: 1, data: text('my address') },
  forwardJoin: { type: 'forwardJoin', peer: peer('A'), walk: 'split', ttl: 6, spareHops: 2 },
  neighbor: {
    type: 'neighbor',
    requestId: 2,
    priority: 'high',
    data: text('my address'),
    active: [],
    split: undefined,
    replaces: undefined,
    swap: undefined
  },
  'neighbor with everything': {
    type: 'neighbor',
    requestId: 3,
    priority: 'low',
    data: text('my address'),
    active,
    split: peer('E').id,
    replaces: peer('F').id,
    swap: 9
  },
  neighborReply: { type: 'neighborReply', requestId: 3, accepted: false, data: text('my address'), samples },
  disconnect: { type: 'disconnect', links: [3, 4], alive: true, samples },
  replaced: { type: 'replaced', links: [3], by: peer('A'), role: 'request' },
  shuffle: {
    type: 'shuffle',
    shuffleId: 5,
    origin: peer('A'),
    ttl: 4,
    link: 3,
    entries: samples,
    swap: peer('B')
  },
  shuffleReply: {
    type: 'shuffleReply',
    shuffleId: 5,
    data: text('my address'),
    entries: samples,
    swap: undefined
  }
}

const origin = '00112233445566ff'
const id = messageId(systemHash, origin, 300, text('payload'))

const broadcast: Readonly<Record<string, Broadcast>> = {
  gossip: { type: 'gossip', id, origin, sequence: 300, round: 4, payload: text('payload') },
  ihave: {
    type: 'ihave',
    announcements: [
      { id, heldMs: 0 },
      { id: 'ff'.repeat(16), heldMs: 1_500 }
    ]
  },
  graft: { type: 'graft', ids: [id], eager: true },
  'graft of the link alone': { type: 'graft', ids: [], eager: true },
  prune: { type: 'prune' },
  unavailable: { type: 'unavailable', ids: [id] }
}
const limits = { payloadBytesMax: 65_536, announcementsMax: 1_000, graftIdsMax: 1_000 }

const batch: readonly Frame[] = [
  { type: 'bind', handle: 1, token: bytes(16, 1) },
  { type: 'overlay', handle: 1, body: text('membership') },
  { type: 'tree', handle: 300, body: text('broadcast') },
  { type: 'unknown', handle: 2 },
  { type: 'stranger', handle: 3 },
  { type: 'unbind', handle: 1 }
]

export const overlayFormats: readonly WireFormat[] = [
  messages({
    name: 'gossip',
    page: GOSSIP,
    samples: { 'every frame': batch },
    encode: frames => encodeBatch(frames.map(encodeFrame)),
    decode: encoded =>
      decodeBatch(encoded).map(frame => {
        if (frame === undefined) throw new Error('a frame that cannot be read')
        return frame
      })
  }),
  {
    name: 'gossip-token',
    page: GOSSIP,
    write: () => ({ 'of a topic': topicToken(systemHmac, 'flags', '12D3KooWFrom', '12D3KooWTo') })
  },
  messages({
    name: 'hyparview',
    page: HYPARVIEW,
    samples: membership,
    encode: encodeMembership,
    decode: decodeMembership
  }),
  messages({
    name: 'plumtree',
    page: PLUMTREE,
    samples: broadcast,
    encode: encodeBroadcast,
    decode: encoded => {
      const decoded = decodeBroadcast(encoded, limits)
      if (!decoded.ok) throw new Error(decoded.reason)
      return decoded.message
    }
  }),
  { name: 'plumtree-id', page: PLUMTREE, write: () => ({ 'of a message': unhex(id) }) }
]
