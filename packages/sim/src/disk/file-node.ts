import type { Random } from '@starling/ports'

/** A change of a file that has not been synced. Bytes are never changed once they are in here. */
export type DataOperation =
  | { readonly type: 'write'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly type: 'truncate'; readonly size: number }

/** How much of one operation a power cut left. */
export type Remainder =
  | { readonly type: 'nothing' }
  | { readonly type: 'whole' }
  /** The file grew, its new bytes are zeros: the size reached the disk before the data. */
  | { readonly type: 'zeros' }
  /** The bytes from `from` up to `to`, offsets in the file. */
  | { readonly type: 'part'; readonly from: number; readonly to: number }

const SECTOR_BYTES = 512
const PAGE_BYTES = 4096

/** A file: what the disk holds, and what was done to it since. */
export class FileNode {
  readonly id: number
  /** What a power cut leaves when it keeps nothing else. Replaced, never changed. */
  durable: Uint8Array
  /** Unsynced operations, oldest first. */
  pending: DataOperation[] = []
  #content: Uint8Array
  #size: number

  constructor(id: number, content: Uint8Array = new Uint8Array(0)) {
    this.id = id
    this.durable = content
    this.#content = content.slice()
    this.#size = content.length
  }

  get size(): number {
    return this.#size
  }

  /** What readers see. A view: copy it before the next change. */
  get content(): Uint8Array {
    return this.#content.subarray(0, this.#size)
  }

  apply(operation: DataOperation): void {
    this.pending.push(operation)
    this.#change(operation)
  }

  /** Changes what readers see and nothing else: the page cache holds what the disk never got. */
  applyUnwritten(operation: DataOperation): void {
    this.#change(operation)
  }

  /** Everything unsynced reaches the disk. */
  sync(): void {
    for (const operation of this.pending) this.durable = keep(this.durable, operation, { type: 'whole' })
    this.pending = []
  }

  /** The sync failed: a drawn part reached the disk, the rest is marked clean and never will. Readers still see it. */
  dropPending(random: Random): void {
    for (const operation of this.pending) {
      this.durable = keep(this.durable, operation, drawRemainder(this.durable.length, operation, random))
    }
    this.pending = []
  }

  /** Damages what is stored, on the disk and in memory alike, and what is still to be written there. */
  damage(at: number, change: (byte: number, index: number) => number, length: number): void {
    const damaged = (bytes: Uint8Array, start: number): Uint8Array => {
      const out = bytes.slice()
      for (let i = Math.max(0, start - at); i < length && at + i < start + out.length; i++) {
        out[at + i - start] = change(out[at + i - start] as number, i)
      }
      return out
    }
    this.durable = damaged(this.durable, 0)
    this.pending = this.pending.map(one =>
      one.type === 'write' ? { type: 'write', at: one.at, bytes: damaged(one.bytes, one.at) } : one
    )
    this.#content.set(damaged(this.content, 0))
  }

  #change(operation: DataOperation): void {
    const size =
      operation.type === 'truncate'
        ? operation.size
        : Math.max(this.#size, operation.at + operation.bytes.length)
    if (size > this.#content.length) {
      const grown = new Uint8Array(Math.max(size, this.#content.length * 2))
      grown.set(this.content)
      this.#content = grown
    }
    if (size < this.#size) this.#content.fill(0, size, this.#size)
    this.#size = size
    if (operation.type === 'write') this.#content.set(operation.bytes, operation.at)
  }
}

/** The content after as much of the operation as remains; `content` itself when nothing does. */
export function keep(content: Uint8Array, operation: DataOperation, remainder: Remainder): Uint8Array {
  if (remainder.type === 'nothing') return content
  if (operation.type === 'truncate') return resized(content, operation.size)
  const end = operation.at + operation.bytes.length
  const to = remainder.type === 'part' ? remainder.to : end
  const out = resized(content, Math.max(content.length, to))
  if (remainder.type === 'zeros') return out
  const from = remainder.type === 'part' ? remainder.from : operation.at
  out.set(operation.bytes.subarray(from - operation.at, to - operation.at), from)
  return out
}

/**
 * Every way in which an operation is kept or torn that the exhaustive mode tries: not at all, whole, grown without its
 * data, cut at the sectors and pages it crosses (the first and last of each), cut at three odd offsets, and, where it
 * overwrites, without its first sector.
 */
export function remainders(size: number, operation: DataOperation): readonly Remainder[] {
  const found: Remainder[] = [{ type: 'nothing' }, { type: 'whole' }]
  if (operation.type === 'truncate') return found
  const from = operation.at
  const end = from + operation.bytes.length
  if (end > size) found.push({ type: 'zeros' })
  const cuts = new Set<number>([from + 1, from + ((operation.bytes.length >> 1) | 1), end - 1])
  for (const unit of [SECTOR_BYTES, PAGE_BYTES]) {
    cuts.add((Math.floor(from / unit) + 1) * unit)
    cuts.add(Math.floor((end - 1) / unit) * unit)
  }
  for (const to of cuts) if (to > from && to < end) found.push({ type: 'part', from, to })
  const boundary = (Math.floor(from / SECTOR_BYTES) + 1) * SECTOR_BYTES
  if (from < size && boundary < end) found.push({ type: 'part', from: boundary, to: end })
  return found
}

/** One way at random: a half of all operations are not torn. */
export function drawRemainder(size: number, operation: DataOperation, random: Random): Remainder {
  const draw = random.below(8)
  if (draw < 2) return { type: 'nothing' }
  if (draw < 4 || operation.type === 'truncate' || operation.bytes.length < 2) return { type: 'whole' }
  const from = operation.at
  const end = from + operation.bytes.length
  if (draw === 4 && end > size) return { type: 'zeros' }
  const unit = [1, SECTOR_BYTES, PAGE_BYTES][random.below(3)] as number
  const first = Math.floor(from / unit) + 1
  const last = Math.floor((end - 1) / unit)
  if (last < first) return { type: 'whole' }
  const cut = (first + random.below(last - first + 1)) * unit
  const later = unit > 1 && from < size && random.below(4) === 0
  return later ? { type: 'part', from: cut, to: end } : { type: 'part', from, to: cut }
}

function resized(content: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size)
  out.set(content.length > size ? content.subarray(0, size) : content)
  return out
}
