import { checkValue, DecodeError, encodeUtf8 } from '@starling/codec'
import { ClockAheadError, type HybridLogicalClock } from '@starling/hlc'
import {
  encodeWithRows,
  entryBytes,
  lifeGained,
  putEntry,
  QuotaExceededError,
  removeEntry,
  visibleWinner,
  type EncodedEntry,
  type Entry,
  type Quota,
  type QuotaTaken,
  type ReplicaId
} from '@starling/ormap'
import type { Hash } from '@starling/ports'
import type { ReplicaLimits } from './config.ts'
import { ValueTooLargeError, VersionMismatchError } from './errors.ts'
import type { Operation, OperationResult } from './types.ts'

/** One write on its way: the new entry of its key over the base it was made on, encoded once. */
export interface Write {
  readonly key: string
  readonly entry: Entry
  readonly encoded: EncodedEntry
  readonly replica: ReplicaId
  readonly stamp: bigint
  /** What it adds to the map beyond its base. */
  readonly growth: QuotaTaken
  /** What to make of the applied entry before this write is joined with it; only where a clock is repaired. */
  readonly repair?: (entry: Entry) => Entry
}

/** A commit that is ready for the queue. Nothing has been changed yet but the clock. */
export interface StagedCommit {
  readonly writes: readonly Write[]
  readonly results: readonly OperationResult[]
  /** Estimated bytes of its rows. */
  readonly bytes: number
}

/** What staging reads. */
export interface StageContext {
  readonly base: { get(key: string): Entry | undefined }
  readonly clock: HybridLogicalClock
  readonly wallMs: number
  readonly limits: ReplicaLimits
  readonly hash: Hash
  readonly quota: Quota
  /** What own writes on their way will add to the map. */
  readonly staged: QuotaTaken
  /** The id that writes carry; drawn when it is first asked for. */
  readonly replicaId: () => ReplicaId
  versionOf(entry: Entry): string | undefined
}

/** Turns operations into entries: each over the base joined with the operations before it. Throws before any effect. */
export function stageCommit(operations: readonly Operation[], context: StageContext): StagedCommit {
  const { clock, limits, wallMs } = context
  for (const operation of operations) checkOperation(operation, limits)
  if (operations.length > limits.commitOperationsMax) {
    throw new RangeError(
      `a commit has at most ${limits.commitOperationsMax} operations, got ${operations.length}; split it`
    )
  }
  // A stamp that peers refuse would make a write that is durable here and travels nowhere.
  if (clock.isAhead(wallMs)) throw new ClockAheadError(clock.aheadMs(wallMs), clock.driftMsMax)
  // Most commits are a single operation, which has none before it.
  const within = operations.length > 1 ? new Map<string, Entry>() : undefined
  let writes: Write[] | undefined
  let results: OperationResult[] | undefined
  let bytes = 0
  let taken = context.staged
  for (const operation of operations) {
    const { key } = operation
    // An entry made earlier in this commit is made over the base, so it covers it.
    const base = within?.get(key) ?? context.base.get(key)
    checkExpected(operation, base, context)
    const entry = makeEntry(operation, base, context)
    if (entry === undefined) {
      results = added(results, { key, changed: false, stamp: undefined, version: undefined })
      continue
    }
    const growth = {
      live: lifeGained(base, entry),
      entries: base === undefined ? 1 : 0,
      bytes: entryBytes(key, entry) - entryBytes(key, base)
    }
    assertRoom(key, base, entry, taken, context.quota)
    taken = {
      live: taken.live + growth.live,
      entries: taken.entries + growth.entries,
      bytes: taken.bytes + growth.bytes
    }
    within?.set(key, entry)
    const encoded = encodeWithRows(key, entry, context.hash)
    bytes += encoded.wire.length
    const stamp = clock.last
    writes = added(writes, { key, entry, encoded, replica: context.replicaId(), stamp, growth })
    results = added(results, { key, changed: true, stamp, version: context.versionOf(entry) })
  }
  if (bytes > limits.commitBytesMax) {
    throw new RangeError(`a commit has at most ${limits.commitBytesMax} bytes, got ${bytes}; split it`)
  }
  return { writes: writes ?? [], results: results ?? [], bytes }
}

/** Adds to a list that mostly has one: a list that starts empty makes room for 17. */
function added<T>(list: T[] | undefined, one: T): T[] {
  if (list === undefined) return [one]
  list.push(one)
  return list
}

/** The entry after the operation, or `undefined` for a remove that finds nothing that is shown. */
function makeEntry(
  operation: Operation,
  base: Entry | undefined,
  { clock, wallMs, replicaId }: StageContext
): Entry | undefined {
  // Everything accepted has moved the clock, so the stamp exceeds the base; the entry's maker refuses one that does not.
  if (operation.type === 'put') {
    return putEntry(
      base,
      replicaId(),
      clock.now(wallMs),
      // A copy: the caller may change its bytes while the write is on its way.
      new Uint8Array(operation.value),
      operation.expiresAtMs
    )
  }
  const shown = base === undefined ? undefined : visibleWinner(base, wallMs)
  if (base === undefined || shown === undefined) return undefined
  return removeEntry(base, replicaId(), clock.now(wallMs))
}

function assertRoom(
  key: string,
  before: Entry | undefined,
  after: Entry,
  taken: QuotaTaken,
  quota: Quota
): void {
  const part = quota.lacks(key, before, after, taken)
  if (part === undefined) return
  throw new QuotaExceededError(part, part === 'entries' ? quota.limits.entriesMax : quota.limits.bytesMax)
}

function checkExpected({ key, expected }: Operation, base: Entry | undefined, context: StageContext): void {
  if (expected === undefined) return
  const actual = base === undefined ? undefined : context.versionOf(base)
  if (actual !== expected.version) throw new VersionMismatchError(key, expected.version, actual)
}

function checkOperation(operation: Operation, limits: ReplicaLimits): void {
  checkKey(operation.key, limits.keyBytesMax)
  if (operation.type === 'remove') return
  if (operation.type !== 'put') {
    throw new TypeError(
      `an operation's type is 'put' or 'remove', got ${JSON.stringify((operation as { type: unknown }).type)}`
    )
  }
  if (!(operation.value instanceof Uint8Array)) throw new TypeError('a put needs a value of bytes')
  const { expiresAtMs } = operation
  if (expiresAtMs !== undefined && !(Number.isSafeInteger(expiresAtMs) && expiresAtMs >= 0)) {
    throw new RangeError(`expiresAtMs must be a whole number of ms since the epoch, got ${expiresAtMs}`)
  }
  const { length } = operation.value
  if (length > limits.valueBytesMax) throw new ValueTooLargeError(operation.key, length, limits.valueBytesMax)
  try {
    // Peers refuse anything else, and so does the next opening of the log.
    checkValue(operation.value, { bytesMax: limits.valueBytesMax })
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new TypeError("a put needs a value as @starling/codec's encodeValue makes it", { cause: error })
  }
}

function checkKey(key: unknown, bytesMax: number): void {
  if (typeof key !== 'string') throw new TypeError(`a key must be a string, got ${typeof key}`)
  if (!key.isWellFormed()) throw new TypeError('a key must be valid Unicode: it holds a lone surrogate')
  if (key.length === 0) throw new RangeError('a key must not be empty')
  if (key.length * 3 <= bytesMax) return
  const bytes = encodeUtf8(key).length
  if (bytes > bytesMax) throw new RangeError(`a key has at most ${bytesMax} bytes in UTF-8, got ${bytes}`)
}
