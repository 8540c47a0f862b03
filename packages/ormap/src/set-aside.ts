import { ByteReader, ByteWriter } from '@starling/codec'
import {
  ROW_LIMITS,
  SET_ASIDE_BYTES_MAX,
  SET_ASIDE_MAX,
  SILENCE_MS,
  STALE_DOTS_MAX,
  STALE_SHARE
} from './config.ts'
import { hasLiveDot, isDot, winner } from './entry.ts'
import { StaleConflictError } from './errors.ts'
import { isExpired } from './expiry.ts'
import type { IngestChange } from './ingest.ts'
import { replicaIdBytes } from './replica-id.ts'
import type { Dot, Entry, Item, ReplicaId } from './types.ts'
import { decodeEntry, encodeEntry } from './wire.ts'

/**
 * What happens to a value that is taken away although no operation that took it away is at hand. `set-aside`: it is hidden
 * and kept for a while. `keep`: it is written again, as a new write of this replica.
 */
export type OnStale = 'set-aside' | 'keep'

/** A value that was taken away by an answer alone. */
export interface SetAsideDot {
  readonly key: string
  readonly dot: Dot
  /** When it was set aside, in wall ms since the epoch. */
  readonly setAsideMs: number
}

/** What to do about one change of a session. */
export type StaleOutcome =
  | {
      readonly type: 'apply'
      /** Rows to write in the batch with the change. */
      readonly setAside: readonly SetAsideDot[]
      /**
       * One of those, to put again, over the change, under a new own stamp; {@link SetAside.release} it once that is durable, or
       * {@link SetAside.leave} it when it cannot be written. Until then it takes nobody's room: wait for it before too many others.
       */
      readonly keep: SetAsideDot | undefined
      /** Values that were set aside longest ago and for which there is no room any more: their rows go. */
      readonly forgotten: readonly SetAsideDot[]
    }
  /** Apply neither this change nor any after it: the session ends, and `known` does not rise. */
  | { readonly type: 'stop'; readonly error: StaleConflictError }

const NOTHING_STALE: StaleOutcome = { type: 'apply', setAside: [], keep: undefined, forgotten: [] }

/** What one session has taken away by answers alone. When it is over and `count` is not 0, one event tells the owner. */
export interface StaleSession {
  /** How many values it may take away. */
  readonly max: number
  /** How many it has taken away. */
  count: number
  /** How many of those that were set aside longest ago had to go for them. */
  forgotten: number
}

/** How stale values are treated. */
export interface SetAsideInit {
  /** Default `set-aside`. */
  readonly onStale?: OnStale
  /** How long they are kept, in ms; default {@link SILENCE_MS}. */
  readonly keepMs?: number
  /** How many are kept; default {@link SET_ASIDE_MAX}. Beyond it a session stops until the owner has decided, then the oldest go. */
  readonly max?: number
  /** How many bytes those may have, their keys' characters included; default {@link SET_ASIDE_BYTES_MAX}. Beyond it as beyond `max`. */
  readonly bytesMax?: number
}

/**
 * The values of one map that were set aside, and the brake: a session that would take away more than 64 values, or one in a
 * hundred when that is more, stops, and so does every other that would take one away, until the owner has decided.
 */
export class SetAside {
  readonly #onStale: OnStale
  readonly #keepMs: number
  readonly #max: number
  readonly #bytesMax: number
  /** Oldest first. */
  readonly #dots = new Map<string, SetAsideDot>()
  /** Those that are being written again: they take no room, and none of them goes before it is safe. */
  readonly #keeping = new Set<string>()
  /** Of all but those. */
  #bytes = 0
  #conflict: StaleConflictError | undefined
  /** What the owner decided, until a session has run to its end. */
  #decided: OnStale | undefined

  constructor({
    onStale = 'set-aside',
    keepMs = SILENCE_MS,
    max = SET_ASIDE_MAX,
    bytesMax = SET_ASIDE_BYTES_MAX
  }: SetAsideInit = {}) {
    this.#onStale = onStale
    this.#keepMs = keepMs
    this.#max = max
    this.#bytesMax = bytesMax
  }

  /** How many values are set aside. */
  get size(): number {
    return this.#dots.size
  }

  /** Why sessions stop, until {@link SetAside.decide}. */
  get conflict(): StaleConflictError | undefined {
    return this.#conflict
  }

  /** The values that are set aside, those longest ago first. */
  stale(): readonly SetAsideDot[] {
    return [...this.#dots.values()]
  }

  /** A row that was loaded. Load them in the order of their times. */
  load(dot: SetAsideDot): void {
    this.#add(dot)
  }

  /** The owner has looked: the next session that runs to its end may take away as many values as it likes, in this manner. */
  decide(onStale: OnStale): void {
    this.#conflict = undefined
    this.#decided = onStale
  }

  /**
   * Forgets values that were set aside long enough ago, or, with a key, those of a key.
   *
   * @returns whose rows go.
   */
  forget(wallMs: number, key?: string): readonly SetAsideDot[] {
    const gone: SetAsideDot[] = []
    for (const [name, dot] of this.#dots) {
      if (key === undefined ? dot.setAsideMs + this.#keepMs > wallMs : dot.key !== key) continue
      this.#remove(name)
      gone.push(dot)
    }
    return gone
  }

  /** @param mapSize keys with a live value when the session starts. */
  startSession(mapSize: number): StaleSession {
    return { max: Math.max(STALE_DOTS_MAX, Math.floor(mapSize / STALE_SHARE)), count: 0, forgotten: 0 }
  }

  /**
   * Judges one change of a session before it is applied. A dot is stale when an answer takes it away and nothing that came with
   * the answer is newer than the dot: what is newer may be the operation that superseded it. A dot that has ended is not missed.
   *
   * @param previous the entry of the key before the change.
   * @param answered the replicas whose items in the received entry are answers ({@link Answer}) and not the peer's own items.
   * @param wallMs the local wall time in ms since the epoch.
   */
  take(
    session: StaleSession,
    change: Pick<IngestChange, 'key' | 'joined' | 'received'>,
    previous: Entry | undefined,
    answered: readonly ReplicaId[],
    wallMs: number
  ): StaleOutcome {
    if (answered.length === 0 || previous === undefined) return NOTHING_STALE
    const stale = staleDots(change, previous, answered).filter(dot => !isExpired(dot, wallMs))
    if (stale.length === 0) return NOTHING_STALE
    const count = session.count + stale.length
    // Where something else is live, an older value must not come back over it; of several, one write can keep only one.
    const keeps = (this.#decided ?? this.#onStale) === 'keep' && !hasLiveDot(change.joined)
    const best = keeps ? winner({ items: stale }) : undefined
    const isFull = this.#lacksRoom(stale.filter(dot => dot !== best).map(dot => sizeOf(change.key, dot)))
    const within = this.#conflict === undefined && count <= session.max && !isFull
    if (this.#decided === undefined && !within) {
      this.#conflict ??= new StaleConflictError(session.max, isFull ? this.#counted : undefined)
      return { type: 'stop', error: this.#conflict }
    }
    session.count = count
    // Copies: a value that is a view keeps the whole slab that it is on alive.
    const keptAside = ({ value, ...dot }: Dot): SetAsideDot => ({
      key: change.key,
      dot: { ...dot, value: new Uint8Array(value) },
      // A clock may count in fractions; what is stored is whole.
      setAsideMs: Math.floor(wallMs)
    })
    const setAside = stale.map(keptAside)
    const keep = best && setAside[stale.indexOf(best)]
    for (const dot of setAside) this.#add(dot, dot === keep)
    const forgotten = this.#forgetOldest()
    session.forgotten += forgotten.length
    return { type: 'apply', setAside, keep, forgotten }
  }

  /** A value that was to be kept has been written again: it is set aside no more. */
  release(dot: SetAsideDot): void {
    this.#remove(nameOf(dot))
  }

  /** A value that was to be kept could not be written: it is one of those that are set aside. */
  leave(dot: SetAsideDot): void {
    if (this.#keeping.delete(nameOf(dot))) this.#bytes += sizeOf(dot.key, dot.dot)
  }

  /** A session ran to its end: what the owner decided has been carried out. */
  completeSession(): void {
    if (this.#conflict === undefined) this.#decided = undefined
  }

  /** Values that are set aside and not being written again. */
  get #counted(): number {
    return this.#dots.size - this.#keeping.size
  }

  #lacksRoom(sizes: readonly number[] = []): boolean {
    const bytes = sizes.reduce((sum, size) => sum + size, this.#bytes)
    return this.#counted + sizes.length > this.#max || bytes > this.#bytesMax
  }

  #forgetOldest(): readonly SetAsideDot[] {
    const gone: SetAsideDot[] = []
    for (const [name, dot] of this.#dots) {
      if (!this.#lacksRoom()) break
      if (this.#keeping.has(name)) continue
      this.#remove(name)
      gone.push(dot)
    }
    return gone
  }

  #add(dot: SetAsideDot, keeping = false): void {
    const name = nameOf(dot)
    this.#remove(name)
    this.#dots.set(name, dot)
    if (keeping) this.#keeping.add(name)
    else this.#bytes += sizeOf(dot.key, dot.dot)
  }

  #remove(name: string): void {
    const dot = this.#dots.get(name)
    if (dot === undefined) return
    this.#dots.delete(name)
    if (!this.#keeping.delete(name)) this.#bytes -= sizeOf(dot.key, dot.dot)
  }
}

/** The live dots of `previous` that the change takes away by an answer alone. */
function staleDots(
  { joined, received }: Pick<IngestChange, 'joined' | 'received'>,
  previous: Entry,
  answered: readonly ReplicaId[]
): readonly Dot[] {
  return previous.items.filter(
    (item): item is Dot =>
      isDot(item) &&
      answered.includes(item.replica) &&
      joined.items.some(other => other.replica === item.replica && other.value === undefined) &&
      !received.items.some(other => other.stamp > item.stamp && !answered.includes(other.replica))
  )
}

/** The row of a value that is set aside: its key in the store, which orders by nothing in particular, and its bytes. */
export function encodeSetAside({ key, dot, setAsideMs }: SetAsideDot): {
  readonly rowKey: Uint8Array
  readonly bytes: Uint8Array
} {
  const entry = encodeEntry(key, { items: [dot] })
  const rowKey = new ByteWriter().raw(replicaIdBytes(dot.replica)).u64(dot.stamp).string(key).finish()
  return { rowKey, bytes: new ByteWriter(entry.length + 16).varint(setAsideMs).raw(entry).finish() }
}

/**
 * The value in a row.
 *
 * @throws DecodeError when it is no such row.
 */
export function decodeSetAside(bytes: Uint8Array): SetAsideDot {
  const reader = new ByteReader(bytes)
  const setAsideMs = reader.varint()
  const { key, entry } = decodeEntry(reader.rest(), ROW_LIMITS)
  const dot: Item | undefined = entry.items[0]
  if (dot === undefined || !isDot(dot) || entry.items.length > 1)
    return reader.fail('invalid', 'one dot is set aside')
  return { key, dot, setAsideMs }
}

function sizeOf(key: string, { value }: Dot): number {
  return key.length + value.length
}

function nameOf({ key, dot }: SetAsideDot): string {
  return `${dot.replica}${dot.stamp}/${key}`
}
