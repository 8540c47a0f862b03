import { decodeValue, DecodeError } from '@starling/codec'
import { liveDots, winner, type Entry, type Item } from '@starling/ormap'
import type { Change } from '@starling/replica'
import { SchemaError } from './errors.ts'
import type { Validate } from './schema.ts'

/**
 * What the map knows beside its entries: which keys are not shown, and how many bytes there are. Entries that cannot be shown
 * are kept, synced and forwarded like all others, or nodes with different schemas would never agree.
 */
export class Projection<V> {
  /** Keys whose winning value the schema or the codec refuses. */
  readonly hidden: Set<string> = new Set()
  readonly #validate: Validate<V> | undefined
  #bytes = 0

  /** @param validate the map's schema, if it has one. */
  constructor(validate: Validate<V> | undefined) {
    this.#validate = validate
  }

  /** Characters of all live keys, and bytes of all live values. */
  get bytes(): number {
    return this.#bytes
  }

  /** The part of one key in {@link bytes}. */
  bytesOf(key: string, entry: Entry): number {
    const dots = liveDots(entry)
    if (dots.length === 0) return 0
    return dots.reduce((sum, item) => sum + (item.value?.length ?? 0), key.length)
  }

  /** Follows a change of the state. */
  apply({ key, previous, entry }: Change): void {
    this.#bytes += this.bytesOf(key, entry)
    if (previous !== undefined) this.#bytes -= this.bytesOf(key, previous)
    const item = winner(entry)
    // Without a schema nothing can be refused: values were checked when their entry was decoded.
    if (this.#validate === undefined) return
    if (item === undefined) this.hidden.delete(key)
    else if (previous === undefined || winner(previous) !== item) this.#judge(key, item)
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

  #judge(key: string, item: Item): void {
    if (this.decode(key, item) === undefined) this.hidden.add(key)
    else this.hidden.delete(key)
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof DecodeError || error instanceof SchemaError || error instanceof TypeError
}
