import type { RangeContent } from './frame.ts'
import type { ItemRanges } from './item-ranges.ts'

type Kind = RangeContent['type']

/** A range that a record was sent about, by ranks of the sender. */
export interface AskedRange {
  readonly kind: Kind
  readonly from: number
  readonly to: number
  /** The items whose hashes a `confirm` has. */
  readonly items?: ItemRanges | undefined
}

/** What may come in answer to each kind of record. */
const ANSWERS: Readonly<Record<Kind, readonly Kind[]>> = {
  fingerprint: ['fingerprint', 'list'],
  list: ['answer'],
  answer: ['confirm'],
  confirm: ['confirmed'],
  confirmed: []
}

/**
 * The ranges of the frame that was sent last. The other side may speak of them and of nothing else: what it says of a fingerprint
 * may be about a part of the range, the rest is about the same one. So every range that is asked about again is a part of one that
 * was, with fewer of this side's items, and a session ends whatever the other side says.
 */
export class AskedRanges {
  readonly #ranges: AskedRange[] = []
  #at = 0

  /** Adds the range of a record that is sent, in ascending order. */
  add(range: AskedRange): void {
    this.#ranges.push(range)
  }

  /** The asked range that a record from rank `from` to rank `to` answers. Records come in ascending order as well. */
  find(kind: Kind, from: number, to: number): AskedRange | undefined {
    for (; this.#at < this.#ranges.length; this.#at++) {
      const asked = this.#ranges[this.#at] as AskedRange
      if (!ANSWERS[asked.kind].includes(kind)) continue
      const isPart = asked.from <= from && to <= asked.to
      const isSame = asked.from === from && to === asked.to
      if (isSame || (isPart && asked.kind === 'fingerprint')) return asked
    }
    return undefined
  }
}
