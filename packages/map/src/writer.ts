import { encodeValue, equalBytes, UnencodableValueError, type Value } from '@starling/codec'
import type { Clock, Timers } from '@starling/ports'
import { greatestStamp, type Dot } from '@starling/ormap'
import type { CommitOptions, Expected, Operation, OperationResult, Replica } from '@starling/replica'
import {
  IMPORT_BATCH_BYTES,
  IMPORT_BATCH_LINES,
  LEAVE_BATCH_KEYS,
  TTL_MS_MAX,
  type MapLimits
} from './config.ts'
import { ImportError, RenewalLimitError, ValueTooLargeError } from './errors.ts'
import { assertKey } from './key.ts'
import { fromLine } from './lines.ts'
import { Renewals, type Renewal, type Renewed } from './renewals.ts'
import type { Validate } from './schema.ts'
import type { BatchOperation, Imported, SetOptions, WriteOptions, Written } from './types.ts'
import type { View } from './view.ts'

type Put = Operation & { readonly type: 'put' }

/** What the writer stands on. */
export interface WriterParts<V> {
  readonly replica: Replica
  readonly view: View<V>
  readonly validate: Validate<V>
  readonly limits: MapLimits
  readonly clock: Clock
  readonly timers: Timers
}

/** The map as its writers use it: values checked and encoded, and those of this node's own presence renewed. */
export class Writer<V> {
  readonly #parts: WriterParts<V>
  readonly #renewals: Renewals
  /** Keys whose first write is on its way. */
  #starting = 0

  constructor(parts: WriterParts<V>) {
    this.#parts = parts
    this.#renewals = new Renewals(parts.clock, parts.timers, renewal => this.#renew(renewal))
  }

  get renewals(): number {
    return this.#renewals.size
  }

  /** Throws at once for what is wrong, before anything happens. */
  set(key: string, value: V, options: SetOptions, expected?: Expected): Promise<Written> {
    const { ttlMs, renew = false } = options
    const put = this.#put(key, value, ttlMs)
    if (renew && ttlMs === undefined) throw new TypeError('renew needs ttlMs')
    const operation: Put = expected === undefined ? put : { ...put, expected }
    return !renew || ttlMs === undefined
      ? this.#commit([operation], options, written)
      : this.#setRenewed(operation, ttlMs, options)
  }

  async delete(key: string, options: WriteOptions, expected?: Expected): Promise<boolean> {
    const remove = this.#remove(key)
    return this.#commit([expected === undefined ? remove : { ...remove, expected }], options, changed)
  }

  async batch(operations: readonly BatchOperation<V>[], options: WriteOptions): Promise<void> {
    const commit = operations.map((operation): Operation => {
      if (operation.type === 'set') return this.#put(operation.key, operation.value, operation.ttlMs)
      if (operation.type !== 'delete') throw new TypeError("an operation's type must be 'set' or 'delete'")
      return this.#remove(operation.key)
    })
    await this.#commit(commit, options, nothing)
  }

  /** Only what this very write made is renewed: the same value by another write is somebody else's. */
  async #setRenewed(put: Put, ttlMs: number, options: SetOptions): Promise<Written> {
    const { key, value: bytes, expiresAtMs = 0 } = put
    if (!this.#renewals.has(key)) this.#assertRenewable()
    const start = ([result]: readonly OperationResult[]): void => {
      if (result?.stamp === undefined) return
      this.#renewals.start({ key, ttlMs, bytes, expiresAtMs, stamp: result.stamp })
    }
    this.#starting++
    try {
      // Not only once others have answered: it may have ended by then.
      return await this.#commit([put], options, written, start)
    } finally {
      this.#starting--
    }
  }

  async import(lines: Iterable<string> | AsyncIterable<string>, options: WriteOptions): Promise<Imported> {
    let [number, entries, expired, first] = [0, 0, 0, 1]
    let batch: Operation[] = []
    let bytes = 0
    const write = async (): Promise<void> => {
      options.signal?.throwIfAborted()
      try {
        if (batch.length > 0) await this.#commit(batch, options, nothing)
      } catch (error) {
        throw new ImportError(first, 'the lines from here on could not be written', error)
      }
      entries += batch.length
      batch = []
      bytes = 0
      first = number + 1
    }
    for await (const line of lines) {
      number++
      if (line.trim() === '') continue
      const { key, value, expiresAtMs } = fromLine(line, number)
      if (expiresAtMs !== undefined && expiresAtMs <= this.#parts.clock.wallMs()) {
        expired++
        continue
      }
      const put = this.#imported(key, value, expiresAtMs, number)
      batch.push(put)
      bytes += key.length + put.value.length
      if (batch.length === IMPORT_BATCH_LINES || bytes >= IMPORT_BATCH_BYTES) await write()
    }
    await write()
    return { entries, expired }
  }

  /** Removes what is renewed, so that nobody has to wait for its end. A failing disk leaves that to the end itself. */
  async leave(): Promise<void> {
    const renewed = await this.#renewals.stopAll()
    const removes = renewed.filter(renewal => this.#shown(renewal)).map(({ key }) => this.#remove(key))
    for (let at = 0; at < removes.length; at += LEAVE_BATCH_KEYS) {
      const batch = removes.slice(at, at + LEAVE_BATCH_KEYS)
      await this.#parts.replica.commit(batch).catch(() => undefined)
    }
  }

  /** Not an async function: that would double what a single write waits for, and the garbage it leaves. */
  #commit<T>(
    operations: readonly Operation[],
    options: WriteOptions,
    answer: (results: readonly OperationResult[]) => T,
    onDurable?: (results: readonly OperationResult[]) => void
  ): Promise<T> {
    const all: CommitOptions = onDurable === undefined ? options : { ...options, onDurable }
    return this.#parts.replica.commit(operations, all).then(
      results => {
        this.#review(operations)
        return answer(results)
      },
      error => {
        this.#review(operations)
        throw error
      }
    )
  }

  /** Whatever became of these: a write that failed ends no renewal. */
  #review(operations: readonly Operation[]): void {
    if (this.#renewals.size === 0) return
    for (const { key } of operations) this.#renewals.review(key, renewal => this.#stands(renewal))
  }

  /** Writes a renewed value once more, if nobody else has written or removed the key. */
  async #renew(renewal: Renewal): Promise<Renewed | undefined> {
    const { replica, clock } = this.#parts
    const { key, bytes, ttlMs } = renewal
    if (!this.#stands(renewal)) return undefined
    const { stamp, expiresAtMs = renewal.expiresAtMs } = this.#shown(renewal) ?? renewal
    const entry = replica.entry(key)
    const expected = { version: entry && replica.versionOf(entry) }
    const endMs = Math.ceil(clock.wallMs() + ttlMs)
    try {
      const put = { type: 'put', key, value: bytes, expiresAtMs: endMs, expected } as const
      const [result] = await replica.commit([put])
      return result?.stamp === undefined
        ? undefined
        : { stamp: result.stamp, expiresAtMs: endMs, perhapsMs: undefined }
    } catch (error) {
      if ((error as Error).name !== 'IndeterminateWriteError') throw error
      return { stamp, expiresAtMs, perhapsMs: endMs }
    }
  }

  /**
   * Whether the write is still the newest of its key. While nothing could be written, or this process stood still, it may have
   * ended; that is nobody's doing, and it is written again.
   */
  #stands(renewal: Renewal): boolean {
    if (this.#shown(renewal) !== undefined) return true
    const { replica, clock } = this.#parts
    const entry = replica.entry(renewal.key)
    if (entry === undefined || clock.wallMs() < renewal.expiresAtMs) return false
    return greatestStamp(entry) === renewal.stamp
  }

  /** The dot of a renewed write, while it is the one that is shown. */
  #shown({ key, stamp, bytes, expiresAtMs, perhapsMs }: Renewal): Dot | undefined {
    const dot = this.#parts.view.dot(key)
    // Not by the replica's id, which changes with each opening of the store; and the repair of a clock gives the write another stamp.
    const ends = dot?.expiresAtMs
    const isOurs =
      dot?.stamp === stamp || (ends !== undefined && (ends === expiresAtMs || ends === perhapsMs))
    return dot !== undefined && isOurs && equalBytes(dot.value, bytes) ? dot : undefined
  }

  #assertRenewable(): void {
    const { renewalsMax } = this.#parts.limits
    if (this.#renewals.size + this.#starting >= renewalsMax) throw new RenewalLimitError(renewalsMax)
  }

  #imported(key: string, value: unknown, expiresAtMs: number | undefined, line: number): Put {
    try {
      const put = this.#put(key, value as V, undefined)
      return expiresAtMs === undefined ? put : { ...put, expiresAtMs }
    } catch (error) {
      throw new ImportError(line, error instanceof Error ? error.message : String(error), error)
    }
  }

  #remove(key: string): Operation {
    assertKey(key, this.#parts.limits.keyBytesMax)
    return { type: 'remove', key }
  }

  #put(key: string, value: V, ttlMs: number | undefined): Put {
    const { limits, validate, clock } = this.#parts
    assertKey(key, limits.keyBytesMax)
    if (ttlMs !== undefined && !(Number.isFinite(ttlMs) && ttlMs >= 1 && ttlMs <= TTL_MS_MAX)) {
      throw new RangeError(`ttlMs must be from 1 to ${TTL_MS_MAX}, got ${String(ttlMs)}`)
    }
    const valid = validate(key, value)
    // What is stored is judged again when it is read, so a schema that changes values has to accept what it makes of them.
    if (valid !== value) validate(key, valid)
    const put: Put = { type: 'put', key, value: this.#encode(key, valid) }
    return ttlMs === undefined ? put : { ...put, expiresAtMs: Math.ceil(clock.wallMs() + ttlMs) }
  }

  #encode(key: string, value: V): Uint8Array {
    const { valueBytesMax } = this.#parts.limits
    try {
      return encodeValue(value as Value, { bytesMax: valueBytesMax })
    } catch (error) {
      if (error instanceof UnencodableValueError && error.reason === 'tooLarge') {
        throw new ValueTooLargeError(key, valueBytesMax, error)
      }
      throw error
    }
  }
}

function changed(results: readonly OperationResult[]): boolean {
  return results[0]?.changed === true
}

function nothing(): void {}

function written(results: readonly OperationResult[]): Written {
  const { version, stamp } = results[0] as { version: string; stamp: bigint }
  return { version, stamp }
}
