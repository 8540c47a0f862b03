import type { Clock, TimerHandle, Timers } from '@starling/ports'

interface Task {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

/** Any number of delayed tasks over one timer of the platform. */
export class TimerQueue {
  readonly #clock: Clock
  readonly #timers: Timers
  /** A binary heap by time, then by order of scheduling. */
  readonly #heap: Task[] = []
  #order = 0
  #wake: { readonly atMs: number; readonly handle: TimerHandle } | undefined
  #stopped = false

  constructor(clock: Clock, timers: Timers) {
    this.#clock = clock
    this.#timers = timers
  }

  get size(): number {
    return this.#heap.length
  }

  schedule(delayMs: number, run: () => void): void {
    if (this.#stopped) return
    const atMs = this.#clock.monotonicMs() + delayMs
    this.#push({ atMs, order: this.#order++, run })
    this.#arm()
  }

  /** Forgets every task. Nothing runs afterwards. */
  stop(): void {
    this.#stopped = true
    this.#heap.length = 0
    this.#wake?.handle.cancel()
    this.#wake = undefined
  }

  #arm(): void {
    const next = this.#heap[0]
    if (next === undefined || (this.#wake !== undefined && this.#wake.atMs <= next.atMs)) return
    this.#wake?.handle.cancel()
    const delayMs = Math.max(0, next.atMs - this.#clock.monotonicMs())
    this.#wake = { atMs: next.atMs, handle: this.#timers.schedule(delayMs, () => this.#fire()) }
  }

  #fire(): void {
    this.#wake = undefined
    const nowMs = this.#clock.monotonicMs()
    // Tasks scheduled meanwhile wait for the next round, so that one with no delay cannot keep this loop busy.
    const due: Task[] = []
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= nowMs; next = this.#heap[0])
      due.push(this.#pop())
    for (const task of due) if (!this.#stopped) task.run()
    if (!this.#stopped) this.#arm()
  }

  #push(task: Task): void {
    const heap = this.#heap
    let index = heap.push(task) - 1
    while (index > 0) {
      const above = (index - 1) >> 1
      if (!before(task, heap[above] as Task)) break
      heap[index] = heap[above] as Task
      index = above
    }
    heap[index] = task
  }

  #pop(): Task {
    const heap = this.#heap
    const top = heap[0] as Task
    const last = heap.pop() as Task
    if (heap.length === 0) return top
    let index = 0
    for (;;) {
      let below = 2 * index + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && before(heap[below + 1] as Task, heap[below] as Task)) below++
      if (!before(heap[below] as Task, last)) break
      heap[index] = heap[below] as Task
      index = below
    }
    heap[index] = last
    return top
  }
}

function before(a: Task, b: Task): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
