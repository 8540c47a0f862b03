import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventStream, EventStreams, type Lagged } from '../src/event-stream.ts'
import { runs } from './runs.ts'

type Numbered = { readonly type: 'n'; readonly n: number }

describe('a stream of events', () => {
  test('a reader that keeps up gets everything, in order', async () => {
    const stream = new EventStream<Numbered>(2)
    const got: (Numbered | Lagged)[] = []
    const reading = (async () => {
      for await (const event of stream) got.push(event)
    })()
    for (let n = 0; n < 10; n++) {
      stream.push({ type: 'n', n })
      await Promise.resolve()
      await Promise.resolve()
      await Promise.resolve()
    }
    stream.end()
    await reading
    expect(got.map(event => (event.type === 'n' ? event.n : 'lagged'))).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9
    ])
  })

  test('whatever is pushed and read: the buffer is bounded, the order kept, and what went missing is counted exactly', async () => {
    const moves = fc.array(fc.boolean(), { maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(moves, fc.integer({ min: 1, max: 5 }), async (list, bufferMax) => {
        const stream = new EventStream<Numbered>(bufferMax)
        let pushed = 0
        let next = 0
        let waiting = false
        const take = (event: Numbered | Lagged): void => {
          if (event.type === 'lagged') {
            expect(event.missed).toBeGreaterThan(0)
            next += event.missed
          } else expect(event.n).toBe(next++)
        }
        for (const push of list) {
          if (push) stream.push({ type: 'n', n: pushed++ })
          else if (!waiting && next < pushed) {
            const result = await stream.next()
            if (result.done !== true) take(result.value)
          }
        }
        stream.end()
        let held = 0
        for await (const event of stream) {
          if (event.type === 'n') held++
          take(event)
        }
        expect(held).toBeLessThanOrEqual(bufferMax)
        expect(next).toBe(pushed)
      }),
      runs(10_000)
    )
  })

  test('ends with its signal, with its reader, and with its source', async () => {
    const streams = new EventStreams<Numbered>()
    const abort = new AbortController()
    const first = streams.open({ signal: abort.signal })
    const second = streams.open()
    const third = streams.open()
    expect(streams.size).toBe(3)
    abort.abort()
    expect(await first.next()).toEqual({ done: true, value: undefined })
    for (const n of [1, 2]) streams.push({ type: 'n', n })
    for await (const event of second) {
      expect(event).toEqual({ type: 'n', n: 1 })
      break
    }
    expect(streams.size).toBe(1)
    const waiting = third
      .next()
      .then(() => third.next())
      .then(() => third.next())
    streams.end()
    expect((await waiting).done).toBe(true)
    expect(streams.size).toBe(0)
    expect(await streams.open({ signal: abort.signal }).next()).toMatchObject({ done: true })
  })

  test('a buffer that is no buffer is refused', () => {
    for (const bufferMax of [0, -1, 1.5, 65_537, Number.NaN]) {
      expect(() => new EventStream(bufferMax)).toThrow(RangeError)
    }
  })
})
