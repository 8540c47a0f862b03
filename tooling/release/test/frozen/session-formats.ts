import {
  CREDIT,
  DATA,
  decodeCredit,
  decodeEnd,
  encodeCredit,
  encodeEnd,
  encodeEndAck,
  END,
  END_ACK,
  FrameDecoder,
  HEADER_BYTES,
  PART,
  writeHeader,
  type EndReason
} from '../../../../packages/mux/src/frame.ts'
import {
  decodeVerdict,
  encodePreamble,
  encodeVerdict,
  PreambleParser,
  type Verdict
} from '../../../../packages/mux/src/preamble.ts'
import {
  decodeMessage,
  encodeMessage,
  type Hello,
  type SessionMessage
} from '../../../../packages/peers/src/messages.ts'
import { clusterHash, proofOf, type ProofSubject } from '../../../../packages/peers/src/proof.ts'
import { systemHash, systemHmac } from '../../../../packages/ports/src/system.ts'
import { bytes, messages, text, type WireFormat } from './wire-format.ts'

// What two nodes say before they speak of any topic.

type MuxFrame =
  | { readonly type: 'data' | 'part'; readonly body: Uint8Array }
  | { readonly type: 'credit'; readonly bytes: number }
  | { readonly type: 'end'; readonly reason: EndReason }
  | { readonly type: 'endAck' }

function encodeMuxFrame(frame: MuxFrame): Uint8Array {
  switch (frame.type) {
    case 'credit':
      return encodeCredit(frame.bytes)
    case 'end':
      return encodeEnd(frame.reason)
    case 'endAck':
      return encodeEndAck()
    default: {
      const { type, body } = frame
      const encoded = new Uint8Array(HEADER_BYTES + body.length)
      encoded.set(body, writeHeader(encoded, 0, type === 'data' ? DATA : PART, body.length))
      return encoded
    }
  }
}

function decodeMuxFrame(encoded: Uint8Array): MuxFrame {
  const frames: MuxFrame[] = []
  const decoder = new FrameDecoder({
    header: () => {},
    frame: (type, body) => frames.push(muxFrameOf(type, body.slice()))
  })
  decoder.push(encoded)
  const [frame, ...others] = frames
  if (frame === undefined || others.length > 0) throw new Error(`${frames.length + others.length} frames`)
  return frame
}

function muxFrameOf(type: number, body: Uint8Array): MuxFrame {
  switch (type) {
    case DATA:
      return { type: 'data', body }
    case PART:
      return { type: 'part', body }
    case CREDIT:
      return { type: 'credit', bytes: decodeCredit(body) }
    case END:
      return { type: 'end', reason: decodeEnd(body) }
    case END_ACK:
      return { type: 'endAck' }
    default:
      throw new Error(`frame type ${type}`)
  }
}

function decodePreamble(encoded: Uint8Array): Uint8Array {
  const progress = new PreambleParser().push(encoded)
  if (progress.type !== 'complete' || progress.used !== encoded.length) throw new Error(progress.type)
  return progress.tag
}

function knownVerdict(encoded: Uint8Array): Verdict {
  const verdict = decodeVerdict(encoded[0] ?? -1)
  if (verdict === undefined || encoded.length !== 1) throw new Error('no verdict')
  return verdict
}

const hello: Hello = {
  clusterHash: clusterHash(systemHash, 'prod'),
  incarnation: 0x0123_4567_89ab_cdefn,
  nonce: bytes(32, 3),
  wallMs: 1_800_000_000_000,
  proofNeeded: true
}

const session: Readonly<Record<string, SessionMessage>> = {
  hello: { type: 'hello', versionMin: 1, versionMax: 2, attempt: 5, hello },
  helloReply: {
    type: 'helloReply',
    version: 1,
    hello: { ...hello, nonce: bytes(32, 99), proofNeeded: false }
  },
  proof: { type: 'proof', proof: bytes(32, 1) },
  'proof of none': { type: 'proof', proof: new Uint8Array(0) },
  accept: { type: 'accept', proof: bytes(32, 2) },
  refuse: { type: 'refuse', code: 'clockSkew', versionMin: 1, versionMax: 1, wallMs: 1_800_000_000_000 },
  beat: { type: 'beat', number: 7, wanted: true },
  beatReply: { type: 'beatReply', number: 7 },
  goodbye: { type: 'goodbye', code: 'shutdown' },
  challenge: { type: 'challenge', nonce: bytes(32, 4) },
  renewal: { type: 'renewal', proof: bytes(32, 5) },
  about: { type: 'about', metadata: { name: 'a', http: 'http://127.0.0.1:8080' } }
}

const subject: ProofSubject = {
  version: 1,
  diallerNonce: bytes(32, 3),
  acceptorNonce: bytes(32, 99),
  dialler: '12D3KooWDialler',
  acceptor: '12D3KooWAcceptor',
  cluster: 'prod'
}
const secret = text('a secret of some length')

export const sessionFormats: readonly WireFormat[] = [
  messages({
    name: 'mux-preamble',
    page: 'mux.md',
    samples: {
      'a short tag': text('a'),
      'a tag of ours': text('starling:session'),
      'the longest tag': bytes(255, 1)
    },
    encode: tag => encodePreamble(tag),
    decode: decodePreamble
  }),
  messages<Verdict>({
    name: 'mux-verdict',
    page: 'mux.md',
    samples: {
      accepted: 'accepted',
      unknownTag: 'unknownTag',
      busy: 'busy',
      malformed: 'malformed',
      timeout: 'timeout',
      closing: 'closing'
    },
    encode: verdict => Uint8Array.of(encodeVerdict(verdict)),
    decode: knownVerdict
  }),
  messages<MuxFrame>({
    name: 'mux-frame',
    page: 'mux.md',
    samples: {
      data: { type: 'data', body: text('hi') },
      'data of nothing': { type: 'data', body: new Uint8Array(0) },
      part: { type: 'part', body: bytes(300) },
      credit: { type: 'credit', bytes: 65_536 },
      end: { type: 'end', reason: 'finished' },
      'end of a stalled channel': { type: 'end', reason: 'stalled' },
      endAck: { type: 'endAck' }
    },
    encode: encodeMuxFrame,
    decode: decodeMuxFrame
  }),
  messages({
    name: 'handshake',
    page: 'handshake.md',
    samples: session,
    encode: encodeMessage,
    decode: decodeMessage
  }),
  {
    name: 'handshake-proof',
    page: 'handshake.md',
    write: () => ({
      'the hash of the cluster’s name': clusterHash(systemHash, 'prod'),
      'of the dialler': proofOf(systemHmac, secret, 'dialler', subject),
      'of the acceptor': proofOf(systemHmac, secret, 'acceptor', subject),
      'renewed by the dialler': proofOf(systemHmac, secret, 'dialler', subject, bytes(32, 4))
    })
  }
]
