/** Keys of one chunk; beyond it a chunk is cut in two. Guess: moving 512 references costs less than finding the place. */
const CHUNK_KEYS_MAX = 1024

/**
 * Keys in the order of their UTF-16 code units, as `<` compares strings: chunks of at most 1,024 keys, so that adding one moves
 * few others.
 */
export class SortedKeys {
  readonly #chunks: string[][] = []

  /** @param keys in any order, each once. */
  constructor(keys: Iterable<string> = []) {
    const sorted = [...keys].sort()
    for (let at = 0; at < sorted.length; at += CHUNK_KEYS_MAX / 2) {
      this.#chunks.push(sorted.slice(at, at + CHUNK_KEYS_MAX / 2))
    }
  }

  /** Does nothing when the key is there. */
  add(key: string): void {
    const number = this.#chunkOf(key)
    const chunk = this.#chunks[number]
    if (chunk === undefined) {
      this.#chunks.push([key])
      return
    }
    const at = lowerBound(chunk, key)
    if (chunk[at] === key) return
    chunk.splice(at, 0, key)
    if (chunk.length > CHUNK_KEYS_MAX) this.#chunks.splice(number + 1, 0, chunk.splice(CHUNK_KEYS_MAX / 2))
  }

  /** Does nothing when the key is not there. */
  delete(key: string): void {
    const number = this.#chunkOf(key)
    const chunk = this.#chunks[number]
    if (chunk === undefined) return
    const at = lowerBound(chunk, key)
    if (chunk[at] !== key) return
    chunk.splice(at, 1)
    if (chunk.length === 0) this.#chunks.splice(number, 1)
  }

  /** The first key at or after `from`, or strictly after it; `undefined` when there is none. */
  next(from: string, including: boolean): string | undefined {
    const number = this.#chunkOf(from)
    const chunk = this.#chunks[number]
    if (chunk === undefined) return undefined
    let at = lowerBound(chunk, from)
    if (!including && chunk[at] === from) at++
    return chunk[at] ?? this.#chunks[number + 1]?.[0]
  }

  /** The last key at or before `from`, or strictly before it; the last of all for no `from`. */
  previous(from: string | undefined, including: boolean): string | undefined {
    if (from === undefined) return this.#chunks.at(-1)?.at(-1)
    const number = this.#chunkOf(from)
    const chunk = this.#chunks[number]
    if (chunk === undefined) return undefined
    const at = lowerBound(chunk, from)
    if (including && chunk[at] === from) return from
    return at > 0 ? chunk[at - 1] : this.#chunks[number - 1]?.at(-1)
  }

  /** The chunk a key is in or belongs into: the last that begins at or before it, else the first. */
  #chunkOf(key: string): number {
    let [low, high] = [0, this.#chunks.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#chunks[middle]?.[0] as string) <= key) low = middle
      else high = middle - 1
    }
    return low
  }
}

function lowerBound(sorted: readonly string[], key: string): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}
