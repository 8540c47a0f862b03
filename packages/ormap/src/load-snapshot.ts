import { ByteReader, decodeUtf8 } from '@starling/codec'
import { DRIFT_MS_MAX, stampWallMs, type Stamp } from '@starling/hlc'
import { ENTRY_LIMITS, SNAPSHOT_FORMAT, SNAPSHOT_SHARED_BYTES_MAX, type EntryLimits } from './config.ts'
import { copyBytes } from './copy-bytes.ts'
import { greatestStamp } from './entry.ts'
import type { ObservedRemoveMap } from './map.ts'
import { REPLICA_ID_BYTES, replicaIdOfWords } from './replica-id.ts'
import type { Entry, EntryChange, Item, ReplicaId } from './types.ts'
import { interleave, readValue } from './wire.ts'

/** Fewest bytes of an entry in a piece: two of its key, two counts, two of an item of evidence. */
const ENTRY_BYTES_MIN = 6

/** Fewest bytes of an item: who and when. */
const ITEM_BYTES_MIN = 2

const STAMP_MAX = 2n ** 64n - 1n

/** What a snapshot is loaded under. */
export interface LoadOptions {
  /** The local wall time in ms since the epoch: drift is measured against it. */
  readonly wallMs: number
  /** How far a stamp may be ahead of it, in ms; default one minute. */
  readonly driftMsMax?: number
  /** What one entry may cost; default {@link ENTRY_LIMITS}. */
  readonly limits?: EntryLimits
}

/** What became of the entries of a piece. */
export interface LoadResult {
  /** What changed, in the order of the piece. */
  readonly changed: readonly EntryChange[]
  /** How many entries said nothing new. */
  readonly unchanged: number
  /** Entries that were left out, because a stamp is too far ahead. */
  readonly rejected: readonly { readonly reason: 'future'; readonly key: string; readonly aheadMs: number }[]
  /** The greatest stamp of all entries that were not rejected, for the clock to take note of; 0 when there are none. */
  readonly greatestStamp: Stamp
}

/**
 * Joins a piece of a snapshot into a map. Everything is checked as `decodeEntry` does, before the first entry is joined: the
 * piece is accepted whole, or refused whole and the map is as it was. Entries from the future are left out one by one.
 *
 * Memory is bounded by the length of the piece, time by that and what the map holds under its keys. The caller stores what changed; values in it do not change with `bytes`.
 *
 * @throws DecodeError when the bytes are not a piece within the limits.
 * @throws RangeError when `wallMs` is not a finite time.
 */
export function loadSnapshot(map: ObservedRemoveMap, bytes: Uint8Array, options: LoadOptions): LoadResult {
  const { wallMs, driftMsMax = DRIFT_MS_MAX, limits = ENTRY_LIMITS } = options
  if (!Number.isFinite(wallMs)) throw new RangeError(`wallMs must be a finite time in ms, got ${wallMs}`)
  const latestMs = Math.floor(wallMs) + driftMsMax
  // A copy, because values are views on it; not slice(), which for a Node buffer is none.
  const found = new PieceReader(new Uint8Array(bytes), limits).entries()
  const changed: EntryChange[] = []
  const rejected: { reason: 'future'; key: string; aheadMs: number }[] = []
  let unchanged = 0
  let greatest = 0n
  for (const { key, entry } of found) {
    const stamp = greatestStamp(entry)
    if (stamp > greatest) {
      const ms = stampWallMs(stamp)
      if (ms > latestMs) {
        rejected.push({ reason: 'future', key, aheadMs: ms - Math.floor(wallMs) })
        continue
      }
      greatest = stamp
    }
    const change = map.join(key, entry)
    if (change === undefined) unchanged++
    else changed.push(change)
  }
  return { changed, unchanged, rejected, greatestStamp: greatest }
}

interface Found {
  readonly key: string
  readonly entry: Entry
}

class PieceReader {
  readonly #bytes: Uint8Array
  readonly #reader: ByteReader
  readonly #limits: EntryLimits
  readonly #replicas: ReplicaId[] = []
  /** What the next key may share of the key before. */
  readonly #prefix = new Uint8Array(SNAPSHOT_SHARED_BYTES_MAX)
  #prefixLength = 0
  #stamp: Stamp = 0n

  constructor(bytes: Uint8Array, limits: EntryLimits) {
    this.#bytes = bytes
    this.#reader = new ByteReader(bytes)
    this.#limits = limits
  }

  entries(): Found[] {
    const reader = this.#reader
    const format = reader.u8()
    if (format !== SNAPSHOT_FORMAT) reader.fail('unknownType', `snapshot format ${format}`, 0)
    const replicas = this.#count(REPLICA_ID_BYTES)
    for (let i = 0; i < replicas; i++) this.#replicas.push(replicaIdOfWords(reader.u32(), reader.u32()))
    const count = this.#count(ENTRY_BYTES_MIN)
    const found: Found[] = []
    // A key that came over and over would be merged over and over: a few bytes each, and each time all that came before.
    const keys = new Set<string>()
    for (let i = 0; i < count; i++) {
      const start = reader.offset
      const key = this.#readKey()
      if (keys.add(key).size === i) reader.fail('invalid', 'a key that came before', start)
      found.push({ key, entry: this.#entry() })
    }
    reader.end()
    return found
  }

  /** A number of things of which each takes at least so many bytes: a false one is refused before the first is read. */
  #count(bytesMin: number): number {
    const start = this.#reader.offset
    const count = this.#reader.varint()
    if (count * bytesMin > this.#reader.remaining) this.#reader.fail('truncated', `${count} parts`, start)
    return count
  }

  #readKey(): string {
    const reader = this.#reader
    const { keyBytesMax } = this.#limits
    const start = reader.offset
    const shared = reader.varint()
    if (shared > this.#prefixLength) reader.fail('outOfRange', `${shared} bytes of the key before`, start)
    const length = shared + reader.varint()
    if (length > keyBytesMax) reader.fail('tooLong', `${length} bytes, at most ${keyBytesMax}`, start)
    const key = shared === 0 ? reader.text(length) : this.#sharingKey(shared, length, start)
    this.#prefixLength = Math.min(length, SNAPSHOT_SHARED_BYTES_MAX)
    copyBytes(this.#bytes, reader.offset - length + shared, this.#prefixLength - shared, this.#prefix, shared)
    return key
  }

  #sharingKey(shared: number, length: number, start: number): string {
    const rest = this.#reader.raw(length - shared)
    const key = new Uint8Array(length)
    key.set(this.#prefix.subarray(0, shared))
    key.set(rest, shared)
    return decodeUtf8(key, start)
  }

  #entry(): Entry {
    const reader = this.#reader
    const start = reader.offset
    const dots = this.#count(ITEM_BYTES_MIN)
    const empty = this.#count(ITEM_BYTES_MIN)
    if (dots + empty > this.#limits.itemsMax) {
      reader.fail('tooLong', `${dots + empty} items, at most ${this.#limits.itemsMax}`, start)
    }
    const live: Item[] = []
    for (let i = 0; i < dots; i++) live.push(this.#dot(live[i - 1]))
    if (empty === 0 && dots > 0) return { items: live }
    const evidence: Item[] = []
    for (let i = 0; i < empty; i++) evidence.push(this.#evidence(evidence[i - 1]))
    return { items: interleave(reader, live, evidence) }
  }

  #dot(previous: Item | undefined): Item {
    const start = this.#reader.offset
    const who = this.#reader.varint()
    const replica = this.#who(Math.floor(who / 2), previous, start)
    const stamp = this.#readStamp()
    if (who % 2 === 0) return { replica, stamp, value: readValue(this.#reader, this.#limits) }
    const expiresAtMs = this.#reader.varint()
    return { replica, stamp, value: readValue(this.#reader, this.#limits), expiresAtMs }
  }

  #evidence(previous: Item | undefined): Item {
    const start = this.#reader.offset
    const replica = this.#who(this.#reader.varint(), previous, start)
    return { replica, stamp: this.#readStamp(), value: undefined }
  }

  #who(index: number, previous: Item | undefined, start: number): ReplicaId {
    const replica = this.#replicas[index]
    if (replica === undefined) return this.#reader.fail('outOfRange', `replica ${index}`, start)
    if (previous !== undefined && replica <= previous.replica) {
      this.#reader.fail('notSorted', 'replica ids', start)
    }
    return replica
  }

  #readStamp(): Stamp {
    const start = this.#reader.offset
    const coded = this.#reader.varint()
    if (coded === 0) {
      this.#stamp = this.#reader.u64()
    } else {
      this.#stamp += BigInt(coded % 2 === 1 ? (coded - 1) / 2 : -coded / 2)
      if (this.#stamp < 0n || this.#stamp > STAMP_MAX) this.#reader.fail('outOfRange', 'a stamp', start)
    }
    return this.#stamp
  }
}
