import type { SeededRandom } from '@starling/ports'
import { LinkOrder } from './link-order.ts'
import type { NodeIndex } from './network-types.ts'

/** What a network does to single messages at this moment: loses, doubles or delays them. Can be changed at any time. */
export class LinkConditions {
  readonly #random: SeededRandom
  #loss = 0
  #duplication = 0
  #jitterMsMax = 0
  #fifo = true
  #extraMs: ((from: NodeIndex, to: NodeIndex) => number) | undefined
  /** Kept once there was ever a delay that varies: a message must not overtake one sent under worse conditions. */
  #order: LinkOrder | undefined

  constructor(random: SeededRandom) {
    this.#random = random
  }

  setLoss(loss: number): void {
    this.#loss = chance('loss', loss)
  }

  setDuplication(duplication: number): void {
    this.#duplication = chance('duplication', duplication)
  }

  setJitter(jitterMsMax: number, fifo: boolean): void {
    this.#jitterMsMax = delay('jitterMsMax', jitterMsMax)
    this.#fifo = fifo
    if (jitterMsMax > 0) this.#order ??= new LinkOrder()
  }

  setExtraDelay(extraMs: ((from: NodeIndex, to: NodeIndex) => number) | undefined): void {
    this.#extraMs = extraMs
    if (extraMs !== undefined) this.#order ??= new LinkOrder()
  }

  /** Whether this message is lost. */
  loses(): boolean {
    return this.#loss > 0 && this.#random.float() < this.#loss
  }

  /** Whether this message arrives twice. */
  doubles(): boolean {
    return this.#duplication > 0 && this.#random.float() < this.#duplication
  }

  /** When a message sent now is due, if its link alone takes it until `dueMs`. */
  dueMs(from: NodeIndex, to: NodeIndex, dueMs: number): number {
    if (this.#order === undefined) return dueMs
    let due = dueMs
    if (this.#jitterMsMax > 0) due += this.#random.float() * this.#jitterMsMax
    if (this.#extraMs !== undefined) due += delay('the extra delay', this.#extraMs(from, to))
    return this.#fifo ? this.#order.dueMs(from, to, due) : due
  }
}

function chance(name: string, value: number): number {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`${name} must be from 0 to 1, got ${value}`)
  return value
}

function delay(name: string, ms: number): number {
  if (!(ms >= 0 && ms < Infinity)) throw new RangeError(`${name} must be 0 ms or more, got ${ms}`)
  return ms
}
