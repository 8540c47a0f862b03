const CAPACITY_FIRST = 1024

/**
 * A priority queue keyed by (time, order of insertion): a four-way heap whose keys lie in typed arrays, so that a
 * comparison touches no object. Events of the same time leave in the order in which they were pushed.
 */
export class EventQueue<T> {
  #times = new Float64Array(CAPACITY_FIRST)
  #sequences = new Float64Array(CAPACITY_FIRST)
  #items: (T | undefined)[] = []
  #size = 0
  #sequence = 0

  /** Events waiting. */
  get size(): number {
    return this.#size
  }

  /** The time of the next event, or `Infinity` when there is none. */
  get nextTime(): number {
    return this.#size === 0 ? Infinity : (this.#times[0] as number)
  }

  push(time: number, item: T): void {
    if (this.#size === this.#times.length) this.#grow()
    const sequence = this.#sequence++
    let hole = this.#size++
    while (hole > 0) {
      const parent = (hole - 1) >> 2
      // The new event has the greatest sequence, so an equal time keeps the parent in front.
      if ((this.#times[parent] as number) <= time) break
      this.#move(parent, hole)
      hole = parent
    }
    this.#put(hole, time, sequence, item)
  }

  /** Removes and returns the event with the least (time, sequence). */
  pop(): T | undefined {
    if (this.#size === 0) return undefined
    const first = this.#items[0]
    const last = --this.#size
    const time = this.#times[last] as number
    const sequence = this.#sequences[last] as number
    const item = this.#items[last]
    this.#items[last] = undefined
    if (last > 0) this.#sink(time, sequence, item as T)
    return first
  }

  /** Fills the hole at the root with the given event, moving lesser children up. */
  #sink(time: number, sequence: number, item: T): void {
    const times = this.#times
    const sequences = this.#sequences
    const size = this.#size
    let hole = 0
    for (;;) {
      const firstChild = hole * 4 + 1
      if (firstChild >= size) break
      const end = Math.min(firstChild + 4, size)
      let least = firstChild
      let leastTime = times[firstChild] as number
      for (let child = firstChild + 1; child < end; child++) {
        const childTime = times[child] as number
        if (
          childTime < leastTime ||
          (childTime === leastTime && (sequences[child] as number) < (sequences[least] as number))
        ) {
          least = child
          leastTime = childTime
        }
      }
      if (leastTime > time || (leastTime === time && (sequences[least] as number) > sequence)) break
      this.#move(least, hole)
      hole = least
    }
    this.#put(hole, time, sequence, item)
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from] as number
    this.#sequences[to] = this.#sequences[from] as number
    this.#items[to] = this.#items[from]
  }

  #put(at: number, time: number, sequence: number, item: T): void {
    this.#times[at] = time
    this.#sequences[at] = sequence
    this.#items[at] = item
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2)
    const sequences = new Float64Array(times.length)
    times.set(this.#times)
    sequences.set(this.#sequences)
    this.#times = times
    this.#sequences = sequences
  }
}
