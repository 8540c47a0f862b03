import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drain, patternBytes, receive, turns, until } from '../src/contract/probes.ts'
import { inMemoryPair } from './support/channel-pair.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

describe('consuming by call', () => {
  test('gives every message once, in order, in the event that brought it, and resolves at the end', async () => {
    const { a, b } = inMemoryPair()
    const got: number[] = []
    let inEvent = 0
    b.stream.addEventListener('message', () => (inEvent = got.length))
    const consumed = b.channel.consume(message => void got.push(message[0] as number))
    for (let i = 0; i < 200; i++) a.channel.send(bytes(i))
    await until(() => got.length === 200)
    // Our own listener came after the channel's, so the calls were over by then.
    expect(inEvent).toBe(200)
    await a.channel.end()
    await consumed
    expect(got).toEqual(Array.from({ length: 200 }, (_, i) => i))
  })

  test('any messages come as they were sent, whether the consumer returns at once, later, or reads in between', async () => {
    const messages = fc.array(fc.oneof(fc.nat(300), fc.nat(30_000)), { maxLength: 20 })
    const manners = fc.array(fc.constantFrom('sync', 'async', 'iterate'), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(
        messages,
        manners,
        fc.constantFrom('quic', 'tcp'),
        async (lengths, manners, manner) => {
          const { a, b } = inMemoryPair({ manner })
          const sending = (async () => {
            for (const [i, length] of lengths.entries()) {
              if (!a.channel.send(patternBytes(length, i))) await a.channel.drained()
            }
            await a.channel.end()
          })()
          let count = 0
          const check = (message: Uint8Array): void => {
            expect(Buffer.compare(message, patternBytes(lengths[count] as number, count))).toBe(0)
            count++
          }
          for (let i = 0; count < lengths.length; i++) {
            const way = manners[i % manners.length]
            if (way === 'iterate') {
              check(await receive(b.channel))
              continue
            }
            const enough = new Error('enough for now')
            const until = Math.min(count + 3, lengths.length)
            const consumed = b.channel.consume(message => {
              if (way === 'sync') check(message)
              else {
                return (async () => {
                  const before = message.slice()
                  await turns(2)
                  expect(Buffer.compare(message, before)).toBe(0)
                  check(message)
                  if (count === until) throw enough
                })()
              }
              if (count === until) throw enough
              return undefined
            })
            await expect(consumed).rejects.toBe(enough)
          }
          expect(await drain(b.channel)).toEqual([])
          await sending
        }
      ),
      { numRuns: 60 }
    )
  })

  test('a message is dealt with when the promise has settled, and not before: the peer waits', async () => {
    const { a, b } = inMemoryPair()
    let release: () => void = () => {}
    let calls = 0
    const consumed = b.channel.consume(async message => {
      const expected = patternBytes(5000, calls++)
      await new Promise<void>(resolve => (release = resolve))
      // Whatever has come meanwhile, its bytes are what they were.
      expect(Buffer.compare(message, expected)).toBe(0)
    })
    const sending = (async () => {
      for (let i = 0; i < 40; i++) if (!a.channel.send(patternBytes(5000, i))) await a.channel.drained()
      await a.channel.end()
    })()
    await turns(100)
    expect(calls).toBe(1)
    expect(b.channel.bytesBuffered.receiving).toBeLessThanOrEqual(65_536)
    expect(a.channel.bytesBuffered.sending).toBeGreaterThan(0)
    while (calls < 40) {
      const seen = calls
      release()
      await until(() => calls > seen)
    }
    release()
    await Promise.all([consumed, sending])
  })

  test('what it throws or rejects with ends the consuming and not the channel', async () => {
    const { a, b } = inMemoryPair()
    const failure = new Error('cannot deal with it')
    const thrown = b.channel.consume(() => {
      throw failure
    })
    for (let i = 0; i < 4; i++) a.channel.send(bytes(i))
    await expect(thrown).rejects.toBe(failure)
    await turns()
    // It throws while other messages wait in the same event: they are the next consumer's.
    await expect(b.channel.consume(() => Promise.reject(failure))).rejects.toBe(failure)
    expect(await receive(b.channel)).toEqual(bytes(2))
    const last = b.channel.consume(() => {
      throw failure
    })
    await expect(last).rejects.toBe(failure)
    // It has been dealt with all the same, so the end of the peer waits for nobody.
    await a.channel.end()
    expect(await drain(b.channel)).toEqual([])
  })

  test('there is one consumer at a time, of either kind', async () => {
    const { a, b } = inMemoryPair()
    const first = b.channel.consume(() => {})
    await expect(b.channel.consume(() => {})).rejects.toThrow(TypeError)
    await expect(receive(b.channel)).rejects.toThrow(TypeError)
    await Promise.all([a.channel.end(), first])
    const asking = receive(a.channel)
    await expect(a.channel.consume(() => {})).rejects.toThrow(TypeError)
    b.channel.send(bytes(5))
    expect(await asking).toEqual(bytes(5))
  })

  test('is told how the channel ended, also when that happens within a call', async () => {
    const { a, b } = inMemoryPair()
    const reason = new Error('seen enough')
    const aborted = b.channel.consume(() => b.channel.abort(reason))
    for (let i = 0; i < 3; i++) a.channel.send(bytes(i))
    await expect(aborted).rejects.toBe(reason)
    await expect(a.channel.consume(() => {})).rejects.toMatchObject({ reason: 'aborted' })
    const late = inMemoryPair()
    let release: () => void = () => {}
    const got: number[] = []
    const truncated = late.b.channel.consume(message => {
      got.push(message[0] as number)
      return new Promise(resolve => (release = resolve))
    })
    for (let i = 0; i < 3; i++) late.a.channel.send(bytes(i))
    await turns()
    await late.a.stream.close()
    await late.b.channel.closed
    // What had come completely is still the consumer's.
    for (let i = 1; i < 3; i++) {
      release()
      await until(() => got.length === i + 1)
    }
    release()
    await expect(truncated).rejects.toMatchObject({ name: 'ChannelTruncatedError', reason: 'lost' })
    expect(got).toEqual([0, 1, 2])
  })
})
