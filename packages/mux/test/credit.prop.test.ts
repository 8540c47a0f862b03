import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MESSAGE_CHARGE_BYTES } from '../src/config.ts'
import { DATA, FrameDecoder, PART } from '../src/frame.ts'
import { ReceiveQueue } from '../src/receive-queue.ts'
import { SendQueue } from '../src/send-queue.ts'
import { concat, patternBytes } from '../src/contract/probes.ts'

/** A sender and a receiver with nothing between them: what one composes the other takes at once. */
class Link {
  readonly send: SendQueue
  readonly receive: ReceiveQueue
  readonly got: Uint8Array[] = []
  overran = false
  maxUnread = 0
  readonly #window: number
  readonly #decoder: FrameDecoder
  #unread = 0

  constructor(window: number, batch: number) {
    this.#window = window
    this.send = new SendQueue(window, 262_144)
    this.receive = new ReceiveQueue(window)
    this.batch = batch
    this.#decoder = new FrameDecoder({
      header: (_type, length) => {
        this.#unread += length + (this.receive.midMessage ? 0 : MESSAGE_CHARGE_BYTES)
        this.maxUnread = Math.max(this.maxUnread, this.#unread)
        if (!this.receive.admit(length)) this.overran = true
      },
      frame: (type, body) => {
        const message = this.receive.take(type, body)
        if (message !== undefined) this.receive.enqueue(this.#decoder.bodies.keep(message))
        else this.#grant()
      }
    })
  }

  readonly batch: number

  /** Moves what may move. False when nothing did. */
  transfer(): boolean {
    const batch = this.send.compose(this.batch)
    if (batch === undefined) return false
    for (const bytes of batch) this.#decoder.push(bytes)
    return true
  }

  consume(): boolean {
    const message = this.receive.shift()
    if (message === undefined) return false
    this.got.push(message)
    this.#unread -= message.length + MESSAGE_CHARGE_BYTES
    this.receive.consume(message.length)
    this.#grant()
    return true
  }

  #grant(): void {
    const bytes = this.receive.grant()
    if (bytes > 0) this.send.grant(bytes)
    expect(bytes).toBeLessThanOrEqual(this.#window)
  }
}

const WINDOW = 16_384

/** The next batch as one list of bytes. */
const composed = (queue: SendQueue): number[] => (queue.compose(65_536) ?? []).flatMap(bytes => [...bytes])

describe('credits', () => {
  test('carry any messages, in order, within the window, whoever is slow', () => {
    const length = fc.oneof(
      { weight: 3, arbitrary: fc.nat(300) },
      { weight: 2, arbitrary: fc.nat(WINDOW - MESSAGE_CHARGE_BYTES) },
      { weight: 1, arbitrary: fc.constant(WINDOW - MESSAGE_CHARGE_BYTES) },
      { weight: 1, arbitrary: fc.constant(0) }
    )
    const pace = fc.array(fc.constantFrom('transfer', 'consume', 'push'), { maxLength: 60 })
    const batch = fc.constantFrom(1, 1000, 65_536)
    fc.assert(
      fc.property(fc.array(length, { maxLength: 30 }), pace, batch, (lengths, pace, batch) => {
        const link = new Link(WINDOW, batch)
        const messages = lengths.map((length, i) => patternBytes(length, i))
        let pushed = 0
        const push = (): boolean => {
          const message = messages[pushed]
          if (message === undefined) return false
          pushed++
          link.send.push(message)
          return true
        }
        for (const step of pace) {
          if (step === 'push') push()
          else if (step === 'transfer') link.transfer()
          else link.consume()
        }
        // Whatever came before: as long as the consumer goes on, everything arrives.
        while (push() || link.transfer() || link.consume());
        expect(link.overran).toBe(false)
        expect(link.maxUnread).toBeLessThanOrEqual(WINDOW)
        expect(link.got).toEqual(messages)
        expect([link.send.bytes, link.send.charge, link.receive.bytes]).toEqual([0, 0, 0])
      }),
      { numRuns: 150 }
    )
  })

  test('a window begins at 256 KiB, and grows for a consumer that keeps up and for no other', () => {
    const idle = new Link(1_048_576, 65_536)
    for (let i = 0; i < 20; i++) idle.send.push(patternBytes(60_000))
    while (idle.transfer());
    expect([idle.receive.window, idle.maxUnread <= 262_144]).toEqual([262_144, true])
    // It deals with what is there, but never with all of it before more has come.
    for (let i = 0; i < 16; i++) {
      idle.consume()
      while (idle.transfer());
    }
    expect(idle.receive.window).toBe(262_144)
    const quick = new Link(1_048_576, 65_536)
    for (let i = 0; i < 100; i++) {
      quick.send.push(patternBytes(60_000))
      while (quick.transfer() || quick.consume());
    }
    expect([quick.receive.window, quick.got.length, quick.overran]).toEqual([1_048_576, 100, false])
  })

  test('a window grows for a message that needs it, and never beyond its limit', () => {
    const longest = 1_048_576 - MESSAGE_CHARGE_BYTES
    const length = fc.oneof(fc.nat(longest), fc.constant(longest), fc.nat(300_000), fc.nat(500))
    const pace = fc.array(fc.constantFrom('transfer', 'consume'), { maxLength: 40 })
    fc.assert(
      fc.property(fc.array(length, { maxLength: 8 }), pace, (lengths, pace) => {
        const link = new Link(1_048_576, 65_536)
        const messages = lengths.map(length => new Uint8Array(length).fill(length))
        for (const message of messages) link.send.push(message)
        for (const step of pace) {
          if (step === 'transfer') link.transfer()
          else link.consume()
        }
        while (link.transfer() || link.consume());
        expect(link.overran).toBe(false)
        expect(link.maxUnread).toBeLessThanOrEqual(1_048_576)
        expect(link.got.map(message => message.length)).toEqual(lengths)
        expect(link.got.every((message, i) => Buffer.compare(message, messages[i] as Uint8Array) === 0)).toBe(
          true
        )
      }),
      { numRuns: 60 }
    )
  })

  test('a large body is handed over as it is, with its header before it and END behind', () => {
    const queue = new SendQueue(1_048_576, 262_144)
    const large = patternBytes(40_000)
    queue.push(Uint8Array.of(7))
    queue.push(large)
    queue.pushEnd()
    const batch = queue.compose(65_536) ?? []
    expect(batch.map(bytes => bytes.length)).toEqual([9, 40_000, 5])
    expect([...(batch[0] as Uint8Array)]).toEqual([1, 0, 0, 1, 7, 1, 0, 0x9c, 0x40])
    expect(batch[1]).toBe(large)
    expect([...(batch[2] as Uint8Array)]).toEqual([4, 0, 0, 1, 0])
    expect([queue.charge, queue.endWritten]).toEqual([0, true])
  })

  test('a message of the greatest length gets through after any number of bytes dealt with and not granted yet', () => {
    for (let before = 0; before < WINDOW; before += 61) {
      const link = new Link(WINDOW, 65_536)
      const first = patternBytes(Math.max(before - MESSAGE_CHARGE_BYTES, 0), 1)
      const largest = patternBytes(WINDOW - MESSAGE_CHARGE_BYTES, 2)
      link.send.push(first)
      while (link.transfer() || link.consume());
      link.send.push(largest)
      while (link.transfer() || link.consume());
      expect(link.got).toEqual([first, largest])
    }
  })

  test('every message is charged 128 bytes beside its length, so empty ones are bounded too', () => {
    const link = new Link(WINDOW, 65_536)
    for (let i = 0; i < 1000; i++) link.send.push(new Uint8Array(0))
    while (link.transfer());
    expect(link.receive.size).toBe(WINDOW / MESSAGE_CHARGE_BYTES)
    expect(link.send.charge).toBe((1000 - WINDOW / MESSAGE_CHARGE_BYTES) * MESSAGE_CHARGE_BYTES)
  })

  test('a sender that takes more than it was granted is found out at the header', () => {
    const queue = new ReceiveQueue(WINDOW)
    expect(queue.admit(WINDOW - MESSAGE_CHARGE_BYTES)).toBe(true)
    expect(queue.admit(0)).toBe(false)
    const parts = new ReceiveQueue(WINDOW)
    expect(parts.admit(WINDOW / 2)).toBe(true)
    parts.take(PART, new Uint8Array(WINDOW / 2))
    expect(parts.admit(WINDOW / 2 - MESSAGE_CHARGE_BYTES + 1)).toBe(false)
    expect(parts.admit(WINDOW / 2 - MESSAGE_CHARGE_BYTES)).toBe(true)
  })

  test('a message in many tiny parts costs no more than twice its length', () => {
    const queue = new ReceiveQueue(WINDOW)
    let message: Uint8Array | undefined
    for (let i = 0; i < 5000; i++) {
      queue.admit(1)
      message = queue.take(i === 4999 ? DATA : PART, Uint8Array.of(i & 255))
    }
    expect(message?.length).toBe(5000)
    expect(message?.buffer.byteLength).toBeLessThanOrEqual(10_000)
    expect(message?.every((byte, i) => byte === (i & 255))).toBe(true)
  })

  test('what is composed joined is what is composed otherwise, in one buffer', () => {
    const length = fc.oneof(fc.nat(300), fc.nat(100_000), fc.constantFrom(0, 32_767, 32_768, 65_536, 65_537))
    const step = fc.constantFrom('push', 'compose', 'control', 'grant')
    fc.assert(
      fc.property(
        fc.array(length, { maxLength: 12 }),
        fc.array(step, { maxLength: 30 }),
        (lengths, steps) => {
          const [one, other] = [new SendQueue(200_000, 262_144), new SendQueue(200_000, 262_144)]
          const [written, joined]: [Uint8Array[], Uint8Array[]] = [[], []]
          let pushed = 0
          const compose = (): boolean => {
            const batch = one.compose(Infinity)
            const buffer = other.composeJoined(Infinity, length => new Uint8Array(length + (pushed % 2)))
            if (batch !== undefined) written.push(...batch)
            if (buffer !== undefined) joined.push(buffer.slice())
            return batch !== undefined
          }
          for (const step of [...steps, ...lengths.map(() => 'push')]) {
            if (step === 'compose') compose()
            for (const queue of [one, other]) {
              if (step === 'push' && pushed < lengths.length)
                queue.push(patternBytes(lengths[pushed] as number, pushed))
              if (step === 'control') queue.pushControl(Uint8Array.of(5, 0, 0, 0))
              if (step === 'grant') queue.grant(1000)
            }
            if (step === 'push') pushed++
          }
          for (const queue of [one, other]) queue.pushEnd()
          for (let turn = 0; turn < 30; turn++)
            if (!compose()) for (const queue of [one, other]) queue.grant(70_000)
          expect(Buffer.compare(concat(joined), concat(written))).toBe(0)
          expect([one.endWritten, other.endWritten, one.charge, other.charge]).toEqual([true, true, 0, 0])
        }
      ),
      { numRuns: 150 }
    )
  })

  test('a queue is full at its limit and has room again at half of it', () => {
    const queue = new SendQueue(1_048_576, 1000)
    queue.push(new Uint8Array(500))
    expect(queue.full).toBe(false)
    queue.push(new Uint8Array(500))
    expect(queue.full).toBe(true)
    queue.compose(1)
    expect([queue.charge, queue.full]).toEqual([628, true])
    queue.compose(1)
    expect([queue.charge, queue.full]).toEqual([0, false])
  })

  test('END goes behind every message, control frames before them', () => {
    const queue = new SendQueue(WINDOW, 1000)
    queue.push(Uint8Array.of(7))
    queue.pushEnd()
    queue.pushControl(Uint8Array.of(5, 0, 0, 0))
    expect(composed(queue)).toEqual([5, 0, 0, 0, 1, 0, 0, 1, 7, 4, 0, 0, 1, 0])
    expect(queue.compose(65_536)).toBeUndefined()
    const starved = new SendQueue(100, 1000)
    starved.push(Uint8Array.of(7))
    starved.pushEnd()
    expect(starved.compose(65_536)).toBeUndefined()
    starved.grant(1000)
    expect(composed(starved)).toEqual([1, 0, 0, 1, 7, 4, 0, 0, 1, 0])
  })
})
