import { describe, expect, test } from 'vitest'
import { DONE, closeAll, pair, protocol } from './fixtures.ts'

describe('bounds', () => {
  test('a pipe over a stalled channel holds at most its window, and the sender waits', async () => {
    const { network, a, b } = pair()
    let sent = 0
    b.open(
      't',
      protocol(async (exchange, { signal }) => {
        for (;;) {
          signal.throwIfAborted()
          await exchange.send(new Uint8Array(1_000))
          sent++
        }
      })
    )
    a.open(
      't',
      protocol(
        (_exchange, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error))
          })
      )
    )
    network.connect('a', 'b')
    await network.time.advance(20_000)
    const charged = 1_000 + 128 + 4
    expect(sent).toBeLessThanOrEqual((network.windowBytes + network.queueBytes) / charged + 1)
    expect(sent).toBeGreaterThan(network.windowBytes / (2 * charged))
    for (const end of network.ends) expect(end.unreadPeak).toBeLessThanOrEqual(network.windowBytes)
    await network.time.advance(12_000)
    expect(b.rounds[0]).toMatchObject({ error: { reason: 'stalled' } })
    await closeAll(network, a, b)
  })

  test('a slow reader slows its sender and gets every message once, in order', async () => {
    const { network, a, b } = pair()
    const count = 500
    b.open(
      't',
      protocol(async exchange => {
        for (let i = 0; i < count; i++) await exchange.send(new Uint8Array(1_000).fill(i % 256))
        return DONE
      })
    )
    const got: number[] = []
    a.open(
      't',
      protocol(async exchange => {
        for await (const message of exchange) {
          got.push(...message.subarray(0, 1))
          await new Promise<void>(resolve => void network.time.schedule(20, resolve))
        }
        return DONE
      })
    )
    network.connect('a', 'b')
    await network.time.advance(20_000)
    expect(got).toEqual(Array.from({ length: count }, (_, i) => i % 256))
    expect(a.rounds).toMatchObject([{ outcome: DONE }])
    for (const end of network.ends) expect(end.unreadPeak).toBeLessThanOrEqual(network.windowBytes)
    await closeAll(network, a, b)
  })

  test('an exchange refuses what is too large, too much at once, and anything after its round', async () => {
    const { network, a, b } = pair()
    let late: (() => Promise<void>) | undefined
    const errors: unknown[] = []
    b.open(
      't',
      protocol(async exchange => {
        late = () => exchange.send(new Uint8Array(1))
        const tooLarge = exchange.send(new Uint8Array(exchange.messageBytesMax + 1))
        const many = Array.from({ length: 65 }, () => exchange.send(new Uint8Array(1)))
        for (const one of await Promise.allSettled([tooLarge, ...many])) {
          if (one.status === 'rejected') errors.push((one.reason as Error).name)
        }
        await exchange.send(new Uint8Array(exchange.messageBytesMax))
        return DONE
      })
    )
    let received = 0
    a.open(
      't',
      protocol(async exchange => {
        for await (const _message of exchange) received++
        return DONE
      })
    )
    network.connect('a', 'b')
    await network.time.advance(200)
    expect(errors).toEqual(['RangeError', 'RangeError'])
    expect(received).toBe(65)
    await expect(late?.()).rejects.toThrow(TypeError)
    await closeAll(network, a, b)
  })
})
