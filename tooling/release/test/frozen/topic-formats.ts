import { systemHmac } from '../../../../packages/ports/src/system.ts'
import { Flags } from '../../../../packages/reconcile/src/flags.ts'
import type { Frame, RangeRecord, Slice } from '../../../../packages/reconcile/src/frame.ts'
import { decodeFrame } from '../../../../packages/reconcile/src/read-frame.ts'
import { encodeFrame, RangesWriter } from '../../../../packages/reconcile/src/write-frame.ts'
import { EntryPacker, readBroadcast } from '../../../../packages/replica/src/frames.ts'
import {
  decodeSessionFrame,
  encodeCount,
  encodeHello as encodeSessionHello,
  encodeKnownFrame,
  encodePart,
  entriesHead,
  type SessionFrame
} from '../../../../packages/replica/src/range-exchange-frames.ts'
import { decodeAnnouncement, encodeAnnouncement } from '../../../../packages/sync/src/host-wire.ts'
import { hostTag, topicToken } from '../../../../packages/sync/src/token.ts'
import {
  decodeHello,
  decodePush,
  decodePushReply,
  decodeReply,
  encodeHello,
  encodePush,
  encodePushReply,
  encodeReply,
  type PushReply,
  type Verdict
} from '../../../../packages/sync/src/wire.ts'
import { bytes, messages, text, type WireFormat } from './wire-format.ts'

// How two holders of a topic find each other and compare what they have.

const MESSAGE_BYTES_MAX = 65_536

function packed(head: 'broadcast' | Uint8Array, entries: readonly Uint8Array[]): Uint8Array {
  const packer = new EntryPacker(head, MESSAGE_BYTES_MAX)
  for (const entry of entries) packer.add(entry)
  return packer.flush() ?? new Uint8Array(0)
}

function readEntries(message: Uint8Array): readonly Uint8Array[] {
  const entries = readBroadcast(message, MESSAGE_BYTES_MAX)
  if (entries === undefined) throw new Error('no broadcast message')
  return entries
}

function encodeSessionFrame(frame: SessionFrame): Uint8Array {
  switch (frame.type) {
    case 'comparison':
      return frame.bytes
    case 'hello':
      return encodeSessionHello(frame.known, frame.held)
    case 'known':
      return encodeKnownFrame(frame.fromHeld, frame.difference)
    case 'entries':
      return packed(
        entriesHead(frame.back),
        frame.entries.map(entry => entry.bytes)
      )
    case 'part':
      return encodePart(frame.entry.bytes, { ...frame, answered: frame.entry.answered })
    case 'found':
    case 'end':
      return encodeCount(frame.type, frame.count, frame.leftOut)
  }
}

interface PlainRanges {
  readonly type: 'ranges'
  readonly truncated: boolean
  readonly slice: Slice | undefined
  readonly records: readonly RangeRecord[]
}
type PlainFrame = Exclude<Frame, { type: 'ranges' }> | PlainRanges

function encodeComparison(frame: PlainFrame): Uint8Array {
  if (frame.type !== 'ranges') return encodeFrame(frame)
  const writer = new RangesWriter(frame.truncated ? 0 : MESSAGE_BYTES_MAX)
  if (frame.truncated) writer.fits(1)
  for (const record of frame.records) writer.add(record)
  return writer.finish(frame.slice)
}

function decodeComparison(encoded: Uint8Array): PlainFrame {
  const frame = decodeFrame(encoded)
  return frame.type === 'ranges' ? { ...frame, records: [...frame.records] } : frame
}

/** A record with its flags as the list of those that are set. */
function plainRecord(record: RangeRecord): unknown {
  if (!('lacks' in record)) return record
  const { count } = record.lacks
  return { ...record, lacks: Array.from({ length: count }, (_, index) => record.lacks.has(index)) }
}

function flags(count: number, ...set: readonly number[]): Flags {
  const made = new Flags(count)
  for (const index of set) made.set(index)
  return made
}

const first = bytes(40, 1).fill(0x11, 0, 1)
const second = bytes(40, 1).fill(0x22, 0, 1)
const start = new Uint8Array(0)
const records: readonly RangeRecord[] = [
  { type: 'fingerprint', lower: start, upper: first.subarray(0, 3), fingerprint: bytes(16, 9) },
  { type: 'list', lower: first.subarray(0, 3), upper: first, prefixes: Uint32Array.of(1, 0xffff_ffff) },
  {
    type: 'answer',
    lower: second.subarray(0, 2),
    upper: second.subarray(0, 9),
    lacks: flags(9, 0, 8),
    extra: 3,
    common: bytes(16, 2)
  },
  { type: 'confirm', lower: second.subarray(0, 9), upper: second.subarray(0, 12), hashes: bytes(64, 5) },
  { type: 'confirmed', lower: second.subarray(0, 12), upper: second, lacks: flags(2, 1), extra: 0 }
]
const slice: Slice = {
  lower: first.subarray(0, 4),
  upper: first.subarray(0, 9),
  salt: bytes(4, 30),
  fingerprint: bytes(16, 31),
  digest: bytes(8, 32)
}

const token = bytes(32, 77)

const comparison: WireFormat = {
  ...messages<PlainFrame>({
    name: 'reconcile',
    page: 'reconcile.md',
    samples: {
      open: { type: 'open', ordered: false, salt: bytes(4, 1), fingerprint: bytes(16, 2) },
      'open of one who has nothing': {
        type: 'open',
        ordered: true,
        salt: bytes(4, 1),
        fingerprint: undefined
      },
      ranges: { type: 'ranges', truncated: false, slice: undefined, records },
      'ranges with a slice': { type: 'ranges', truncated: true, slice, records: records.slice(0, 1) },
      equal: { type: 'equal', salt: bytes(4, 3), digest: bytes(8, 4) },
      done: { type: 'done', truncated: true },
      collision: { type: 'collision' }
    },
    encode: encodeComparison,
    decode: decodeComparison
  }),
  read: encoded => {
    const frame = decodeComparison(encoded)
    return frame.type === 'ranges' ? { ...frame, records: frame.records.map(plainRecord) } : frame
  }
}

export const topicFormats: readonly WireFormat[] = [
  messages({
    name: 'sync-hello',
    page: 'sync.md',
    samples: { hello: { version: 1, token } },
    encode: hello => encodeHello(hello.token),
    decode: encoded => {
      const hello = decodeHello(encoded)
      if (hello.token === undefined) throw new Error(`version ${hello.version}`)
      return { version: hello.version, token: hello.token }
    }
  }),
  messages<Verdict>({
    name: 'sync-reply',
    page: 'sync.md',
    samples: { accepted: 'accepted', unknownTopic: 'unknownTopic', busy: 'busy', version: 'version' },
    encode: encodeReply,
    decode: decodeReply
  }),
  messages({
    name: 'sync-push',
    page: 'sync.md',
    samples: { push: { id: 300, token, payload: text('rows') } },
    encode: encodePush,
    decode: decodePush
  }),
  messages<PushReply>({
    name: 'sync-push-reply',
    page: 'sync.md',
    samples: { answer: { id: 300, payload: text('durable') }, none: { id: 301, reason: 'unserved' } },
    encode: encodePushReply,
    decode: decodePushReply
  }),
  messages({
    name: 'sync-announcement',
    page: 'sync.md',
    samples: {
      'two topics': {
        tags: [bytes(16, 1), bytes(16, 2)],
        contact: { peer: '12D3KooWHost', addresses: ['/ip4/127.0.0.1/udp/4001/quic-v1'] }
      }
    },
    encode: ({ tags, contact }) => encodeAnnouncement(tags, contact),
    decode: decodeAnnouncement
  }),
  {
    name: 'sync-token',
    page: 'sync.md',
    write: () => ({
      'of a topic': topicToken(systemHmac, 'flags', '12D3KooWOpener', '12D3KooWAcceptor'),
      'of a host': hostTag(systemHmac, 'flags')
    })
  },
  comparison,
  messages<SessionFrame>({
    name: 'replica-session',
    page: 'sync.md',
    samples: {
      hello: { type: 'hello', known: bytes(16, 6), held: undefined },
      'hello of one who remembers': { type: 'hello', known: bytes(16, 6), held: bytes(16, 7) },
      known: { type: 'known', fromHeld: true, difference: bytes(20, 8) },
      entries: {
        type: 'entries',
        back: false,
        entries: [
          { bytes: text('one entry'), answered: [] },
          { bytes: text('another'), answered: [] }
        ]
      },
      part: {
        type: 'part',
        first: true,
        back: true,
        entry: { bytes: text('a long entry'), answered: ['a1a1a1a1a1a1a1a1'] }
      },
      found: { type: 'found', count: 300, leftOut: false },
      end: { type: 'end', count: 0, leftOut: true }
    },
    encode: encodeSessionFrame,
    decode: decodeSessionFrame
  }),
  messages({
    name: 'replica-broadcast',
    page: '../../packages/replica/README.md',
    samples: { 'two entries': [text('one entry'), text('another')] },
    encode: entries => packed('broadcast', entries),
    decode: readEntries
  })
]
