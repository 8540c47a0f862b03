import { ByteWriter } from '@starling/codec'
import type { Stamp } from '@starling/hlc'
import { ROW_LIMITS, SNAPSHOT_FORMAT, SNAPSHOT_PIECE_BYTES, SNAPSHOT_SHARED_BYTES_MAX } from './config.ts'
import { isDot } from './entry.ts'
import { encodeKey } from './key.ts'
import type { ObservedRemoveMap } from './map.ts'
import { replicaIdBytes } from './replica-id.ts'
import type { Entry, ReplicaId } from './types.ts'

/** Stamps that are closer than this are written as a difference. Twice it, with its sign, is still a varint. */
const NEAR = 2n ** 51n

/** How a snapshot is cut. */
export interface SnapshotOptions {
  /** Bytes after which a piece ends, with the entry that reaches them; default {@link SNAPSHOT_PIECE_BYTES}. */
  readonly bytesTarget?: number
}

/**
 * Everything that a map holds, evidence included, in pieces that are each complete by themselves (docs/wire/snapshot.md). Entries
 * that change while the pieces are taken are in them as they were or as they are. An empty map has no pieces.
 *
 * @throws RangeError when `bytesTarget` is not a whole number from 1.
 */
export function* encodeSnapshot(
  map: ObservedRemoveMap,
  options: SnapshotOptions = {}
): IterableIterator<Uint8Array<ArrayBuffer>> {
  const { bytesTarget = SNAPSHOT_PIECE_BYTES } = options
  if (!Number.isSafeInteger(bytesTarget) || bytesTarget < 1) {
    throw new RangeError(`bytesTarget must be a whole number from 1, got ${bytesTarget}`)
  }
  let piece = new Piece()
  for (const [key, entry] of map.allEntries()) {
    piece.add(key, entry)
    if (piece.length < bytesTarget) continue
    yield piece.finish()
    piece = new Piece()
  }
  if (piece.length > 0) yield piece.finish()
}

class Piece {
  readonly #replicas = new Map<ReplicaId, number>()
  readonly #body = new ByteWriter(SNAPSHOT_PIECE_BYTES)
  #entries = 0
  #key = new Uint8Array()
  #stamp: Stamp = 0n

  /** Bytes of the entries so far. */
  get length(): number {
    return this.#body.length
  }

  add(key: string, { items }: Entry): void {
    this.#entries++
    this.#addKey(encodeKey(key, ROW_LIMITS))
    const dots = items.filter(isDot)
    this.#body.varint(dots.length).varint(items.length - dots.length)
    for (const { replica, stamp, value, expiresAtMs } of dots) {
      const index = this.#indexOf(replica)
      this.#body.varint(expiresAtMs === undefined ? index * 2 : index * 2 + 1)
      this.#addStamp(stamp)
      if (expiresAtMs !== undefined) this.#body.varint(expiresAtMs)
      this.#body.bytes(value)
    }
    if (dots.length === items.length) return
    for (const item of items) {
      if (isDot(item)) continue
      this.#body.varint(this.#indexOf(item.replica))
      this.#addStamp(item.stamp)
    }
  }

  finish(): Uint8Array<ArrayBuffer> {
    const piece = new ByteWriter(this.length + 64).u8(SNAPSHOT_FORMAT).varint(this.#replicas.size)
    for (const replica of this.#replicas.keys()) piece.raw(replicaIdBytes(replica))
    return piece.varint(this.#entries).raw(this.#body.finish()).finish()
  }

  #addKey(key: Uint8Array<ArrayBuffer>): void {
    const most = Math.min(key.length, this.#key.length, SNAPSHOT_SHARED_BYTES_MAX)
    let shared = 0
    while (shared < most && key[shared] === this.#key[shared]) shared++
    this.#body.varint(shared).bytes(key.subarray(shared))
    this.#key = key
  }

  #addStamp(stamp: Stamp): void {
    const difference = stamp - this.#stamp
    this.#stamp = stamp
    if (difference >= NEAR || difference <= -NEAR) {
      this.#body.varint(0).u64(stamp)
    } else {
      const near = Number(difference)
      this.#body.varint(near < 0 ? -near * 2 : near * 2 + 1)
    }
  }

  #indexOf(replica: ReplicaId): number {
    let index = this.#replicas.get(replica)
    if (index === undefined) {
      index = this.#replicas.size
      this.#replicas.set(replica, index)
    }
    return index
  }
}
