import { ByteReader, ByteWriter, varintLength } from '@starling/codec'
import { WIRE_VERSION } from './config.ts'
import type { PushFailure } from './errors.ts'

/**
 * The first message each way on a round's channel; everything after it is the protocol's.
 *
 * ```
 * hello = 01 version:u8 token:32            the opener's
 * reply = 02 verdict:u8                     the acceptor's; 0 accepted, 1 unknown topic, 2 busy, 3 version
 * ```
 *
 * The messages on the channel for pushes:
 *
 * ```
 * push   = 01 id:varint token:32 payload    the opener's; ids ascend
 * answer = 02 id:varint payload             the acceptor's, in any order
 * none   = 03 id:varint reason:u8           0 failed, 1 unknown topic, 2 unserved, 3 busy
 * ```
 */
const HELLO = 1
const REPLY = 2
const PUSH = 1
const ANSWER = 2
const NONE = 3

export const TOKEN_BYTES = 32

const PUSH_ID_MAX = 2 ** 40

/** Bytes that a push adds to its payload, at most. */
export const PUSH_OVERHEAD_BYTES: number = 1 + varintLength(PUSH_ID_MAX) + TOKEN_BYTES

export type Verdict = 'accepted' | 'unknownTopic' | 'busy' | 'version'

const VERDICTS: readonly Verdict[] = ['accepted', 'unknownTopic', 'busy', 'version']

/** Why the other end of a push has no answer. */
export type NoAnswer = Extract<PushFailure, 'failed' | 'unknownTopic' | 'unserved' | 'busy'>

const REASONS: readonly NoAnswer[] = ['failed', 'unknownTopic', 'unserved', 'busy']

export interface Hello {
  readonly version: number
  /** Undefined in another version, whose layout is not known. */
  readonly token: Uint8Array | undefined
}

export interface Push {
  readonly id: number
  readonly token: Uint8Array
  readonly payload: Uint8Array
}

/** What comes back for a push. */
export type PushReply =
  | { readonly id: number; readonly payload: Uint8Array; readonly reason?: undefined }
  | { readonly id: number; readonly payload?: undefined; readonly reason: NoAnswer }

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

export function encodePush({ id, token, payload }: Push): Uint8Array {
  return new ByteWriter(PUSH_OVERHEAD_BYTES + payload.length)
    .u8(PUSH)
    .varint(id)
    .raw(token)
    .raw(payload)
    .finish()
}

/** Throws DecodeError. Token and payload are views. */
export function decodePush(bytes: Uint8Array): Push {
  const reader = new ByteReader(bytes)
  if (reader.u8() !== PUSH) reader.fail('unknownType', 'no push')
  return { id: reader.varint(PUSH_ID_MAX), token: reader.raw(TOKEN_BYTES), payload: reader.rest() }
}

export function encodePushReply(reply: PushReply): Uint8Array {
  if (reply.reason !== undefined) {
    return new ByteWriter(16).u8(NONE).varint(reply.id).u8(REASONS.indexOf(reply.reason)).finish()
  }
  return new ByteWriter(8 + reply.payload.length).u8(ANSWER).varint(reply.id).raw(reply.payload).finish()
}

/** Throws DecodeError. The payload is a view. */
export function decodePushReply(bytes: Uint8Array): PushReply {
  const reader = new ByteReader(bytes)
  const type = reader.u8()
  if (type !== ANSWER && type !== NONE) reader.fail('unknownType', 'no answer')
  const id = reader.varint(PUSH_ID_MAX)
  if (type === ANSWER) return { id, payload: reader.rest() }
  const reason = REASONS[reader.u8()]
  reader.end()
  return reason === undefined ? reader.fail('unknownType', 'an unknown reason') : { id, reason }
}
