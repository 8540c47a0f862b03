import { seededRandom } from '@starling/ports'
import { systemHash } from '@starling/ports/system'
import { REPLICA_LIMITS } from '../../src/config.ts'
import type { SyncExchange } from '../../src/ports.ts'
import { RangeExchange, type RangeExchangeInit, type RangeOutcome } from '../../src/range-exchange.ts'
import type { FakeState } from './fake-exchange-state.ts'

/** One direction: messages in order, with room for a few. */
class Lane {
  readonly sent: Uint8Array[] = []
  #waiting: Uint8Array[] = []
  #ended = false
  #wake: (() => void)[] = []
  readonly #room: number
  highWater = 0

  constructor(room: number) {
    this.#room = room
  }

  async push(message: Uint8Array): Promise<void> {
    while (!this.#ended && this.#waiting.length >= this.#room) await this.#changed()
    if (this.#ended) throw new Error('the conversation was cut')
    this.sent.push(message)
    this.#waiting.push(message)
    this.highWater = Math.max(this.highWater, this.#waiting.length)
    this.#notify()
  }

  /** What is on its way still arrives, unless it is cut. */
  end(cut = false): void {
    this.#ended = true
    if (cut) this.#waiting = []
    this.#notify()
  }

  async *read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const message = this.#waiting.shift()
      if (message !== undefined) {
        this.#notify()
        yield message
      } else if (this.#ended) return
      else await this.#changed()
    }
  }

  #changed(): Promise<void> {
    return new Promise(resolve => this.#wake.push(resolve))
  }

  #notify(): void {
    const waiting = this.#wake
    this.#wake = []
    for (const wake of waiting) wake()
  }
}

export interface TalkOptions {
  readonly messageBytesMax?: number
  readonly room?: number
  /** The conversation is cut when so many messages have been sent in all. */
  readonly cutAfter?: number
  /** Called before each message is sent, with its number. */
  readonly onMessage?: (count: number) => void
}

/** Two ends of one exchange. */
export class Talk {
  readonly lanes: readonly [Lane, Lane]
  readonly ends: readonly [SyncExchange, SyncExchange]
  #count = 0

  constructor({ messageBytesMax = 1024 * 1024, room = 4, cutAfter = Infinity, onMessage }: TalkOptions = {}) {
    const lanes = [new Lane(room), new Lane(room)] as const
    const end = (out: Lane, back: Lane): SyncExchange => ({
      messageBytesMax,
      send: async message => {
        if (message.length > messageBytesMax) throw new RangeError('message too large')
        onMessage?.(this.#count)
        if (this.#count >= cutAfter) this.cut()
        this.#count++
        await out.push(message)
      },
      [Symbol.asyncIterator]: () => back.read()
    })
    this.lanes = lanes
    this.ends = [end(lanes[0], lanes[1]), end(lanes[1], lanes[0])]
  }

  get messages(): number {
    return this.#count
  }

  cut(): void {
    for (const lane of this.lanes) lane.end(true)
  }
}

/** Frames that were sent either way, by their first byte; those of the comparison together as `0`. */
export function framesByType(
  talk: Talk
): ReadonlyMap<number, { readonly count: number; readonly bytes: number }> {
  const found = new Map<number, { count: number; bytes: number }>()
  for (const message of talk.lanes.flatMap(lane => lane.sent)) {
    const type = (message[0] as number) < 16 ? 0 : (message[0] as number)
    const one = found.get(type) ?? { count: 0, bytes: 0 }
    found.set(type, { count: one.count + 1, bytes: one.bytes + message.length })
  }
  return found
}

export const FRAME = {
  comparison: 0,
  hello: 16,
  known: 17,
  entries: 18,
  part: 19,
  found: 20,
  end: 21
} as const

/** A reconciliation as the replica makes it, on a fake state. */
export function exchangeOf(
  state: FakeState,
  limits: Partial<RangeExchangeInit['limits']> = {}
): RangeExchange {
  const { frameBytesTarget, frameBytesMax } = REPLICA_LIMITS
  return new RangeExchange(state, {
    clock: state.clock,
    random: seededRandom(`exchange of ${state.id}`),
    hash: systemHash,
    limits: { frameBytesTarget, frameBytesMax, ...limits }
  })
}

export interface Side {
  readonly name: string
  readonly state: FakeState
  readonly exchange: RangeExchange
}

export function side(name: string, state: FakeState, limits?: Partial<RangeExchangeInit['limits']>): Side {
  return { name, state, exchange: exchangeOf(state, limits) }
}

/** One round, the first side being the initiator. Either side's result may be the error that it ended with. */
export async function round(
  [a, b]: readonly [Side, Side],
  options?: TalkOptions
): Promise<{ readonly talk: Talk; readonly results: readonly [RangeOutcome | Error, RangeOutcome | Error] }> {
  const talk = new Talk(options)
  const run = async (at: 0 | 1, one: Side, other: Side): Promise<RangeOutcome | Error> => {
    try {
      const context = { peer: other.name, initiator: at === 0, signal: new AbortController().signal }
      return await one.exchange.reconcile(talk.ends[at], context)
    } catch (error) {
      return error as Error
    } finally {
      // As a session does: the other side reads what was sent, and then that this side has ended.
      talk.lanes[at].end()
    }
  }
  return { talk, results: await Promise.all([run(0, a, b), run(1, b, a)]) }
}

/** A round that nothing goes wrong in. */
export async function wholeRound(
  sides: readonly [Side, Side],
  options?: TalkOptions
): Promise<{ readonly talk: Talk; readonly outcomes: readonly [RangeOutcome, RangeOutcome] }> {
  const { talk, results } = await round(sides, options)
  for (const result of results) if (result instanceof Error) throw result
  return { talk, outcomes: results as readonly [RangeOutcome, RangeOutcome] }
}
