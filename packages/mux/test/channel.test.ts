import { describe, expect, test } from 'vitest'
import type { Channel } from '../src/channel.ts'
import {
  ChannelClosedError,
  ChannelOverrunError,
  ChannelProtocolError,
  ChannelQueueFullError,
  ChannelStalledError,
  ChannelTruncatedError
} from '../src/errors.ts'
import { concat, drain, patternBytes, receive, turns, until } from '../src/contract/probes.ts'
import { channelOn } from './support/channel-pair.ts'
import { inMemoryStreamPair, type InMemoryStream, type PairOptions } from './support/in-memory-stream.ts'
import { ManualTimers } from '../src/contract/manual-timers.ts'

interface Pair {
  readonly a: Channel
  readonly b: Channel
  readonly streamA: InMemoryStream
  readonly streamB: InMemoryStream
  readonly timers: ManualTimers
}

const WINDOW = 65_536

function pair(options: PairOptions = { manner: 'quic' }): Pair {
  const [streamA, streamB] = inMemoryStreamPair(options)
  const timers = new ManualTimers()
  return { a: channelOn(streamA, timers, 'b'), b: channelOn(streamB, timers, 'a'), streamA, streamB, timers }
}

/** A channel whose other end is a bare stream, to send whatever bytes. */
function bare(options: PairOptions = { manner: 'quic' }): {
  channel: Channel
  stream: InMemoryStream
  own: InMemoryStream
  timers: ManualTimers
} {
  const [own, stream] = inMemoryStreamPair(options)
  const timers = new ManualTimers()
  stream.addEventListener('message', () => {})
  return { channel: channelOn(own, timers, 'stranger'), stream, own, timers }
}

/** Sends messages of 1,000 bytes, keeping to what `send` returns, until nothing moves any more; returns how many. */
async function fill(channel: Channel): Promise<number> {
  let offered = 0
  for (let turn = 0; turn < 100; turn++) {
    let room = channel.bytesBuffered.sending < 6000
    while (room) {
      room = channel.send(patternBytes(1000))
      offered++
    }
    await turns(3)
  }
  return offered
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

describe.each(['quic', 'tcp'] as const)('a channel over a %s-like stream', manner => {
  test('carries messages both ways, ends with both acknowledged, and closes the stream', async () => {
    const { a, b, streamA, streamB } = pair({ manner })
    a.send(bytes(1))
    a.send(bytes())
    a.send(patternBytes(WINDOW - 128))
    b.send(bytes(2))
    const [fromA, fromB] = await Promise.all([drain(b), drain(a), a.end(), b.end()])
    expect(fromA).toEqual([bytes(1), bytes(), patternBytes(WINDOW - 128)])
    expect(fromB).toEqual([bytes(2)])
    await Promise.all([a.closed, b.closed])
    expect([streamA.status, streamB.status]).toEqual(['closed', 'closed'])
    expect([a.failure, b.failure]).toEqual([undefined, undefined])
  })

  test('carries many messages of all lengths in order', async () => {
    const { a, b } = pair({ manner })
    const messages = Array.from({ length: 3000 }, (_, i) => patternBytes((i * 7919) % 3001, i))
    const received = drain(b)
    for (const message of messages) if (!a.send(message)) await a.drained()
    await a.end()
    expect(await received).toEqual(messages)
  })

  test('a receiver that does not read bounds what both ends hold', async () => {
    const { a, b, streamA, streamB } = pair({ manner })
    const offered = await fill(a)
    expect(b.bytesBuffered.receiving).toBeLessThanOrEqual(WINDOW)
    expect(b.bytesBuffered.receiving).toBeGreaterThan(WINDOW * 0.8)
    expect(a.bytesBuffered.sending).toBeLessThanOrEqual(16_384 + 1000)
    expect(streamA.writeBufferLength + streamB.readBufferLength).toBe(0)
    expect(offered).toBeLessThan(90)
    let count = 0
    const reading = (async () => {
      for await (const message of b) {
        expect(message.length).toBe(1000)
        count++
      }
    })()
    await a.drained()
    a.send(patternBytes(1000))
    await a.end()
    await reading
    expect(count).toBe(offered + 1)
  })

  test('one-byte messages are bounded as well', async () => {
    const { a, b } = pair({ manner })
    let open = true
    const sending = (async () => {
      while (open) if (!a.send(bytes(1))) await a.drained()
    })()
    await turns(200)
    expect(b.bytesBuffered.receiving).toBe(WINDOW / 129 - (WINDOW % 129) / 129)
    open = false
    a.abort(new Error('enough'))
    await expect(sending).rejects.toThrow(ChannelClosedError)
  })

  test('only what has been dealt with is granted again: the message in hand is not', async () => {
    const { a, b } = pair({ manner })
    const half = patternBytes(WINDOW / 2 - 128)
    a.send(half)
    await receive(b)
    await until(() => a.bytesBuffered.sending === 0)
    for (const message of [half, half]) if (!a.send(message)) await turns(5)
    await turns(20)
    // One is in hand, one waits, and of the third only the parts that fit are here.
    expect(a.bytesBuffered.sending).toBeGreaterThan(0)
    expect(await receive(b)).toEqual(half)
    expect(await receive(b)).toEqual(half)
    expect(a.bytesBuffered.sending).toBe(0)
    a.abort(new Error('done'))
  })

  test('abort reaches the other end with its reason, and drops what was queued', async () => {
    const { a, b, timers } = pair({ manner })
    const reason = new Error('no longer wanted')
    const waiting = receive(b)
    while (a.send(patternBytes(4000)));
    a.abort(reason)
    a.abort(new Error('twice'))
    expect(() => a.send(bytes(1))).toThrow(ChannelClosedError)
    await expect(receive(a)).rejects.toBe(reason)
    await expect(a.drained()).rejects.toMatchObject({ name: 'ChannelClosedError', cause: reason })
    await expect(a.end()).rejects.toThrow(ChannelClosedError)
    await waiting
    await expect(drain(b)).rejects.toMatchObject({ name: 'ChannelTruncatedError', reason: 'aborted' })
    await Promise.all([a.closed, b.closed])
    await turns()
    timers.advance(2000)
    expect(() => b.send(bytes(1))).toThrow(ChannelClosedError)
  })

  test('a stream that ends without END is truncated, after what came completely', async () => {
    const { channel, stream } = bare({ manner })
    stream.send(bytes(1, 0, 0, 2, 8, 9, 1, 0, 0, 4, 1))
    await stream.close()
    const iterator = channel[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: false, value: bytes(8, 9) })
    await expect(iterator.next()).rejects.toMatchObject({ name: 'ChannelTruncatedError', reason: 'lost' })
    await channel.closed
    await turns()
    expect(stream.status).toBe('closed')
  })

  test('a reset is a truncation too', async () => {
    const { channel, stream } = bare({ manner })
    const waiting = receive(channel)
    stream.abort(new Error('gone'))
    await expect(waiting).rejects.toThrow(ChannelTruncatedError)
    expect(channel.failure).toBeInstanceOf(ChannelTruncatedError)
  })
})

describe('ending a channel', () => {
  test('END is acknowledged only when the consumer has dealt with every message', async () => {
    const { a, b } = pair()
    a.send(bytes(1))
    a.send(bytes(2))
    let acknowledged = false
    const ending = a.end().then(() => (acknowledged = true))
    const iterator = b[Symbol.asyncIterator]()
    await iterator.next()
    await iterator.next()
    await turns()
    expect(acknowledged).toBe(false)
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    await ending
    expect(() => a.send(bytes(3))).toThrow(ChannelClosedError)
    // The other direction is still open.
    b.send(bytes(9))
    expect(await receive(a)).toEqual(bytes(9))
    const [rest] = await Promise.all([drain(a), b.end()])
    expect(rest).toEqual([])
    await Promise.all([a.closed, b.closed])
    await a.end()
  })

  test('an END without an END_ACK rejects when the stream ends, and the signal ends the wait only', async () => {
    const { channel, stream } = bare()
    const controller = new AbortController()
    const first = channel.end({ signal: controller.signal })
    controller.abort(new Error('waited enough'))
    await expect(first).rejects.toThrow('waited enough')
    const second = channel.end()
    await turns()
    await stream.close()
    await expect(second).rejects.toMatchObject({
      name: 'ChannelClosedError',
      cause: { name: 'ChannelTruncatedError', reason: 'lost' }
    })
  })

  test('a peer that has ended and then leaves is a good end for the reader, not for the writer', async () => {
    const { channel, stream } = bare()
    stream.send(bytes(1, 0, 0, 1, 7, 4, 0, 0, 1, 0))
    await stream.close()
    await channel.closed
    expect(await drain(channel)).toEqual([bytes(7)])
    expect(() => channel.send(bytes(1))).toThrow(ChannelClosedError)
  })

  test('a loop that is left goes on where it stopped', async () => {
    const { a, b } = pair()
    for (const value of [1, 2, 3]) a.send(bytes(value))
    for await (const message of b) {
      expect(message).toEqual(bytes(1))
      break
    }
    const ending = a.end()
    expect(await drain(b)).toEqual([bytes(2), bytes(3)])
    await ending
  })

  test('there is one consumer at a time', async () => {
    const { a, b } = pair()
    const first = receive(b)
    await expect(receive(b)).rejects.toThrow(TypeError)
    a.send(bytes(5))
    expect(await first).toEqual(bytes(5))
  })

  test('a peer that does not close the stream after both ends is reset after the deadline', async () => {
    const { channel, stream, own, timers } = bare()
    stream.send(bytes(4, 0, 0, 1, 0))
    const ending = channel.end()
    await turns()
    stream.send(bytes(5, 0, 0, 0))
    await ending
    expect(await drain(channel)).toEqual([])
    await turns()
    expect(own.status).toBe('open')
    timers.advance(1000)
    await channel.closed
    expect(own.status).toBe('aborted')
    expect(timers.pending).toBe(0)
  })
})

describe('a peer that breaks the rules', () => {
  test('ends its channel when it sends more than it was granted', async () => {
    const { channel, stream } = bare()
    const part = concat([bytes(2, 0, 0x40, 0), new Uint8Array(0x4000)])
    for (let i = 0; i < 4; i++) stream.send(part)
    await expect(receive(channel)).rejects.toThrow(ChannelOverrunError)
    expect(channel.bytesBuffered.receiving).toBe(0)
  })

  test.each([
    ['an unknown type', [9, 0, 0, 0]],
    ['a message after END', [4, 0, 0, 1, 0, 1, 0, 0, 0]],
    ['a second END', [4, 0, 0, 1, 0, 4, 0, 0, 1, 0]],
    ['END within a message', [2, 0, 0, 1, 1, 4, 0, 0, 1, 0]],
    ['an END_ACK to nothing', [5, 0, 0, 0]],
    ['a grant of nothing', [3, 0, 0, 4, 0, 0, 0, 0]],
    ['grants without end', [3, 0, 0, 4, 255, 255, 255, 255]]
  ])('ends its channel with %s', async (_name, raw) => {
    const { channel, stream } = bare()
    stream.send(Uint8Array.from(raw))
    await channel.closed
    expect(channel.failure).toBeInstanceOf(ChannelProtocolError)
    expect(() => channel.send(bytes(1))).toThrow(ChannelClosedError)
  })

  test('that takes nothing for the whole watchdog period loses its channel', async () => {
    const { channel, timers } = bare()
    await fill(channel)
    timers.advance(60_000)
    expect(channel.failure).toBeUndefined()
    timers.advance(60_000)
    expect(channel.failure).toBeInstanceOf(ChannelStalledError)
  })

  test('that only talks, and takes nothing, loses it too', async () => {
    const { channel, stream, timers } = bare()
    await fill(channel)
    const message = concat([bytes(1, 0, 0x40, 0), new Uint8Array(0x4000)])
    for (let i = 0; i < 2; i++) {
      // Half the window is dealt with, so a CREDIT goes out each time.
      for (let j = 0; j < 2; j++) {
        stream.send(message)
        await receive(channel)
      }
      await turns()
      timers.advance(60_000)
    }
    expect(channel.failure).toBeInstanceOf(ChannelStalledError)
  })

  test('that still takes a little keeps it', async () => {
    const { channel, stream, timers } = bare()
    await fill(channel)
    for (let i = 0; i < 5; i++) {
      await turns()
      timers.advance(50_000)
      stream.send(bytes(3, 0, 0, 4, 0, 0, 1, 0))
    }
    await turns()
    expect(channel.failure).toBeUndefined()
    channel.abort(new Error('done'))
    await turns()
    timers.advance(60_000)
    expect(timers.pending).toBe(0)
  })
})

describe('the sending side', () => {
  test('says what is too large, and takes what is just not', () => {
    const { a } = pair()
    expect(a.messageBytesMax).toBe(WINDOW - 128)
    expect(() => a.send(new Uint8Array(WINDOW - 127))).toThrow(RangeError)
    a.send(new Uint8Array(WINDOW - 128))
    expect(a.failure).toBeUndefined()
  })

  test('takes bytes and nothing that only looks like them', async () => {
    const { a, b } = pair()
    for (const wrong of ['hello', [1, 2], new ArrayBuffer(2), undefined]) {
      expect(() => a.send(wrong as unknown as Uint8Array)).toThrow(TypeError)
    }
    await expect(b.consume(undefined as unknown as () => void)).rejects.toThrow(TypeError)
    a.send(Buffer.from('hi'))
    expect(await receive(b)).toEqual(bytes(104, 105))
  })

  test('is bounded even for a caller who does not wait', async () => {
    const { channel, own } = bare()
    own.stuck = true
    let queued = 0
    expect(() => {
      for (;;) {
        channel.send(patternBytes(1000))
        queued++
      }
    }).toThrow(ChannelQueueFullError)
    expect(channel.bytesBuffered.sending).toBeLessThanOrEqual(2 * 16_384)
    expect(queued).toBeLessThan(100)
    expect(channel.failure).toBeUndefined()
    channel.abort(new Error('done'))
  })

  test('drained resolves at once with room, later without, and with the signal not at all', async () => {
    const { a, b } = pair()
    await a.drained()
    while (a.send(patternBytes(2000)));
    const controller = new AbortController()
    const given = a.drained({ signal: controller.signal })
    controller.abort(new Error('not now'))
    await expect(given).rejects.toThrow('not now')
    void drain(b).catch(() => {})
    await a.drained()
    expect(a.bytesBuffered.sending).toBeLessThanOrEqual(8192)
    a.abort(new Error('done'))
  })

  test('gathers what is sent in one turn into few writes, but sends the first at once', async () => {
    const { a, b, streamA } = pair({ manner: 'tcp' })
    const writes: number[] = []
    const send = streamA.sendData.bind(streamA)
    streamA.sendData = data => {
      writes.push(data.byteLength)
      return send(data)
    }
    for (let i = 0; i < 100; i++) a.send(bytes(i))
    expect(writes).toEqual([5])
    const received = drain(b)
    await a.end()
    expect((await received).length).toBe(100)
    expect(writes).toEqual([5, 99 * 5 + 5])
  })

  test('something arriving ends the gathering, so an answer goes at once', async () => {
    const { a, b, streamB, timers } = pair({ manner: 'tcp' })
    timers.holdsTurns = true
    const writes: number[] = []
    const send = streamB.sendData.bind(streamB)
    streamB.sendData = data => {
      writes.push(data.byteLength)
      return send(data)
    }
    b.send(bytes(1))
    b.send(bytes(2))
    await turns()
    expect(writes).toEqual([5])
    a.send(bytes(3))
    await receive(b)
    expect(writes).toEqual([5, 5])
    timers.advance(0)
    a.abort(new Error('done'))
  })
})
