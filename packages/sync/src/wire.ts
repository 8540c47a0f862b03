import { ByteReader, ByteWriter, varintLength } from '@starling/codec'
import { WIRE_VERSION } from './config.ts'

/**
 * The messages of a sync channel:
 *
 * ```
 * hello = 01 version:u8 token:32            the opener's first message
 * reply = 02 verdict:u8                     the acceptor's first; 0 accepted, 1 unknown topic, 2 busy, 3 version
 * begin = 03 round                          the sender starts this round
 * data  = 04 round payload                  a message of the round's protocol
 * end   = 05 round                          the sender's protocol has returned
 * abort = 06 round                          the sender's protocol has failed
 * round = varint(number · 2 + starter)      starter: 1 when the channel's opener started it
 * ```
 */
const HELLO = 1
const REPLY = 2
const BEGIN = 3
const DATA = 4
const END = 5
const ABORT = 6

export const TOKEN_BYTES = 32

const ROUND_MAX = 2 ** 40

/** Bytes that a data frame adds to its payload, at most. */
export const DATA_OVERHEAD_BYTES: number = 1 + varintLength(ROUND_MAX * 2 + 1)

export type Verdict = 'accepted' | 'unknownTopic' | 'busy' | 'version'

const VERDICTS: readonly Verdict[] = ['accepted', 'unknownTopic', 'busy', 'version']

/** A round's name: both ends number the rounds they start, from 1. */
export interface RoundId {
  readonly number: number
  readonly byOpener: boolean
}

export type Frame =
  | { readonly type: 'begin' | 'end' | 'abort'; readonly round: RoundId }
  | { readonly type: 'data'; readonly round: RoundId; readonly payload: Uint8Array }

export interface Hello {
  readonly version: number
  /** Undefined in another version, whose layout is not known. */
  readonly token: Uint8Array | undefined
}

export function encodeHello(token: Uint8Array): Uint8Array {
  return new ByteWriter(2 + TOKEN_BYTES).u8(HELLO).u8(WIRE_VERSION).raw(token).finish()
}

/** Throws DecodeError. */
export function decodeHello(bytes: Uint8Array): Hello {
  const reader = new ByteReader(bytes)
  if (reader.u8() !== HELLO) reader.fail('unknownType', 'no hello')
  const version = reader.u8()
  if (version !== WIRE_VERSION) return { version, token: undefined }
  const token = reader.raw(TOKEN_BYTES)
  reader.end()
  return { version, token }
}

export function encodeReply(verdict: Verdict): Uint8Array {
  return Uint8Array.of(REPLY, VERDICTS.indexOf(verdict))
}

/** Throws DecodeError. */
export function decodeReply(bytes: Uint8Array): Verdict {
  const reader = new ByteReader(bytes)
  if (reader.u8() !== REPLY) reader.fail('unknownType', 'no reply')
  const verdict = VERDICTS[reader.u8()]
  reader.end()
  return verdict ?? reader.fail('unknownType', 'an unknown verdict')
}

export function encodeFrame(type: 'begin' | 'end' | 'abort', round: RoundId): Uint8Array {
  const code = type === 'begin' ? BEGIN : type === 'end' ? END : ABORT
  return new ByteWriter(16).u8(code).varint(packRound(round)).finish()
}

export function encodeData(round: RoundId, payload: Uint8Array): Uint8Array {
  return new ByteWriter(DATA_OVERHEAD_BYTES + payload.length)
    .u8(DATA)
    .varint(packRound(round))
    .raw(payload)
    .finish()
}

/** Throws DecodeError. The payload is a view. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const reader = new ByteReader(bytes)
  const code = reader.u8()
  if (code < BEGIN || code > ABORT) reader.fail('unknownType', 'an unknown frame')
  const packed = reader.varint(ROUND_MAX * 2 + 1)
  const round: RoundId = { number: Math.floor(packed / 2), byOpener: packed % 2 === 1 }
  if (code === DATA) return { type: 'data', round, payload: reader.rest() }
  reader.end()
  return { type: code === BEGIN ? 'begin' : code === END ? 'end' : 'abort', round }
}

export function sameRound(a: RoundId, b: RoundId): boolean {
  return a.number === b.number && a.byOpener === b.byOpener
}

function packRound(round: RoundId): number {
  return round.number * 2 + (round.byOpener ? 1 : 0)
}
