import type { Stream } from '@libp2p/interface'
import { seededRandom } from '@starling/ports'
import { setImmediate as turn } from 'node:timers/promises'
import { isAtEnd } from '../stream-head.ts'
import type { FramedChannel } from '../types.ts'

/** `length` bytes that repeat for a seed, with every byte value in them. */
export function patternBytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  return seededRandom(seed).bytes(length)
}

export function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

/** Cuts `bytes` at the given places. */
export function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [...new Set(places)].filter(place => place > 0 && place < bytes.length).sort((a, b) => a - b)
  const ends = [...sorted, bytes.length]
  return ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end))
}

/** What a raw stream delivers: its bytes, and how often it ended. Attach it at once. */
export class Recorder {
  readonly #pieces: Uint8Array[] = []
  ends = 0
  readonly ended: Promise<void>
  readonly #stream: Stream

  constructor(stream: Stream) {
    this.#stream = stream
    stream.addEventListener('message', event => {
      const { data } = event
      for (const piece of data instanceof Uint8Array ? [data] : data) this.#pieces.push(piece)
      this.#wake()
    })
    this.ended = new Promise(resolve => {
      stream.addEventListener('end', () => {
        this.ends++
        resolve()
      })
      stream.addEventListener('close', () => resolve())
      if (stream.status !== 'open' && stream.readBufferLength === 0) resolve()
    })
  }

  #wake: () => void = () => {}

  bytes(): Uint8Array<ArrayBuffer> {
    return concat(this.#pieces)
  }

  /** Resolves when `length` bytes have come or the stream has ended. */
  async atLeast(length: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.bytes().length < length && !isAtEnd(this.#stream)) {
      await Promise.race([new Promise<void>(resolve => (this.#wake = resolve)), this.ended])
      // What libp2p's negotiation has read ahead comes after the end of the stream.
      if (this.#stream.readableEnded) await turn()
    }
    return this.bytes()
  }
}

/** Every message of a channel until its end. */
export async function drain(channel: FramedChannel): Promise<Uint8Array[]> {
  const messages: Uint8Array[] = []
  for await (const message of channel) messages.push(message)
  return messages
}

/** The next message, which must come. */
export async function receive(channel: FramedChannel): Promise<Uint8Array> {
  const result = await channel[Symbol.asyncIterator]().next()
  if (result.done === true) throw new Error('the channel ended')
  return result.value
}

/** Turns of the event loop, for things that need no time but several hand-overs. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await turn()
}

/** Lets the event loop turn until `condition` holds; the test fails by its time limit when it never does. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}
