import { decodeValue, DecodeError } from '@starling/codec'
import { hasLiveDot, type Entry, type Item } from '@starling/ormap'
import type { Clock } from '@starling/ports'
import type { Change } from '@starling/replica'
import { SchemaError } from './errors.ts'
import type { Validate } from './schema.ts'
import { SortedKeys } from './sorted-keys.ts'
import { shownDot, visibleDots } from './visible.ts'

/**
 * What the map knows beside its entries: which keys are not shown, how many bytes there are, and the order of the keys once
 * somebody asked for it. Entries that cannot be shown are kept, synced and forwarded like all others, or nodes with different
 * schemas would never agree.
 */
export class Projection<V> {
  /** Keys whose winning value the schema or the codec refuses. */
  readonly hidden: Set<string> = new Set()
  /** Keys whose live values have all ended, as of the newest change of each. */
  readonly ended: Set<string> = new Set()
  /** Keys that show several live values. */
  readonly conflicting: Set<string> = new Set()
  readonly #validate: Validate<V> | undefined
  readonly #clock: Clock
  #bytes = 0
  #sorted: SortedKeys | undefined

  /** @param validate the map's schema, if it has one. */
  constructor(validate: Validate<V> | undefined, clock: Clock) {
    this.#validate = validate
    this.#clock = clock
  }

  /** Characters of all live keys, and bytes of all live values. */
  get bytes(): number {
    return this.#bytes
  }

  /** Keys with a live value in order. @param keys all of them, read when the order is first asked for. */
  sorted(keys: () => Iterable<string>): SortedKeys {
    return (this.#sorted ??= new SortedKeys(keys()))
  }

  /** Follows a change of the state, or the end of a value. */
  apply({ key, previous, entry }: Change): void {
    const live = bytesOf(key, entry)
    this.#bytes += live - bytesOf(key, previous)
    if (live > 0) this.#sorted?.add(key)
    else this.#sorted?.delete(key)
    const shown = shownDot(entry, this.#clock)
    if (shown === undefined && live > 0) this.ended.add(key)
    else this.ended.delete(key)
    if (entry.items.length > 1 && visibleDots(entry, this.#clock) > 1) this.conflicting.add(key)
    else if (this.conflicting.size > 0) this.conflicting.delete(key)
    // Without a schema nothing can be refused: values were checked when their entry was decoded.
    if (this.#validate === undefined) return
    if (shown !== undefined && this.decode(key, shown) === undefined) this.hidden.add(key)
    else this.hidden.delete(key)
  }

  /** A fresh copy of the value of a live item, or `undefined` when it must not be shown. */
  decode(key: string, item: Item): V | undefined {
    if (item.value === undefined) return undefined
    try {
      const value = decodeValue(item.value, { bytesMax: item.value.length })
      this.#validate?.(key, value)
      return value as V
    } catch (error) {
      if (isRefusal(error)) return undefined
      throw error
    }
  }
}

/** Characters of the key, at least one, and bytes of the live values; 0 without a live value. */
function bytesOf(key: string, entry: Entry | undefined): number {
  if (entry === undefined || !hasLiveDot(entry)) return 0
  let bytes = key.length
  for (const { value } of entry.items) if (value !== undefined) bytes += value.length
  return bytes
}

function isRefusal(error: unknown): boolean {
  return error instanceof DecodeError || error instanceof SchemaError || error instanceof TypeError
}
