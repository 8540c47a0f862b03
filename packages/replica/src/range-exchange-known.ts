import { equalBytes } from '@starling/codec'
import type { Stamp } from '@starling/hlc'
import { decodeKnown, encodeKnown, NOTHING_KNOWN, type KnownStamps } from '@starling/ormap'
import type { Hash } from '@starling/ports'
import {
  encodeHello,
  encodeKnownFrame,
  KNOWN_DIGEST_BYTES,
  KNOWN_OVERHEAD_BYTES,
  type SessionFrame
} from './range-exchange-frames.ts'
import { KNOWN_IDS_REMEMBERED_MAX, KNOWN_PEERS_MAX } from './range-exchange-limits.ts'

/** What one side knew, and a digest of it. */
export interface DigestedKnown {
  readonly digest: Uint8Array
  readonly stamps: KnownStamps
}

/** What a side knows, with its digest; nothing when it takes more than `bytesMax`, since to say less is always safe. */
export function digestKnown(stamps: KnownStamps, hash: Hash, bytesMax: number): DigestedKnown {
  const bytes = encodeKnown(stamps, NOTHING_KNOWN, hash)
  if (bytes.length > bytesMax && stamps.size > 0) return digestKnown(NOTHING_KNOWN, hash, bytesMax)
  return { digest: bytes.slice(-KNOWN_DIGEST_BYTES), stamps }
}

/** What both sides of a session knew. */
export interface KnownPair {
  readonly ours: DigestedKnown
  readonly theirs: DigestedKnown
}

/**
 * What the two sides of the last session with a peer told each other they know, so that the next one sends a difference. Either
 * side may have forgotten: a hello says by digest what is still held. Bounded: the peer of longest ago is forgotten first.
 */
export class KnownMemory {
  readonly #pairs = new Map<string, KnownPair>()
  #ids = 0

  get(peer: string): KnownPair | undefined {
    return this.#pairs.get(peer)
  }

  set(peer: string, pair: KnownPair): void {
    this.#forget(peer)
    this.#pairs.set(peer, pair)
    this.#ids += sizeOf(pair)
    for (const oldest of this.#pairs.keys()) {
      if (this.#pairs.size <= KNOWN_PEERS_MAX && this.#ids <= KNOWN_IDS_REMEMBERED_MAX) return
      this.#forget(oldest)
    }
  }

  #forget(peer: string): void {
    const pair = this.#pairs.get(peer)
    if (pair === undefined) return
    this.#pairs.delete(peer)
    this.#ids -= sizeOf(pair)
  }
}

function sizeOf({ ours, theirs }: KnownPair): number {
  return ours.stamps.size + theirs.stamps.size
}

/** What the exchange of what both sides know is given. */
export interface KnownHandshakeInit {
  readonly peer: string
  readonly memory: KnownMemory
  readonly hash: Hash
  /** Bytes of one frame. */
  readonly frameBytesMax: number
  /** The greatest stamp that an entry could have now. */
  readonly stampMax: () => Stamp
  /** Makes the error for a peer that breaks the rules. */
  readonly broken: (detail: string) => Error
}

type FrameOf<Type extends SessionFrame['type']> = Extract<SessionFrame, { type: Type }>

/**
 * How two sides tell each other what they know: by digest in their hellos, and as a difference where the other does not have it,
 * as its own or from the session before. Both sides come to the same conclusion from the same two hellos.
 */
export class KnownHandshake {
  /** The first frame. */
  readonly hello: Uint8Array
  readonly #init: KnownHandshakeInit
  readonly #ours: DigestedKnown
  readonly #remembered: KnownPair | undefined
  #announced: Uint8Array | undefined
  #theirs: DigestedKnown | undefined

  constructor(known: KnownStamps, init: KnownHandshakeInit) {
    const { peer, memory, hash, frameBytesMax } = init
    this.#init = init
    this.#ours = digestKnown(known, hash, frameBytesMax - KNOWN_OVERHEAD_BYTES)
    this.#remembered = memory.get(peer)
    this.hello = encodeHello(this.#ours.digest, this.#remembered?.theirs.digest)
  }

  /** Whether the hello of the other side has come. */
  get hasBegun(): boolean {
    return this.#announced !== undefined
  }

  /** What the other side knew at the start, as soon as it is certain. */
  get theirs(): KnownStamps | undefined {
    return this.#theirs?.stamps
  }

  /** Takes the other side's hello; returns what is to be sent, if anything. */
  onHello({ known, held }: FrameOf<'hello'>): Uint8Array | undefined {
    if (this.hasBegun) throw this.#init.broken('a second hello')
    const announced = known.slice()
    this.#announced = announced
    const { ours: formerly, theirs } = this.#remembered ?? {}
    const ours = this.#ours
    const isSame = equalBytes(announced, ours.digest)
    if (isSame) this.#settle(ours)
    else if (theirs !== undefined && equalBytes(announced, theirs.digest)) this.#settle(theirs)
    if (isSame || (held !== undefined && equalBytes(held, ours.digest))) return undefined
    const fromHeld = formerly !== undefined && held !== undefined && equalBytes(held, formerly.digest)
    const base = fromHeld ? formerly.stamps : NOTHING_KNOWN
    return encodeKnownFrame(fromHeld, encodeKnown(ours.stamps, base, this.#init.hash))
  }

  /**
   * Takes what the other side knows.
   *
   * @throws DecodeError when it cannot be read.
   */
  onKnown({ fromHeld, difference }: FrameOf<'known'>): void {
    const { broken, hash, stampMax } = this.#init
    const announced = this.#announced
    if (announced === undefined || this.#theirs !== undefined) throw broken('what it knows was not asked for')
    const base = fromHeld ? this.#remembered?.theirs.stamps : NOTHING_KNOWN
    if (base === undefined) throw broken('a difference to nothing')
    const stamps = decodeKnown(difference, base, hash, stampMax())
    // Its last bytes are the digest that the difference has just been checked against.
    if (!equalBytes(difference.subarray(-KNOWN_DIGEST_BYTES), announced)) {
      throw broken('what it knows is not what it announced')
    }
    this.#settle({ digest: announced, stamps })
  }

  #settle(theirs: DigestedKnown): void {
    this.#theirs = theirs
    this.#init.memory.set(this.#init.peer, { ours: this.#ours, theirs })
  }
}
