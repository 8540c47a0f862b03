import { equalBytes } from '@starling/codec'
import { encodeEvidence, encodeKey, encodeLive, type Entry } from '@starling/ormap'
import type { Hash } from '@starling/ports'
import type { LogRow, RecoveredRow } from './ports.ts'
import type { Write } from './stage-commit.ts'

interface RowHashes {
  live: Uint8Array | undefined
  evidence: Uint8Array | undefined
}

/**
 * Knows the hash of every row in the log, so that a batch says what each of its rows replaces and leaves out those that would
 * be written as they are.
 */
export class RowLedger {
  readonly #hash: Hash
  readonly #hashes = new Map<string, RowHashes>()

  constructor(hash: Hash) {
    this.#hash = hash
  }

  /** Notes a row that was read back, also one whose content is of no use: what replaces it has to say so. */
  recover(key: string, row: RecoveredRow): void {
    this.#of(key)[row.kind] = row.hash
  }

  /**
   * Adds the rows that turn the log's state of a key into `entry`. They count as written from now on: after a failed batch no
   * other follows.
   *
   * @param write the write that made exactly this entry, if one did: its encoding is used as it is.
   * @param itemHash the item hash of `entry` when it is known.
   */
  append(rows: LogRow[], key: string, entry: Entry, write?: Write, itemHash?: Uint8Array): void {
    const known: Hash = itemHash === undefined ? this.#hash : () => itemHash as Uint8Array<ArrayBuffer>
    const live = write === undefined ? encodeLive(key, entry, known) : write.encoded.live
    const evidence = write === undefined ? encodeEvidence(key, entry, this.#hash) : write.encoded.evidence
    const keyBytes = write === undefined ? encodeKey(key) : write.encoded.key
    const hashes = this.#of(key)
    for (const [kind, row] of [
      ['live', live],
      ['evidence', evidence]
    ] as const) {
      const replaces = hashes[kind]
      if (equalHashes(replaces, row?.hash)) continue
      rows.push({ kind, key: keyBytes, value: row?.bytes, hash: row?.hash, replaces })
      hashes[kind] = row?.hash
    }
  }

  #of(key: string): RowHashes {
    let hashes = this.#hashes.get(key)
    if (hashes === undefined) {
      hashes = { live: undefined, evidence: undefined }
      this.#hashes.set(key, hashes)
    }
    return hashes
  }
}

function equalHashes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  return equalBytes(a, b)
}
