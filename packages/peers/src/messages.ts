import { ByteReader, ByteWriter } from '@starling/codec'
import {
  ABOUT_BYTES_MAX,
  CLUSTER_HASH_BYTES,
  NONCE_BYTES,
  PROOF_BYTES,
  SESSION_MESSAGE_BYTES_MAX
} from './config.ts'
import { readMetadata, writeMetadata, type Metadata } from './metadata.ts'

/** What both sides say first. All of it may be seen by a stranger. */
export interface Hello {
  readonly clusterHash: Uint8Array
  /** This process: greater is a later start. */
  readonly incarnation: bigint
  readonly nonce: Uint8Array
  readonly wallMs: number
  /** The sender will not go on without a proof. */
  readonly proofNeeded: boolean
}

/** Why a handshake is refused. Says no more than a stranger may know. */
export type RefuseCode =
  | 'version'
  | 'cluster'
  | 'clockSkew'
  | 'admission'
  | 'duplicate'
  | 'malformed'
  | 'unavailable'

/** Why a session ends. */
export type GoodbyeCode = 'shutdown' | 'duplicate' | 'replaced' | 'idle' | 'refused' | 'protocol'

export type SessionMessage =
  /** Dialler: the first message. */
  | {
      readonly type: 'hello'
      readonly versionMin: number
      readonly versionMax: number
      /** The dialler's own number of this dial; a later dial has a greater one. */
      readonly attempt: number
      readonly hello: Hello
    }
  /** Acceptor: its own hello, with the version chosen. */
  | { readonly type: 'helloReply'; readonly version: number; readonly hello: Hello }
  /** Dialler: its proof, empty when it has no secret. */
  | { readonly type: 'proof'; readonly proof: Uint8Array }
  /** Acceptor: the session stands; its own proof. */
  | { readonly type: 'accept'; readonly proof: Uint8Array }
  /** Either side, instead of its next message; the last one. */
  | {
      readonly type: 'refuse'
      readonly code: RefuseCode
      readonly versionMin: number
      readonly versionMax: number
      readonly wallMs: number
    }
  /** Heartbeat. `wanted`: the sender has a use for the session. */
  | { readonly type: 'beat'; readonly number: number; readonly wanted: boolean }
  | { readonly type: 'beatReply'; readonly number: number }
  /** The last message before END. */
  | { readonly type: 'goodbye'; readonly code: GoodbyeCode }
  /** Prove yourself again: the secret that admitted you does not count here any more. */
  | { readonly type: 'challenge'; readonly nonce: Uint8Array }
  /** The answer, empty when the sender has no secret. */
  | { readonly type: 'renewal'; readonly proof: Uint8Array }
  /** What the sender says of itself, once the session stands; never twice. */
  | { readonly type: 'about'; readonly metadata: Metadata }

const TYPES = [
  'hello',
  'helloReply',
  'proof',
  'accept',
  'refuse',
  'beat',
  'beatReply',
  'goodbye',
  'challenge',
  'renewal',
  'about'
] as const
const REFUSE_CODES: readonly RefuseCode[] = [
  'version',
  'cluster',
  'clockSkew',
  'admission',
  'duplicate',
  'malformed',
  'unavailable'
]
const GOODBYE_CODES: readonly GoodbyeCode[] = [
  'shutdown',
  'duplicate',
  'replaced',
  'idle',
  'refused',
  'protocol'
]

/** The bytes of one message: a type byte (from 1), then its fields. Grammar: docs/wire/handshake.md. */
export function encodeMessage(message: SessionMessage): Uint8Array {
  const writer = new ByteWriter(96).u8(TYPES.indexOf(message.type) + 1)
  switch (message.type) {
    case 'hello':
      writer.u16(message.versionMin).u16(message.versionMax).u64(BigInt(message.attempt))
      writeHello(writer, message.hello)
      break
    case 'helloReply':
      writer.u16(message.version)
      writeHello(writer, message.hello)
      break
    case 'proof':
    case 'accept':
    case 'renewal':
      writer.bytes(message.proof)
      break
    case 'about':
      writeMetadata(writer, message.metadata)
      break
    case 'challenge':
      writer.raw(message.nonce)
      break
    case 'refuse':
      writer.u8(REFUSE_CODES.indexOf(message.code) + 1)
      writer.u16(message.versionMin).u16(message.versionMax).u64(BigInt(message.wallMs))
      break
    case 'beat':
      writer.u32(message.number).u8(message.wanted ? 1 : 0)
      break
    case 'beatReply':
      writer.u32(message.number)
      break
    case 'goodbye':
      writer.u8(GOODBYE_CODES.indexOf(message.code) + 1)
      break
  }
  return writer.finish()
}

/** Reads one message. @throws DecodeError for bytes that are not exactly one message. */
export function decodeMessage(bytes: Uint8Array): SessionMessage {
  const reader = new ByteReader(bytes)
  const bytesMax = TYPES[(bytes[0] ?? 0) - 1] === 'about' ? ABOUT_BYTES_MAX : SESSION_MESSAGE_BYTES_MAX
  if (bytes.length > bytesMax) reader.fail('tooLong')
  const message = readBody(reader)
  reader.end()
  return message
}

function readBody(reader: ByteReader): SessionMessage {
  const type = TYPES[reader.u8() - 1]
  switch (type) {
    case 'hello': {
      const [versionMin, versionMax] = readRange(reader)
      return { type, versionMin, versionMax, attempt: readSafe(reader), hello: readHello(reader) }
    }
    case 'helloReply':
      return { type, version: reader.u16(), hello: readHello(reader) }
    case 'about':
      return { type, metadata: readMetadata(reader) }
    case 'challenge':
      return { type, nonce: reader.raw(NONCE_BYTES).slice() }
    case 'proof':
    case 'accept':
    case 'renewal': {
      const proof = reader.bytes(PROOF_BYTES)
      if (proof.length !== 0 && proof.length !== PROOF_BYTES)
        reader.fail('invalid', 'a proof has 0 or 32 bytes')
      return { type, proof }
    }
    case 'refuse': {
      const code = REFUSE_CODES[reader.u8() - 1] ?? reader.fail('unknownType', 'refuse code')
      const versionMin = reader.u16()
      return { type, code, versionMin, versionMax: reader.u16(), wallMs: readSafe(reader) }
    }
    case 'beat': {
      const number = reader.u32()
      const wanted = reader.u8()
      if (wanted > 1) reader.fail('outOfRange', 'a flag is 0 or 1')
      return { type, number, wanted: wanted === 1 }
    }
    case 'beatReply':
      return { type, number: reader.u32() }
    case 'goodbye':
      return { type, code: GOODBYE_CODES[reader.u8() - 1] ?? reader.fail('unknownType', 'goodbye code') }
    case undefined:
      break
  }
  return reader.fail('unknownType')
}

function writeHello(writer: ByteWriter, hello: Hello): void {
  writer.raw(hello.clusterHash).u64(hello.incarnation).raw(hello.nonce).u64(BigInt(hello.wallMs))
  writer.u8(hello.proofNeeded ? 1 : 0)
}

function readHello(reader: ByteReader): Hello {
  const clusterHash = reader.raw(CLUSTER_HASH_BYTES).slice()
  const incarnation = reader.u64()
  const nonce = reader.raw(NONCE_BYTES).slice()
  const wallMs = readSafe(reader)
  const flags = reader.u8()
  if (flags > 1) reader.fail('outOfRange', 'only the lowest flag is known')
  return { clusterHash, incarnation, nonce, wallMs, proofNeeded: flags === 1 }
}

function readRange(reader: ByteReader): [number, number] {
  const min = reader.u16()
  const max = reader.u16()
  if (min > max) reader.fail('invalid', 'the version range is empty')
  return [min, max]
}

function readSafe(reader: ByteReader): number {
  const value = reader.u64()
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) reader.fail('outOfRange', 'at most 2^53 - 1')
  return Number(value)
}
