import { encodeValue, equalBytes, UnencodableValueError, type Value } from '@starling/codec'
import type { Clock, Timers } from '@starling/ports'
import type { Operation, OperationResult, Replica } from '@starling/replica'
import { IMPORT_BATCH_LINES, TTL_MS_MAX, type MapLimits } from './config.ts'
import { ImportError, RenewalLimitError, ValueTooLargeError } from './errors.ts'
import { assertKey } from './key.ts'
import { fromLine } from './lines.ts'
import { Renewals, type Renewal } from './renewals.ts'
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

  constructor(parts: WriterParts<V>) {
    this.#parts = parts
    this.#renewals = new Renewals(parts.clock, parts.timers, renewal => this.#renew(renewal))
  }

  get renewals(): number {
    return this.#renewals.size
  }

  async set(
    key: string,
    value: V,
    options: SetOptions,
    expected?: { readonly version: string | undefined }
  ): Promise<Written> {
    const { ttlMs, renew = false } = options
    const put = this.#put(key, value, ttlMs)
    if (renew && ttlMs === undefined) throw new TypeError('renew needs ttlMs')
    if (renew && !this.#renewals.has(key)) this.#assertRenewable()
    const operation: Put = expected === undefined ? put : { ...put, expected }
    const committed = this.#commit([operation], options)
    if (!renew || ttlMs === undefined) return written(await committed)
    try {
      return written(await committed)
    } finally {
      // Also after a wait for other nodes that was in vain: the write stays, and so does its renewal.
      const dot = this.#parts.view.dot(key)
      if (dot !== undefined && equalBytes(dot.value, put.value)) {
        this.#renewals.start({ key, ttlMs, bytes: put.value, stamp: dot.stamp })
      }
    }
  }

  async delete(key: string, options: WriteOptions): Promise<boolean> {
    const [result] = await this.#commit([this.#remove(key)], options)
    return result?.changed === true
  }

  async batch(operations: readonly BatchOperation<V>[], options: WriteOptions): Promise<void> {
    const commit = operations.map((operation): Operation => {
      if (operation.type === 'set') return this.#put(operation.key, operation.value, operation.ttlMs)
      if (operation.type !== 'delete') throw new TypeError("an operation's type must be 'set' or 'delete'")
      return this.#remove(operation.key)
    })
    await this.#commit(commit, options)
  }

  async import(lines: Iterable<string> | AsyncIterable<string>, options: WriteOptions): Promise<Imported> {
    let [number, entries, expired, first] = [0, 0, 0, 1]
    let batch: Operation[] = []
    const write = async (): Promise<void> => {
      options.signal?.throwIfAborted()
      try {
        if (batch.length > 0) await this.#commit(batch, options)
      } catch (error) {
        throw new ImportError(first, 'the lines from here on could not be written', error)
      }
      entries += batch.length
      batch = []
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
      batch.push(this.#imported(key, value, expiresAtMs, number))
      if (batch.length === IMPORT_BATCH_LINES) await write()
    }
    await write()
    return { entries, expired }
  }

  /** Removes what is renewed, so that nobody has to wait for its end. A failing disk leaves that to the end itself. */
  async leave(): Promise<void> {
    const renewed = await this.#renewals.stopAll()
    const removes = renewed.filter(renewal => this.#isShown(renewal)).map(({ key }) => this.#remove(key))
    if (removes.length > 0) await this.#parts.replica.commit(removes).catch(() => undefined)
  }

  async #commit(
    operations: readonly Operation[],
    options: WriteOptions
  ): Promise<readonly OperationResult[]> {
    const { replicas, timeoutMs, signal } = options
    const committed = this.#parts.replica.commit(operations, {
      ...(replicas === undefined ? {} : { replicas }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal })
    })
    for (const { key } of operations) this.#renewals.stop(key)
    return await committed
  }

  /** Writes a renewed value once more, if it is still the one that is shown. */
  async #renew(renewal: Renewal): Promise<bigint | undefined> {
    const { replica, view, clock } = this.#parts
    const { key, bytes, ttlMs } = renewal
    const entry = view.entry(key)
    if (entry === undefined || !this.#isShown(renewal)) return undefined
    const expected = { version: replica.versionOf(entry) }
    const expiresAtMs = Math.ceil(clock.wallMs() + ttlMs)
    const [result] = await replica.commit([{ type: 'put', key, value: bytes, expiresAtMs, expected }])
    return result?.stamp
  }

  #isShown({ key, stamp, bytes }: Renewal): boolean {
    const dot = this.#parts.view.dot(key)
    // Not by the replica's id alone, which changes with each opening of the store.
    return dot !== undefined && dot.stamp === stamp && equalBytes(dot.value, bytes)
  }

  #assertRenewable(): void {
    const { renewalsMax } = this.#parts.limits
    if (this.#renewals.size >= renewalsMax) throw new RenewalLimitError(renewalsMax)
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

function written(results: readonly OperationResult[]): Written {
  const { version, stamp } = results[0] as { version: string; stamp: bigint }
  return { version, stamp }
}
