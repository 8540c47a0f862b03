import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import type { FramedChannel } from '../types.ts'
import { ManualTimers } from './manual-timers.ts'
import { besideHonest, echo, hasStats, onPair, proveAlive, verdictOf, type MuxContractCase } from './pair.ts'
import { turns, until } from './probes.ts'

const timers = new ManualTimers()

/** What happens at the limits. */
export const limitCases: readonly MuxContractCase[] = [
  onPair('64 channels of a connection are open at once, and the next waits for a place', async pair => {
    pair.acceptor.handleChannel('hold', () => {})
    const channels: FramedChannel[] = []
    const opening = Array.from({ length: 65 }, async () => {
      channels.push(await pair.dialler.openChannel(pair.connection, 'hold'))
    })
    await until(() => channels.length === 64)
    await turns(50)
    assert.equal(channels.length, 64)
    hasStats(pair.dialler, { queued: 1, channels: 64 })
    hasStats(pair.acceptor, { channels: 64, refused: { busy: 0 } })
    channels[10]?.abort(new Error('making room'))
    await Promise.all(opening)
    assert.equal(channels.length, 65)
  }),

  onPair(
    'an acceptor at its limit says so, and goes on when there is room',
    async pair => {
      pair.acceptor.handleChannel('hold', () => {})
      const open = (): Promise<FramedChannel> => pair.dialler.openChannel(pair.connection, 'hold')
      const held = [await open(), await open(), await open()]
      await assert.rejects(open(), { name: 'StreamRefusedError', reason: 'busy' })
      await until(() => pair.dialler.stats().streams.outbound === 3)
      held[0]?.abort(new Error('making room'))
      await until(() => pair.acceptor.stats().streams.inbound === 2)
      await open()
    },
    { inboundStreamsMax: 3 }
  ),

  onPair(
    'a peer that dawdles keeps its quota, and gets its verdict at the deadline (MUX-A2)',
    async pair => {
      await besideHonest(pair, async () => {
        const slow = await Promise.all(Array.from({ length: 4 }, () => pair.bareStream()))
        for (const stream of slow) stream.send(Uint8Array.of(9, 97))
        await until(() => pair.acceptor.stats().parked === 4)
        await assert.rejects(pair.dialler.openChannel(pair.connection, 'honest'), {
          name: 'StreamRefusedError',
          reason: 'busy'
        })
        const verdicts = Promise.all(slow.map(verdictOf))
        // A byte now and then moves no deadline.
        timers.advance(4999)
        for (const stream of slow) stream.send(Uint8Array.of(97))
        await turns(5)
        hasStats(pair.acceptor, { parked: 4 })
        timers.advance(1)
        assert.deepEqual(await verdicts, [4, 4, 4, 4])
        for (const stream of slow) await stream.close()
        hasStats(pair.acceptor, { parked: 0, refused: { timeout: 4, busy: 1 } })
      })
      await proveAlive(pair, 'honest')
      await until(() => pair.acceptor.stats().streams.inbound === 0)
    },
    { timers, parkedPerPeerMax: 4, preambleTimeoutMs: 5000 }
  ),

  onPair('half-open streams that are reset leave nothing behind (MUX-A4)', async pair => {
    echo(pair.acceptor, 'echo')
    for (let i = 0; i < 400; i++) {
      const stream = await pair.bareStream()
      stream.send(Uint8Array.of(5))
      await turn()
      stream.abort(new Error('never mind'))
      await until(() => pair.acceptor.stats().streams.inbound < 8)
    }
    await until(() => pair.acceptor.stats().parked === 0)
    await proveAlive(pair, 'echo')
    await until(() => pair.acceptor.stats().streams.inbound === 0)
  })
]
