import type { ClockContender } from './clock-contender.ts'

/** The least a hybrid logical clock can be: two numbers. It has no bound, no packed form and no end of its counter. */
export class FloorClock implements ClockContender {
  #wall = 0
  #counter = 0

  now(count: number): void {
    for (let i = 0; i < count; i++) this.#next(Date.now())
  }

  receive(count: number): void {
    const wall = Date.now() - 1000
    for (let i = 0; i < count; i++) this.#update(wall, i & 0xffff, Date.now())
  }

  /** The stamp as a growing pair; for tests. */
  stampAt(wallMs: number): readonly [wall: number, counter: number] {
    this.#next(wallMs)
    return [this.#wall, this.#counter]
  }

  /** Takes in a stamp at a given time; for tests. */
  receiveAt(wall: number, counter: number, wallMs: number): void {
    this.#update(wall, counter, wallMs)
  }

  #next(wallMs: number): void {
    if (wallMs > this.#wall) {
      this.#wall = wallMs
      this.#counter = 0
    } else {
      this.#counter++
    }
  }

  #update(wall: number, counter: number, wallMs: number): void {
    if (wallMs > this.#wall && wallMs > wall) {
      this.#wall = wallMs
      this.#counter = 0
    } else if (wall > this.#wall) {
      this.#wall = wall
      this.#counter = counter + 1
    } else if (wall === this.#wall) {
      this.#counter = Math.max(this.#counter, counter) + 1
    } else {
      this.#counter++
    }
  }
}
