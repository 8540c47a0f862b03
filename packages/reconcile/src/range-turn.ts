import { DecodeError, equalBytes } from '@starling/codec'
import { AskedRanges, type AskedRange } from './asked-ranges.ts'
import type { Bound } from './bound.ts'
import { ITEMS_PER_PART, LIST_ITEMS_MAX, PARTS_MAX } from './config.ts'
import type { FingerprintTree } from './fingerprint-tree.ts'
import { ITEM_HASH_BYTES, WIRE_FINGERPRINT_BYTES } from './fingerprint.ts'
import { Flags } from './flags.ts'
import type { RangeRecord, Slice } from './frame.ts'
import { ItemRanges } from './item-ranges.ts'
import type { RangeDigest } from './range-digest.ts'
import { RangesWriter } from './write-frame.ts'

/** How much of a hash a list has. */
const PREFIX_BYTES = 4

type RecordOf<Type extends RangeRecord['type']> = Extract<RangeRecord, { type: Type }>

/** One turn of a session: takes the records of one frame and writes those of the answer. */
export class RangeTurn {
  readonly #tree: FingerprintTree
  readonly #digest: RangeDigest
  readonly #writer: RangesWriter
  /** What the answer asks about. */
  readonly asked: AskedRanges = new AskedRanges()
  /** Items the other side lacks. */
  readonly have: ItemRanges
  #need = 0

  constructor(tree: FingerprintTree, digest: RangeDigest, bytesMax: number) {
    this.#tree = tree
    this.#digest = digest
    this.#writer = new RangesWriter(bytesMax)
    this.have = new ItemRanges(tree)
  }

  /** How many items this side lacks. */
  get need(): number {
    return this.#need
  }

  /** Whether there is nothing to say. */
  get isEmpty(): boolean {
    return this.#writer.count === 0
  }

  /** Whether there was more to say than fits. */
  get truncated(): boolean {
    return this.#writer.truncated
  }

  /** The frame. */
  finish(slice: Slice | undefined): Uint8Array {
    return this.#writer.finish(slice)
  }

  /**
   * Takes a record about the items from rank `from` to rank `to` of this side; `items` are those that were to be confirmed.
   *
   * @throws DecodeError when it cannot be about them.
   */
  handle(record: RangeRecord, { from, to, items }: Omit<AskedRange, 'kind'>): void {
    switch (record.type) {
      case 'fingerprint':
        return this.#onFingerprint(record, from, to)
      case 'list':
        return this.#onList(record, from, to)
      case 'answer':
        return this.#onAnswer(record, from, to)
      case 'confirm':
        return this.#onConfirm(record, from, to)
      case 'confirmed':
        return this.#onConfirmed(record, items ?? new ItemRanges(this.#tree))
    }
  }

  #onFingerprint({ lower, upper, fingerprint }: RecordOf<'fingerprint'>, from: number, to: number): void {
    if (equalBytes(fingerprint, this.#digest.range(from, to))) return
    const count = to - from
    if (count <= LIST_ITEMS_MAX) {
      if (!this.#writer.fits(count * 4)) return
      this.#add({ type: 'list', lower, upper, prefixes: this.#tree.prefixes(from, to) }, from, to)
      return
    }
    const parts = Math.min(PARTS_MAX, Math.ceil(Math.sqrt(count / ITEMS_PER_PART)))
    let begin = from
    let lowerOfPart: Bound = lower
    for (let part = 1; part <= parts; part++) {
      if (!this.#writer.fits(WIRE_FINGERPRINT_BYTES)) return
      const end = from + Math.floor((part * count) / parts)
      const upperOfPart = part === parts ? upper : this.#tree.boundAt(end)
      const ours = this.#digest.range(begin, end)
      this.#add(
        { type: 'fingerprint', lower: lowerOfPart, upper: upperOfPart, fingerprint: ours },
        begin,
        end
      )
      begin = end
      lowerOfPart = upperOfPart
    }
  }

  #onList({ lower, upper, prefixes }: RecordOf<'list'>, from: number, to: number): void {
    if (!this.#writer.fits(prefixes.length / 8 + WIRE_FINGERPRINT_BYTES)) return
    const listed = new Set(prefixes)
    const shared = new Set<number>()
    const common = new ItemRanges(this.#tree)
    const ours = this.#tree.prefixes(from, to)
    for (let i = 0; i < ours.length; i++) {
      const prefix = ours[i] as number
      const isShared = listed.has(prefix)
      if (isShared) shared.add(prefix)
      ;(isShared ? common : this.have).add(from + i, from + i + 1)
    }
    const lacks = new Flags(prefixes.length)
    prefixes.forEach((prefix, i) => {
      if (!shared.has(prefix)) lacks.set(i)
    })
    this.#need += lacks.total
    const extra = ours.length - common.count
    // Four bytes may be equal by chance, or by malice: the lister sees by this whether all of the hashes are.
    const fingerprint = common.count === 0 ? undefined : this.#digest.hashes(common.hashes())
    this.#add({ type: 'answer', lower, upper, lacks, extra, common: fingerprint }, from, to)
  }

  #onAnswer({ lower, upper, lacks, extra, common }: RecordOf<'answer'>, from: number, to: number): void {
    checkCount(lacks, to - from)
    const shared = new ItemRanges(this.#tree)
    for (let i = 0; i < lacks.count; i++) (lacks.has(i) ? this.have : shared).add(from + i, from + i + 1)
    this.#need += extra
    if (common === undefined) return
    const hashes = shared.hashes()
    if (equalBytes(common, this.#digest.hashes(hashes)) || !this.#writer.fits(hashes.length)) return
    this.#add({ type: 'confirm', lower, upper, hashes }, from, to, shared)
  }

  #onConfirm({ lower, upper, hashes }: RecordOf<'confirm'>, from: number, to: number): void {
    const count = hashes.length / ITEM_HASH_BYTES
    if (!this.#writer.fits(count / 8)) return
    const theirs = Array.from({ length: count }, (_, i) => textOf(hashes, i * ITEM_HASH_BYTES))
    const listed = new Set(theirs)
    const prefixes = new Set(theirs.map(text => text.slice(0, PREFIX_BYTES)))
    const shared = new Set<string>()
    let extra = 0
    const ours = this.#tree.prefixes(from, to)
    for (let i = 0; i < ours.length; i++) {
      if (!prefixes.has(textOfPrefix(ours[i] as number))) continue
      const text = textOf(this.#tree.hashes(from + i, from + i + 1), 0)
      if (listed.has(text)) shared.add(text)
      else {
        extra++
        this.have.add(from + i, from + i + 1)
      }
    }
    const lacks = new Flags(count)
    theirs.forEach((text, i) => {
      if (!shared.has(text)) lacks.set(i)
    })
    this.#need += lacks.total
    this.#add({ type: 'confirmed', lower, upper, lacks, extra }, from, to)
  }

  #onConfirmed({ lacks, extra }: RecordOf<'confirmed'>, confirmed: ItemRanges): void {
    checkCount(lacks, confirmed.count)
    let i = 0
    for (const rank of confirmed.ranks()) if (lacks.has(i++)) this.have.add(rank, rank + 1)
    this.#need += extra
  }

  #add(record: RangeRecord, from: number, to: number, items?: ItemRanges): void {
    this.#writer.add(record)
    this.asked.add({ kind: record.type, from, to, items })
  }
}

function checkCount(flags: Flags, count: number): void {
  if (flags.count === count) return
  throw new DecodeError('invalid', 0, `an answer of ${flags.count} for ${count} items`)
}

/** 32 bytes as a text of as many characters, to be a member of a set. */
function textOf(hashes: Uint8Array, at: number): string {
  return String.fromCharCode(...hashes.subarray(at, at + ITEM_HASH_BYTES))
}

function textOfPrefix(prefix: number): string {
  return String.fromCharCode(prefix >>> 24, (prefix >>> 16) & 0xff, (prefix >>> 8) & 0xff, prefix & 0xff)
}
