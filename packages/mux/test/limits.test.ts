import type { Metrics } from '@libp2p/interface'
import { StreamLimitError, StreamLostError, type FramedChannel } from '@starling/mux'
import { RecordedMetrics } from '../../../tooling/vitest/recorded-metrics.ts'
import { describe, expect, test } from 'vitest'
import { Recorder, turns, until } from '../src/contract/probes.ts'
import { InMemoryConnection, inMemoryHost } from './support/in-memory-network.ts'
import { ManualTimers } from '../src/contract/manual-timers.ts'
import { halfOpen, openChannel, world, type World } from './support/world.ts'

/** Closes a channel and waits until its place is free. */
async function close(w: World, channel: FramedChannel | undefined): Promise<void> {
  const { outbound } = w.dialler.mux.stats().streams
  channel?.abort(new Error('making room'))
  await until(() => w.dialler.mux.stats().streams.outbound < outbound || w.dialler.mux.stats().queued > 0)
}

describe('opens beyond the limit of a connection', () => {
  test('wait for a place, first come, first served, and 64 channels are open by default', async () => {
    const w = await world()
    w.acceptor.mux.handleChannel('hold', () => {})
    const channels: FramedChannel[] = []
    const opened: number[] = []
    const opening = Array.from({ length: 70 }, async (_, i) => {
      channels[i] = await openChannel(w, 'hold')
      opened.push(i)
    })
    await until(() => opened.length === 64)
    await turns()
    expect(opened.length).toBe(64)
    expect(w.dialler.mux.stats()).toMatchObject({ channels: 64, queued: 6, streams: { outbound: 64 } })
    for (const i of [5, 3, 1]) await close(w, channels[i])
    await until(() => opened.length === 67)
    expect(opened.slice(64)).toEqual([64, 65, 66])
    for (const i of [7, 9, 11]) await close(w, channels[i])
    await Promise.all(opening)
    // The other end kept up, so nobody was turned away, and never parked more than it may.
    expect(w.acceptor.mux.stats()).toMatchObject({ refused: { busy: 0 }, received: 70, accepted: 70 })
    expect(w.acceptor.mux.stats().peak.parked).toBeLessThanOrEqual(16)
  })

  test('are given up by the signal, the deadline, the connection and a stop, and leave the queue', async () => {
    const w = await world({ outboundStreamsMax: 1, openingStreamsMax: 1, openTimeoutMs: 3000 })
    w.acceptor.mux.handleChannel('hold', () => {})
    await openChannel(w, 'hold')
    const controller = new AbortController()
    const unwanted = openChannel(w, 'hold', controller.signal)
    const late = openChannel(w, 'hold')
    expect(w.dialler.mux.stats().queued).toBe(2)
    controller.abort(new Error('no longer wanted'))
    await expect(unwanted).rejects.toThrow('no longer wanted')
    expect(w.dialler.mux.stats().queued).toBe(1)
    w.timers.advance(3000)
    await expect(late).rejects.toBeInstanceOf(StreamLimitError)
    const lost = openChannel(w, 'hold')
    await w.connection.close()
    await expect(lost).rejects.toBeInstanceOf(StreamLostError)
    expect(w.dialler.mux.stats()).toMatchObject({ queued: 0, streams: { outbound: 0 } })
  })

  test('ask the connection for nothing when they are given up together', async () => {
    for (const end of ['stop', 'close'] as const) {
      const w = await world({ outboundStreamsMax: 2 })
      w.acceptor.mux.handleChannel('hold', () => {})
      let asked = 0
      const newStream = w.connection.newStream.bind(w.connection)
      w.connection.newStream = () => {
        asked++
        return newStream()
      }
      await Promise.all([openChannel(w, 'hold'), openChannel(w, 'hold')])
      const waiting = Promise.allSettled(Array.from({ length: 5 }, () => openChannel(w, 'hold')))
      if (end === 'stop') await w.dialler.mux.stop()
      else await w.connection.close()
      await waiting
      await turns()
      expect(asked).toBe(2)
      expect(w.dialler.mux.stats()).toMatchObject({ queued: 0, streams: { outbound: 0 } })
    }
  })

  test('are bounded themselves', async () => {
    const w = await world({ outboundStreamsMax: 1, openingStreamsMax: 1, queuedOpensMax: 2 })
    w.acceptor.mux.handleChannel('hold', () => {})
    const held = await openChannel(w, 'hold')
    const waiting = [openChannel(w, 'hold'), openChannel(w, 'hold')]
    await expect(openChannel(w, 'hold')).rejects.toBeInstanceOf(StreamLimitError)
    expect(w.dialler.mux.stats()).toMatchObject({ queued: 2, limited: { queue: 1 } })
    held.abort(new Error('making room'))
    await close(w, await waiting[0])
    await waiting[1]
  })

  // Over TCP libp2p ends a connection on which more than ten streams come before its own end is ready (measured on yamux 8.0.1).
  test('are few at a time on a connection that has just been made', async () => {
    const w = await world()
    w.acceptor.mux.handleChannel('think', () => {}, { accept: () => new Promise(() => {}) })
    const opening = Array.from({ length: 40 }, () => openChannel(w, 'think').catch(() => {}))
    await turns()
    expect(w.acceptor.mux.stats().parked).toBe(8)
    expect(w.dialler.mux.stats()).toMatchObject({ queued: 32, streams: { outbound: 8 } })
    await w.connection.close()
    await Promise.all(opening)
  })

  test('leave room at the other end: no more are opening than it parks', async () => {
    const w = await world({ openingStreamsMax: 4, parkedPerPeerMax: 4 })
    const answers: (() => void)[] = []
    w.acceptor.mux.handleChannel('think', () => {}, {
      accept: () => new Promise(resolve => answers.push(() => resolve(undefined)))
    })
    const opening = Array.from({ length: 12 }, () => openChannel(w, 'think'))
    for (let answered = 0; answered < 12; answered++) {
      await until(() => answers.length > 0)
      expect(w.acceptor.mux.stats().parked).toBeLessThanOrEqual(4)
      answers.shift()?.()
    }
    await Promise.all(opening)
    expect(w.acceptor.mux.stats()).toMatchObject({ accepted: 12, refused: { busy: 0 } })
  })
})

describe('inbound streams', () => {
  test('are bounded for a peer over all its connections, and over all peers', async () => {
    const w = await world({ inboundStreamsPerPeerMax: 3, inboundStreamsTotalMax: 4 })
    const second = InMemoryConnection.pair(w.dialler, w.acceptor, { manner: 'quic' })[0]
    for (const connection of [w.connection, second, w.connection]) await halfOpen(connection)
    const verdict = async (connection: InMemoryConnection): Promise<number | undefined> =>
      (await (await halfOpen(connection)).recorder.atLeast(1))[0]
    expect(await verdict(second)).toBe(2)
    const stranger = await w.stranger('stranger')
    const { stream } = await halfOpen(stranger)
    const another = await w.stranger('another')
    expect(await verdict(another)).toBe(2)
    expect(w.acceptor.mux.stats()).toMatchObject({ parked: 4, limited: { peer: 1, total: 1 } })
    stream.abort(new Error('making room'))
    await turns()
    await halfOpen(another)
    await turns()
    expect(w.acceptor.mux.stats().parked).toBe(4)
  })

  test('of one peer are bounded in each second, whatever becomes of them, and no other peer pays', async () => {
    const w = await world({ inboundOpensPerSecondMax: 5 })
    w.acceptor.mux.handleChannel('ok', () => {})
    for (let i = 0; i < 4; i++) {
      const { stream } = await halfOpen(w.connection)
      stream.abort(new Error('never mind'))
      await turns()
    }
    await openChannel(w, 'ok')
    await expect(openChannel(w, 'ok')).rejects.toMatchObject({ reason: 'busy' })
    const stranger = await w.stranger('stranger')
    const { stream, recorder } = await halfOpen(stranger)
    stream.send(new Uint8Array(8))
    expect(await recorder.atLeast(1)).toEqual(Uint8Array.of(1))
    expect(w.acceptor.mux.stats().limited.rate).toBe(1)
    w.timers.advance(1000)
    await openChannel(w, 'ok')
    // Without arrivals there is no timer.
    await w.acceptor.mux.stop()
    await w.dialler.mux.stop()
    w.timers.advance(1000)
    expect(w.timers.pending).toBe(0)
  })

  test('ten thousand that are opened, begun and reset leave nothing behind (MUX-A4)', async () => {
    const w = await world()
    w.acceptor.mux.handleChannel('ok', () => {})
    for (let cycle = 0; cycle < 10_000; cycle++) {
      const { stream } = await halfOpen(w.connection)
      if (cycle % 2 === 0) await turns(2)
      stream.abort(new Error('never mind'))
      if (cycle % 500 === 499) {
        await turns(4)
        w.timers.advance(1000)
      }
    }
    await turns()
    expect(w.acceptor.mux.stats()).toMatchObject({ parked: 0, streams: { inbound: 0 } })
    await openChannel(w, 'ok')
  })

  test('are all accounted for: accepted, refused, abandoned or parked', async () => {
    const w = await world({ parkedPerPeerMax: 4, inboundStreamsMax: 12 })
    w.acceptor.mux.handleChannel('ok', () => {})
    w.acceptor.mux.handleChannel('think', () => {}, { accept: () => new Promise(() => {}) })
    const opening = ['ok', 'nobody', 'think', 'ok', 'think'].map(tag => openChannel(w, tag).catch(() => {}))
    for (let i = 0; i < 4; i++) await halfOpen(w.connection)
    const empty = await w.connection.newStream()
    await empty.close()
    await turns()
    const { stream } = await halfOpen(w.connection)
    stream.abort(new Error('never mind'))
    await turns()
    const balance = (): number[] => {
      const { received, accepted, refused, abandoned, parked } = w.acceptor.mux.stats()
      return [received, accepted + Object.values(refused).reduce((a, b) => a + b) + abandoned + parked]
    }
    expect(balance()).toEqual([11, 11])
    await w.connection.close()
    await turns()
    expect(balance()).toEqual([11, 11])
    expect(w.acceptor.mux.stats()).toMatchObject({ parked: 0 })
    expect(w.acceptor.mux.stats().abandoned).toBeGreaterThan(0)
    await Promise.all(opening)
  })
})

describe('a registration that is disposed', () => {
  test('leaves its streams alone, or ends them when asked to', async () => {
    const w = await world()
    const registration = w.acceptor.mux.handleChannel('kept', () => {})
    const raw = w.acceptor.mux.handle('raw', () => {})
    const kept = await openChannel(w, 'kept')
    const stream = await w.dialler.mux.open(w.connection.asConnection, 'raw')
    const recorder = new Recorder(stream)
    registration.dispose()
    raw.dispose()
    await turns()
    expect(w.acceptor.mux.stats().channels).toBe(1)
    const reason = new Error('the feature is switched off')
    registration.dispose({ abort: reason })
    raw.dispose({ abort: reason })
    await expect(kept[Symbol.asyncIterator]().next()).rejects.toMatchObject({ reason: 'aborted' })
    await recorder.ended
    await stream.close()
    await until(() => w.acceptor.mux.stats().streams.inbound === 0)
  })
})

describe('metrics', () => {
  test('are the figures of stats(), read when asked for, without labels from outside', async () => {
    const recorded = new RecordedMetrics()
    const metrics = recorded as unknown as Metrics
    const timers = new ManualTimers()
    const acceptor = await inMemoryHost('acceptor', {}, timers, undefined, { metrics })
    const dialler = await inMemoryHost('dialler', {}, timers)
    const [connection] = InMemoryConnection.pair(dialler, acceptor, { manner: 'quic' })
    acceptor.mux.handleChannel('hold', () => {})
    const channel = await dialler.mux.openChannel(connection.asConnection, 'hold')
    channel.send(new Uint8Array(100))
    await expect(dialler.mux.open(connection.asConnection, 'nobody')).rejects.toThrow()
    await halfOpen(connection)
    await turns()
    expect(recorded.collect()).toEqual({
      starling_mux_streams: { inbound: 2, outbound: 0 },
      starling_mux_buffered_bytes: { sending: 0, receiving: 100 },
      starling_mux_sent_messages_total: { other: 0 },
      starling_mux_received_messages_total: { other: 1 },
      starling_mux_sent_bytes_total: { other: 0 },
      starling_mux_received_bytes_total: { other: 100 },
      starling_mux_channels: 1,
      starling_mux_parked_streams: 1,
      starling_mux_queued_opens: 0,
      starling_mux_opened_total: 0,
      starling_mux_received_total: 3,
      starling_mux_accepted_total: 1,
      starling_mux_abandoned_total: 0,
      starling_mux_handlers_failed_total: 0,
      starling_mux_channels_truncated_total: 0,
      starling_mux_refused_total: { unknownTag: 1, busy: 0, malformed: 0, timeout: 0, closing: 0 },
      starling_mux_refused_by_peer_total: { unknownTag: 0, busy: 0, malformed: 0, timeout: 0, closing: 0 },
      starling_mux_limited_total: { connection: 0, peer: 0, total: 0, rate: 0, parked: 0, queue: 0 }
    })
  })
})
