import { assertText } from './key.ts'
import type { SortedKeys } from './sorted-keys.ts'
import type { RangeOptions } from './types.ts'

/** Bounds of a range, checked. */
interface Bounds {
  readonly from: string
  readonly fromIncluded: boolean
  readonly to: string | undefined
  readonly toIncluded: boolean
  readonly prefix: string
}

/**
 * The keys of a range, in order. Each step finds its place anew, so changes made meanwhile do no harm: they are seen when they
 * lie ahead.
 *
 * @throws TypeError for bounds that are no strings, or two of one side.
 */
export function rangeKeys(sorted: SortedKeys, options: RangeOptions): Generator<string, undefined> {
  const bounds = boundsOf(options)
  return options.reverse === true ? backwards(sorted, bounds) : forwards(sorted, bounds)
}

function* forwards(sorted: SortedKeys, bounds: Bounds): Generator<string, undefined> {
  let { from, fromIncluded: including } = bounds
  if (bounds.prefix > from) [from, including] = [bounds.prefix, true]
  for (;;) {
    const key = sorted.next(from, including)
    if (key === undefined || !isBelow(key, bounds) || !key.startsWith(bounds.prefix)) return
    yield key
    ;[from, including] = [key, false]
  }
}

function* backwards(sorted: SortedKeys, bounds: Bounds): Generator<string, undefined> {
  let [from, including] = [bounds.to, bounds.toIncluded]
  const end = endOfPrefix(bounds.prefix)
  if (end !== undefined && (from === undefined || end <= from)) [from, including] = [end, false]
  for (;;) {
    const key = sorted.previous(from, including)
    if (key === undefined || !isAbove(key, bounds) || !key.startsWith(bounds.prefix)) return
    yield key
    ;[from, including] = [key, false]
  }
}

function isBelow(key: string, { to, toIncluded }: Bounds): boolean {
  return to === undefined || key < to || (toIncluded && key === to)
}

function isAbove(key: string, { from, fromIncluded }: Bounds): boolean {
  return key > from || (fromIncluded && key === from)
}

/** The least string above all that begin with `prefix`; `undefined` when there is none. */
function endOfPrefix(prefix: string): string | undefined {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const unit = prefix.charCodeAt(at)
    if (unit < 0xffff) return prefix.slice(0, at) + String.fromCharCode(unit + 1)
  }
  return undefined
}

function boundsOf({ prefix = '', gte, gt, lt, lte }: RangeOptions): Bounds {
  for (const bound of [prefix, gte, gt, lt, lte]) if (bound !== undefined) assertText(bound)
  if (gte !== undefined && gt !== undefined) throw new TypeError('a range has either gte or gt')
  if (lte !== undefined && lt !== undefined) throw new TypeError('a range has either lte or lt')
  return {
    from: gt ?? gte ?? '',
    fromIncluded: gt === undefined,
    to: lt ?? lte,
    toIncluded: lt === undefined,
    prefix
  }
}
