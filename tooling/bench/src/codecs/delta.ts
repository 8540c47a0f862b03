import { keyOf, valueOf, type Row } from '../workload.ts'

/** What a replica sends about one write: the record that the codecs encode and decode. */
export interface Delta {
  readonly key: string
  readonly value: Row
  /** Who wrote, 8 bytes. */
  readonly id: Uint8Array
  /** 48 bits of wall milliseconds. */
  readonly wall: number
  /** 16 bits. */
  readonly counter: number
}

/**
 * One codec. Each contender has loops of its own: a shared loop would call all of them through one slow call site.
 */
export interface DeltaCodec {
  encodeAll(deltas: readonly Delta[]): Uint8Array[]
  decodeAll(encoded: readonly Uint8Array[]): Delta[]
}

const WALL_MS = 1_790_000_000_000

export function deltas(count: number): Delta[] {
  const id = Uint8Array.from([0xd1, 0x5e, 0xa5, 0xe0, 0xba, 0xdd, 0xca, 0xfe])
  return Array.from({ length: count }, (_, i) => ({
    key: keyOf(i),
    value: valueOf(i),
    id,
    wall: WALL_MS + Math.floor(i / 7),
    counter: i % 7
  }))
}
