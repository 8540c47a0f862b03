import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { besideHonest, proveAlive, text, verdictOf } from '../src/contract/pair.ts'
import { until } from '../src/contract/probes.ts'
import { encodePreamble } from '../src/preamble.ts'
import { setups } from './support/setup.ts'

// What a client can do with very many streams. The long form has 10,000 of each, and a bound on how long the event loop may be
// held up; it needs a machine that does nothing else.
const STREAMS = Number(process.env['STARLING_MUX_STREAMS'] ?? 300)
const LONG = 10_000
const LOOP_DELAY_P99_MS = 100

describe.each(['QUIC', 'TCP, noise and yamux'] as const)('over %s', transport => {
  test('streams that are opened, begun and reset leave nothing behind (MUX-A4)', async () => {
    const pair = await setups[transport]({ closeTimeoutMs: 300, inboundOpensPerSecondMax: LONG })
    try {
      await besideHonest(pair, async () => {
        for (let i = 0; i < STREAMS; i++) {
          const stream = await pair.bareStream()
          stream.send(Uint8Array.of(5))
          await turn()
          stream.abort(new Error('never mind'))
          await until(() => pair.acceptor.stats().streams.inbound < 8)
        }
        await until(() => pair.acceptor.stats().parked === 0)
        // A preamble in two pieces is still put together.
        const stream = await pair.bareStream()
        const verdict = verdictOf(stream)
        const preamble = encodePreamble(text('nobody'))
        stream.send(preamble.subarray(0, 3))
        await turn()
        stream.send(preamble.subarray(3))
        expect(await verdict).toBe(1)
        await stream.close()
      })
      await proveAlive(pair, 'honest')
      await until(() => pair.acceptor.stats().streams.inbound === 0)
      expect(pair.acceptor.stats().peak.parked).toBeLessThanOrEqual(16)
    } finally {
      await pair.stop()
    }
  })

  test('a flood of opens costs the flooder its verdicts, and the event loop little', async () => {
    const pair = await setups[transport]()
    const delay = monitorEventLoopDelay({ resolution: 5 })
    try {
      let asked = 0
      const verdicts = new Map<number | undefined, number>()
      const flood = async (): Promise<void> => {
        while (asked++ < STREAMS) {
          const stream = await pair.bareStream()
          const verdict = verdictOf(stream)
          stream.send(encodePreamble(text('nobody')))
          await stream.close().catch(() => {})
          const status = await verdict
          verdicts.set(status, (verdicts.get(status) ?? 0) + 1)
          if (asked % 4 === 3) stream.abort(new Error('never mind'))
        }
      }
      await besideHonest(pair, async () => {
        delay.enable()
        await Promise.all(Array.from({ length: 30 }, flood))
        delay.disable()
      })
      const [unknown = 0, busy = 0] = [verdicts.get(1), verdicts.get(2)]
      expect(unknown + busy, JSON.stringify([...verdicts])).toBe(STREAMS)
      const { received, accepted, refused, abandoned, peak } = pair.acceptor.stats()
      expect(accepted + abandoned + Object.values(refused).reduce((a, b) => a + b)).toBe(received)
      expect(peak.parked).toBeLessThanOrEqual(16)
      if (STREAMS >= LONG) expect(delay.percentile(99) / 1e6).toBeLessThan(LOOP_DELAY_P99_MS)
      await until(() => pair.acceptor.stats().streams.inbound === 0)
    } finally {
      delay.disable()
      await pair.stop()
    }
  })
})
