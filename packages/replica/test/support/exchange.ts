import type { SyncExchange, SyncOutcome } from '../../src/index.ts'
import type { Node } from './world.ts'

/** One direction of a conversation, with room for a few messages. */
class Pipe {
  readonly #queue: Uint8Array[] = []
  #ended = false
  #wake: (() => void)[] = []
  readonly #room: number
  bytes = 0
  messages = 0
  highWater = 0

  constructor(room: number) {
    this.#room = room
  }

  async push(message: Uint8Array): Promise<void> {
    while (!this.#ended && this.#queue.length >= this.#room) await this.#changed()
    if (this.#ended) throw new Error('the conversation has ended')
    this.#queue.push(message)
    this.bytes += message.length
    this.messages++
    this.highWater = Math.max(this.highWater, this.#queue.length)
    this.#notify()
  }

  end(): void {
    this.#ended = true
    this.#notify()
  }

  async *read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const message = this.#queue.shift()
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

export interface Conversation {
  readonly left: SyncExchange
  readonly right: SyncExchange
  readonly leftToRight: Pipe
  readonly rightToLeft: Pipe
  end(): void
}

/** Two ends of one exchange. */
export function conversation(messageBytesMax = 1024 * 1024, room = 4): Conversation {
  const leftToRight = new Pipe(room)
  const rightToLeft = new Pipe(room)
  return {
    left: endOf(leftToRight, rightToLeft, messageBytesMax),
    right: endOf(rightToLeft, leftToRight, messageBytesMax),
    leftToRight,
    rightToLeft,
    end() {
      leftToRight.end()
      rightToLeft.end()
    }
  }
}

function endOf(out: Pipe, back: Pipe, messageBytesMax: number): SyncExchange {
  return {
    messageBytesMax,
    send: message => {
      if (message.length > messageBytesMax) return Promise.reject(new RangeError('message too large'))
      return out.push(message)
    },
    [Symbol.asyncIterator]: () => back.read()
  }
}

export interface Round {
  readonly outcomes: readonly [SyncOutcome, SyncOutcome]
  readonly bytes: number
}

/** One whole round between two nodes. */
export async function syncRound(a: Node, b: Node, messageBytesMax?: number): Promise<Round> {
  const talk = conversation(messageBytesMax)
  const { signal } = new AbortController()
  const outcomes = await Promise.all([
    a.replica.protocol.reconcile(talk.left, { peer: b.name, initiator: true, signal }),
    b.replica.protocol.reconcile(talk.right, { peer: a.name, initiator: false, signal })
  ])
  talk.end()
  return { outcomes, bytes: talk.leftToRight.bytes + talk.rightToLeft.bytes }
}
