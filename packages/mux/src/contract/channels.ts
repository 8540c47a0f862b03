import assert from 'node:assert/strict'
import { echo, hasStats, onPair, proveAlive, sameBytes, text, type MuxContractCase } from './pair.ts'
import { Recorder, concat, drain, patternBytes, receive, turns, until } from './probes.ts'

/** What the acceptor grants at first of its default window, in bytes. */
const FIRST_GRANT_BYTES = 262_144
const QUEUE_BYTES_MAX = 262_144

/** Framed channels: what they carry, what they hold and how they end. */
export const channelCases: readonly MuxContractCase[] = [
  onPair('channels run side by side, and a stuck one holds up no other', async pair => {
    echo(pair.acceptor, 'echo')
    pair.acceptor.handleChannel('stuck', () => {})
    const stuck = await pair.dialler.openChannel(pair.connection, 'stuck')
    const held = (): number => pair.acceptor.stats().bytesBuffered.receiving
    const waiting = (): number => pair.dialler.stats().bytesBuffered.sending
    while (held() < 200_000 || waiting() < QUEUE_BYTES_MAX) {
      if (waiting() < QUEUE_BYTES_MAX) stuck.send(patternBytes(60_000))
      else await turns(1)
    }
    await turns(100)
    assert.ok(held() <= FIRST_GRANT_BYTES, `${held()} bytes are held for a consumer that never reads`)
    assert.ok(waiting() <= QUEUE_BYTES_MAX + 60_000, `${waiting()} bytes wait to be sent`)
    const lengths = [0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 300_000, 1_048_576 - 128]
    await Promise.all(
      [1, 2, 3].map(async seed => {
        const channel = await pair.dialler.openChannel(pair.connection, 'echo')
        const sent = lengths.map(length => patternBytes(length, seed))
        const received = drain(channel)
        for (const message of sent) if (!channel.send(message)) await channel.drained()
        await channel.end()
        assert.deepEqual(
          (await received).map(({ length }) => length),
          lengths
        )
        sameBytes(concat(await received), concat(sent))
        await channel.closed
      })
    )
    stuck.abort(new Error('enough'))
    await until(() => pair.acceptor.stats().channels === 0)
  }),

  onPair('a consumer that is called gets every message byte for byte, and its answers go out', async pair => {
    pair.acceptor.handleChannel('echo', async channel => {
      // Large ones are dealt with later, with their bytes still lent.
      const answer = (message: Uint8Array): Promise<void> | undefined =>
        channel.send(message.slice()) ? undefined : channel.drained()
      await channel.consume(message =>
        message.length > 50_000 ? turns(1).then(() => answer(message)) : answer(message)
      )
      await channel.end()
    })
    const lengths = [0, 1, 100, 1023, 1025, 4092, 4096, 30_000, 65_536, 65_537, 200_000]
    await Promise.all(
      [1, 2].map(async seed => {
        const channel = await pair.dialler.openChannel(pair.connection, 'echo')
        const sent = Array.from({ length: 110 }, (_, i) =>
          patternBytes(lengths[(i * seed) % 11] as number, i + seed)
        )
        let received = 0
        const all = channel.consume(message => sameBytes(message, sent[received++] as Uint8Array))
        for (const message of sent) if (!channel.send(message)) await channel.drained()
        await channel.end()
        await all
        assert.equal(received, sent.length)
        await channel.closed
      })
    )
    const bytes = 2 * lengths.reduce((sum, length) => sum + length, 0) * 10
    const traffic = {
      other: { messagesSent: 220, messagesReceived: 220, bytesSent: bytes, bytesReceived: bytes }
    }
    hasStats(pair.dialler, { traffic })
    hasStats(pair.acceptor, { traffic })
  }),

  onPair('a handler that throws or rejects ends its own stream only', async pair => {
    echo(pair.acceptor, 'echo')
    pair.acceptor.handleChannel('throws', () => {
      throw new Error('at once')
    })
    pair.acceptor.handleChannel('rejects', async channel => {
      await receive(channel)
      throw new Error('later')
    })
    pair.acceptor.handle('raw', () => {
      throw new Error('raw')
    })
    const other = await pair.dialler.openChannel(pair.connection, 'echo')
    const throws = await pair.dialler.openChannel(pair.connection, 'throws')
    await assert.rejects(drain(throws), { name: 'ChannelTruncatedError', reason: 'handlerFailed' })
    const rejects = await pair.dialler.openChannel(pair.connection, 'rejects')
    rejects.send(text('go'))
    await assert.rejects(drain(rejects), { name: 'ChannelTruncatedError', reason: 'handlerFailed' })
    const raw = await pair.dialler.open(pair.connection, 'raw')
    await new Recorder(raw).ended
    await raw.close().catch(() => {})
    other.send(text('still here'))
    sameBytes(await receive(other), text('still here'))
    hasStats(pair.acceptor, { handlersFailed: 3 })
    other.abort(new Error('done'))
  }),

  onPair('the end of the connection ends every channel and every wait', async pair => {
    pair.acceptor.handleChannel('hold', () => {})
    pair.acceptor.handleChannel('think', () => {}, { accept: () => new Promise(() => {}) })
    const channels = await Promise.all(
      [1, 2, 3, 4].map(() => pair.dialler.openChannel(pair.connection, 'hold'))
    )
    const nameOf = (error: Error): string => error.name
    const reading = channels.map(channel => drain(channel).catch(nameOf))
    const ending = channels.map(channel => channel.end().catch(nameOf))
    const opening = pair.dialler.openChannel(pair.connection, 'think').catch(nameOf)
    await until(() => pair.acceptor.stats().parked === 1)
    await pair.connection.close()
    await Promise.all(channels.map(channel => channel.closed))
    assert.deepEqual(await Promise.all(reading), Array(4).fill('ChannelTruncatedError'))
    // Nothing was sent, so some ENDs may have been acknowledged before the connection went.
    for (const result of await Promise.all(ending)) {
      assert.ok(result === undefined || result === 'ChannelClosedError', String(result))
    }
    assert.equal(await opening, 'StreamLostError')
    await until(
      () => pair.acceptor.stats().streams.inbound === 0 && pair.dialler.stats().streams.outbound === 0
    )
    hasStats(pair.dialler, { channels: 0 })
    await assert.rejects(pair.dialler.openChannel(pair.connection, 'hold'))
  }),

  onPair('stopping answers what is parked, ends what is open, and settles', async pair => {
    echo(pair.acceptor, 'echo')
    pair.acceptor.handleChannel('think', () => {}, { accept: () => new Promise(() => {}) })
    const channel = await pair.dialler.openChannel(pair.connection, 'echo')
    const opening = pair.dialler.openChannel(pair.connection, 'think')
    await until(() => pair.acceptor.stats().parked === 1)
    const reading = drain(channel)
    const checks = Promise.all([
      assert.rejects(opening, { name: 'StreamRefusedError', reason: 'closing' }),
      assert.rejects(reading, { name: 'ChannelTruncatedError', reason: 'closing' })
    ])
    await pair.acceptor.stop()
    await checks
    hasStats(pair.acceptor, { channels: 0, parked: 0, streams: { inbound: 0 } })
    await pair.acceptor.start()
    await proveAlive(pair, 'echo')
  })
]
