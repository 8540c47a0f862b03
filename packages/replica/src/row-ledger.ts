import { equalBytes } from '@starling/codec'
import {
  EMPTY_ENTRY,
  encodeEvidence,
  encodeKey,
  encodeLive,
  isDot,
  type EncodedEntry,
  type Entry,
  type ObservedRemoveMap
} from '@starling/ormap'
import type { Hash } from '@starling/ports'
import type { LogRow } from './ports.ts'

/** The rows of one key in the log. */
interface KeyRows {
  readonly live: Uint8Array | undefined
  /** Of the entry below unless it is given: most entries change without their evidence changing. */
  readonly evidence?: Uint8Array | undefined
  readonly entry?: Entry | undefined
}

/** An entry that is encoded already: whole, or only its live dots. */
type EncodedParts = Pick<EncodedEntry, 'key' | 'live'> & Partial<Pick<EncodedEntry, 'evidence'>>

/**
 * Knows the hash of every row in the log, so that a batch says what each of its rows replaces and leaves out those that would be
 * written as they are. The rows of a key are those of its applied entry, except where something is on its way: only these keys
 * take memory here.
 */
export class RowLedger {
  readonly #hash: Hash
  readonly #map: Pick<ObservedRemoveMap, 'get' | 'itemHash'>
  readonly #apart = new Map<string, KeyRows>()

  constructor(map: Pick<ObservedRemoveMap, 'get' | 'itemHash'>, hash: Hash) {
    this.#map = map
    this.#hash = hash
  }

  /** Keys whose rows are not those of the applied entry. */
  get apart(): number {
    return this.#apart.size
  }

  /** Rows that were read back and are not those of the entry that came of them. */
  found(key: string, rows: { readonly live?: Uint8Array; readonly evidence?: Uint8Array }): void {
    this.#apart.set(key, { live: rows.live, evidence: rows.evidence })
  }

  /** The applied entry of a key changed, and its rows have not. Call it with what the entry was. */
  leave(key: string, entry: Entry | undefined, itemHash: Uint8Array | undefined): void {
    if (!this.#apart.has(key)) this.#apart.set(key, { live: itemHash, entry })
  }

  /** The rows of a key, as last appended, are durable, and those of its applied entry. */
  meet(key: string): void {
    this.#apart.delete(key)
  }

  /** All rows are those of the applied entries. */
  meetAll(): void {
    this.#apart.clear()
  }

  /**
   * Adds the rows that turn the log's state of a key into `entry`. They count as written from now on: after a failed batch no
   * other follows.
   *
   * @param encoded what `entry` is encoded as, when that has been done: it is used as it is, and of `entry` only the evidence.
   */
  append(rows: LogRow[], key: string, entry: Entry, encoded?: EncodedParts): void {
    const before = this.#apart.get(key) ?? { live: this.#map.itemHash(key), entry: this.#map.get(key) }
    const keyBytes = encoded?.key ?? encodeKey(key)
    const live = encoded === undefined ? encodeLive(key, entry, this.#hash) : encoded.live
    if (!equalHashes(before.live, live?.hash)) {
      rows.push({ kind: 'live', key: keyBytes, value: live?.bytes, hash: live?.hash, replaces: before.live })
    }
    this.#apart.set(key, { live: live?.hash, entry })
    if ('entry' in before && sameEvidence(before.entry ?? EMPTY_ENTRY, entry)) return
    const evidence =
      encoded !== undefined && 'evidence' in encoded
        ? encoded.evidence
        : encodeEvidence(key, entry, this.#hash)
    const replaces =
      'entry' in before ? encodeEvidence(key, before.entry ?? EMPTY_ENTRY, this.#hash)?.hash : before.evidence
    if (equalHashes(replaces, evidence?.hash)) return
    rows.push({ kind: 'evidence', key: keyBytes, value: evidence?.bytes, hash: evidence?.hash, replaces })
  }
}

function sameEvidence(a: Entry, b: Entry): boolean {
  if (a === b) return true
  let j = 0
  for (const item of a.items) {
    if (isDot(item)) continue
    while (j < b.items.length && b.items[j]?.value !== undefined) j++
    const other = b.items[j++]
    if (other?.replica !== item.replica || other.stamp !== item.stamp) return false
  }
  while (j < b.items.length && b.items[j]?.value !== undefined) j++
  return j === b.items.length
}

function equalHashes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  return equalBytes(a, b)
}
