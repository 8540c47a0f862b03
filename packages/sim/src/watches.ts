/** Who watches whom. Both sides are kept in insertion order, so that notices leave in a repeatable order. */
export class Watches {
  readonly #watchers = new Map<number, Map<number, number>>()
  readonly #watched = new Map<number, Map<number, number>>()
  #attempts = 0

  /** Starts a watch and returns its attempt number, or `undefined` when it stood already. */
  add(watcher: number, peer: number): number | undefined {
    const watched = entry(this.#watched, watcher)
    if (watched.has(peer)) return undefined
    const attempt = this.#attempts++
    watched.set(peer, attempt)
    entry(this.#watchers, peer).set(watcher, attempt)
    return attempt
  }

  /** The attempt number of a standing watch: a notice for an earlier one is stale. */
  attempt(watcher: number, peer: number): number | undefined {
    return this.#watched.get(watcher)?.get(peer)
  }

  remove(watcher: number, peer: number): void {
    this.#watched.get(watcher)?.delete(peer)
    this.#watchers.get(peer)?.delete(watcher)
  }

  /** Ends everything that `watcher` watches. */
  removeWatcher(watcher: number): void {
    for (const peer of this.#watched.get(watcher)?.keys() ?? []) this.#watchers.get(peer)?.delete(watcher)
    this.#watched.delete(watcher)
  }

  watchersOf(peer: number): number[] {
    return [...(this.#watchers.get(peer)?.keys() ?? [])]
  }

  watchedBy(watcher: number): number[] {
    return [...(this.#watched.get(watcher)?.keys() ?? [])]
  }

  *pairs(): Generator<[watcher: number, peer: number]> {
    for (const [watcher, peers] of this.#watched) {
      for (const peer of peers.keys()) yield [watcher, peer]
    }
  }
}

function entry(map: Map<number, Map<number, number>>, key: number): Map<number, number> {
  let inner = map.get(key)
  if (inner === undefined) {
    inner = new Map()
    map.set(key, inner)
  }
  return inner
}
