import { equalBytes } from '@starling/codec'
import { decodeKnown, encodeKnown, NOTHING_KNOWN, type KnownStamps } from '@starling/ormap'
import type { Hash } from '@starling/ports'
import { KNOWN_DIGEST_BYTES } from './range-exchange-frames.ts'
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

/**
 * Reads what the peer knows from its difference to `base`.
 *
 * @throws DecodeError as `decodeKnown` does.
 * @returns `undefined` when it is not what the digest said.
 */
export function readKnown(
  difference: Uint8Array,
  base: KnownStamps,
  announced: Uint8Array,
  hash: Hash,
  stampMax: bigint
): KnownStamps | undefined {
  const stamps = decodeKnown(difference, base, hash, stampMax)
  return equalBytes(difference.subarray(-KNOWN_DIGEST_BYTES), announced) ? stamps : undefined
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
