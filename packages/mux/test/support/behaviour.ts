import type { Stream } from '@libp2p/interface'
import { StreamRefusedError, type Mux, type Refusal } from '@starling/mux'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encodeCredit } from '../../src/frame.ts'
import { encodePreamble } from '../../src/preamble.ts'
import { Recorder, concat, cutAt, drain, patternBytes, receive, turns, until } from './bytes.ts'
import { ManualTimers } from './manual-timers.ts'
import type { MuxPair, Setup } from './setup.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** The status byte a bare client gets, and the end of the stream after it. */
async function verdictOf(stream: Stream): Promise<number | undefined> {
  const recorder = new Recorder(stream)
  return (await recorder.atLeast(1))[0]
}

/** Opens and reads one whole message, to see that the mux still works. */
async function proveAlive(pair: MuxPair, tag: string): Promise<void> {
  const channel = await pair.dialler.openChannel(pair.connection, tag)
  channel.send(text('alive'))
  expect(await receive(channel)).toEqual(text('alive'))
  const [, rest] = await Promise.all([channel.end(), drain(channel)])
  expect(rest).toEqual([])
}

/** Registers a channel handler that sends everything back and then ends. */
function echo(mux: Mux, tag: string): void {
  mux.handleChannel(tag, async channel => {
    for await (const message of channel) if (!channel.send(message)) await channel.drained()
    await channel.end()
  })
}

/** What a mux does, whatever carries it. The deadline for closing is short, so that waiting for it is no long wait. */
export function muxBehaviour(name: string, setup: Setup): void {
  describe(`a mux over ${name}`, () => {
    let pair: MuxPair

    beforeEach(async () => {
      pair = await setup({ closeTimeoutMs: 300 })
    })

    afterEach(() => pair.stop())

    test('hands a raw stream over with exactly the payload and one end, however it was cut (MUX-A1)', async () => {
      const payload = patternBytes(1_048_576)
      const received = new Promise<Recorder>(resolve => {
        pair.acceptor.handle('a', async (stream, info) => {
          expect(info).toMatchObject({ tag: 'a', peer: pair.diallerPeer.toString() })
          const recorder = new Recorder(stream)
          await recorder.ended
          await stream.close()
          resolve(recorder)
        })
      })
      const stream = await pair.bareStream()
      const status = verdictOf(stream)
      for (const byte of encodePreamble(text('a'))) {
        stream.send(Uint8Array.of(byte))
        await new Promise(resolve => setImmediate(resolve))
      }
      for (const piece of cutAt(payload, [1, 2, 5000, 5001, 70_000, 300_000, 1_000_000])) {
        if (!stream.send(piece))
          await new Promise(resolve => stream.addEventListener('drain', resolve, { once: true }))
      }
      await stream.close()
      expect(await status).toBe(0)
      const recorder = await received
      expect(recorder.ends).toBe(1)
      expect(Buffer.compare(recorder.bytes(), payload)).toBe(0)
    })

    test('hands a raw stream over when preamble, payload and end come together', async () => {
      const payload = patternBytes(100_000)
      const recorded = Promise.withResolvers<Recorder>()
      const asked = Promise.withResolvers<void>()
      const answer = Promise.withResolvers<undefined>()
      const handler = async (stream: Stream): Promise<void> => {
        const recorder = new Recorder(stream)
        await recorder.ended
        await stream.close()
        recorded.resolve(recorder)
      }
      const accept = (): Promise<undefined> => {
        asked.resolve()
        return answer.promise
      }
      pair.acceptor.handle('late', handler, { accept })
      const stream = await pair.bareStream()
      stream.addEventListener('message', () => {})
      stream.send(encodePreamble(text('late'), payload))
      await stream.close()
      // The payload comes while the rule is still thinking.
      await asked.promise
      await turns(50)
      answer.resolve(undefined)
      const recorder = await recorded.promise
      expect(Buffer.compare(recorder.bytes(), payload)).toBe(0)
      expect(recorder.ends).toBe(1)
    })

    test('opens raw streams whose bytes are untouched in both directions', async () => {
      pair.acceptor.handle('raw', stream => {
        stream.addEventListener('message', event => stream.send(event.data))
        stream.addEventListener('remoteCloseWrite', () => void stream.close())
      })
      const stream = await pair.dialler.open(pair.connection, 'raw')
      const recorder = new Recorder(stream)
      stream.send(patternBytes(50_000))
      expect(await recorder.atLeast(50_000)).toEqual(patternBytes(50_000))
      await stream.close()
      await recorder.ended
    })

    test('rejects with the reason when no handler owns the tag (MUX-A5, MUX-I5)', async () => {
      await expect(pair.dialler.open(pair.connection, 'nobody')).rejects.toMatchObject({
        name: 'StreamRefusedError',
        reason: 'unknownTag'
      })
      await expect(pair.dialler.openChannel(pair.acceptorPeer, 'nobody')).rejects.toMatchObject({
        name: 'StreamRefusedError',
        reason: 'unknownTag',
        tag: 'nobody',
        peer: pair.acceptorPeer.toString()
      })
      expect(pair.acceptor.stats().refused.unknownTag).toBe(2)
      expect(pair.dialler.stats().refusedByPeer.unknownTag).toBe(2)
    })

    test('loses none of 200 verdicts, and opens streams after them', async () => {
      await pair.stop()
      pair = await setup()
      echo(pair.acceptor, 'echo')
      const reasons: Refusal[] = ['unknownTag', 'busy', 'malformed', 'timeout', 'closing']
      let next = 0
      pair.acceptor.handleChannel('refused', () => {}, { accept: () => reasons[next++ % 5] })
      const seen = new Map<string, number>()
      for (let round = 0; round < 20; round++) {
        const results = await Promise.allSettled(
          Array.from({ length: 10 }, (_, i) =>
            pair.dialler.openChannel(pair.connection, i % 2 === 0 ? 'refused' : 'nobody')
          )
        )
        for (const result of results) {
          const error = result.status === 'rejected' ? (result.reason as unknown) : undefined
          expect(error).toBeInstanceOf(StreamRefusedError)
          const { reason } = error as StreamRefusedError
          seen.set(reason, (seen.get(reason) ?? 0) + 1)
        }
      }
      expect(Object.fromEntries(seen)).toEqual({
        unknownTag: 120,
        busy: 20,
        malformed: 20,
        timeout: 20,
        closing: 20
      })
      await proveAlive(pair, 'echo')
      await until(
        () => pair.acceptor.stats().streams.inbound === 0 && pair.dialler.stats().streams.outbound === 0
      )
    })

    test('refuses what is no preamble, and what ends within one (MUX-A6)', async () => {
      echo(pair.acceptor, 'echo')
      const zero = await pair.bareStream()
      zero.send(Uint8Array.of(0))
      expect(await verdictOf(zero)).toBe(3)
      const short = await pair.bareStream()
      short.send(Uint8Array.of(5, 97))
      const shortVerdict = verdictOf(short)
      await short.close()
      expect(await shortVerdict).toBe(3)
      const noCredit = await pair.bareStream()
      noCredit.send(encodePreamble(text('echo'), Uint8Array.of(1, 0, 0, 4, 0, 0, 0, 0)))
      expect(await verdictOf(noCredit)).toBe(3)
      const littleCredit = await pair.bareStream()
      littleCredit.send(encodePreamble(text('echo'), encodeCredit(100)))
      expect(await verdictOf(littleCredit)).toBe(3)
      const hugeCredit = await pair.bareStream()
      hugeCredit.send(encodePreamble(text('echo'), encodeCredit(0xffffffff)))
      expect(await verdictOf(hugeCredit)).toBe(3)
      expect(pair.acceptor.stats()).toMatchObject({ parked: 0, refused: { malformed: 5 } })
      for (const stream of [zero, noCredit, littleCredit, hugeCredit]) await stream.close()
      await proveAlive(pair, 'echo')
    })

    test('a peer that dawdles keeps its quota, and gets its verdict at the deadline (MUX-A2)', async () => {
      await pair.stop()
      const timers = new ManualTimers()
      pair = await setup({ timers, parkedPerPeerMax: 4, preambleTimeoutMs: 5000 })
      echo(pair.acceptor, 'echo')
      const slow = await Promise.all(Array.from({ length: 4 }, () => pair.bareStream()))
      for (const stream of slow) stream.send(Uint8Array.of(9, 97))
      await until(() => pair.acceptor.stats().parked === 4)
      await expect(pair.dialler.openChannel(pair.connection, 'echo')).rejects.toMatchObject({
        reason: 'busy'
      })
      const verdicts = Promise.all(slow.map(verdictOf))
      timers.advance(5000)
      expect(await verdicts).toEqual([4, 4, 4, 4])
      for (const stream of slow) await stream.close()
      expect(pair.acceptor.stats()).toMatchObject({ parked: 0, refused: { timeout: 4, busy: 1 } })
      await proveAlive(pair, 'echo')
      await until(() => pair.acceptor.stats().streams.inbound === 0)
    })

    test('half-open streams that are reset leave nothing behind (MUX-A4)', async () => {
      echo(pair.acceptor, 'echo')
      for (let i = 0; i < 150; i++) {
        const stream = await pair.bareStream()
        stream.send(Uint8Array.of(5))
        await new Promise(resolve => setImmediate(resolve))
        stream.abort(new Error('never mind'))
        await until(() => pair.acceptor.stats().streams.inbound < 8)
      }
      await until(() => pair.acceptor.stats().parked === 0)
      await proveAlive(pair, 'echo')
      await until(() => pair.acceptor.stats().streams.inbound === 0)
    })

    test('channels run side by side, and a stuck one holds up no other', async () => {
      echo(pair.acceptor, 'echo')
      pair.acceptor.handleChannel('stuck', () => {})
      const stuck = await pair.dialler.openChannel(pair.connection, 'stuck')
      const held = (): number => pair.acceptor.stats().bytesBuffered.receiving
      const waiting = (): number => pair.dialler.stats().bytesBuffered.sending
      while (held() < 200_000 || waiting() < 262_144) {
        if (waiting() < 262_144) stuck.send(patternBytes(60_000))
        else await turns(1)
      }
      await turns(100)
      expect(held()).toBeLessThanOrEqual(262_144)
      expect(waiting()).toBeLessThanOrEqual(262_144 + 60_000)
      const lengths = [0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 300_000, 1_048_576 - 128]
      await Promise.all(
        [1, 2, 3].map(async seed => {
          const channel = await pair.dialler.openChannel(pair.connection, 'echo')
          const sent = lengths.map(length => patternBytes(length, seed))
          const received = drain(channel)
          for (const message of sent) if (!channel.send(message)) await channel.drained()
          await channel.end()
          expect(concat(await received).length).toBe(concat(sent).length)
          expect(Buffer.compare(concat(await received), concat(sent))).toBe(0)
          await channel.closed
        })
      )
      stuck.abort(new Error('enough'))
      await until(() => pair.acceptor.stats().channels === 0)
    })

    test('a handler that throws or rejects ends its own stream only', async () => {
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
      await expect(drain(throws)).rejects.toMatchObject({
        name: 'ChannelTruncatedError',
        reason: 'handlerFailed'
      })
      const rejects = await pair.dialler.openChannel(pair.connection, 'rejects')
      rejects.send(text('go'))
      await expect(drain(rejects)).rejects.toMatchObject({ reason: 'handlerFailed' })
      const raw = await pair.dialler.open(pair.connection, 'raw')
      await new Recorder(raw).ended
      await raw.close().catch(() => {})
      other.send(text('still here'))
      expect(await receive(other)).toEqual(text('still here'))
      expect(pair.acceptor.stats().handlersFailed).toBe(3)
      other.abort(new Error('done'))
    })

    test('refuses beyond its own limits before the transport would, in both roles', async () => {
      await pair.stop()
      pair = await setup({ outboundStreamsMax: 6, inboundStreamsMax: 3, closeTimeoutMs: 300 })
      pair.acceptor.handleChannel('hold', () => {})
      const open = () => pair.dialler.openChannel(pair.connection, 'hold')
      const held = [await open(), await open(), await open()]
      await expect(open()).rejects.toMatchObject({ reason: 'busy' })
      await until(() => pair.dialler.stats().streams.outbound === 3)
      await pair.stop()
      pair = await setup({ outboundStreamsMax: 3, inboundStreamsMax: 6, closeTimeoutMs: 300 })
      pair.acceptor.handleChannel('hold', () => {})
      held.push(await open(), await open(), await open())
      const waiting = open()
      await until(() => pair.dialler.stats().queued === 1)
      held[3]?.abort(new Error('making room'))
      held.push(await waiting)
      expect(pair.dialler.stats()).toMatchObject({ queued: 0, streams: { outbound: 3 } })
    })

    test('the end of the connection ends every channel and every wait', async () => {
      pair.acceptor.handleChannel('hold', () => {})
      pair.acceptor.handleChannel('think', () => {}, { accept: () => new Promise(() => {}) })
      const channels = await Promise.all(
        [1, 2, 3, 4].map(() => pair.dialler.openChannel(pair.connection, 'hold'))
      )
      const reading = channels.map(channel => drain(channel).catch((error: Error) => error.name))
      const ending = channels.map(channel => channel.end().catch((error: Error) => error.name))
      const opening = pair.dialler.openChannel(pair.connection, 'think').catch((error: Error) => error.name)
      await until(() => pair.acceptor.stats().parked === 1)
      await pair.connection.close()
      await Promise.all(channels.map(channel => channel.closed))
      expect(await Promise.all(reading)).toEqual(Array(4).fill('ChannelTruncatedError'))
      // Nothing was sent, so some ENDs may have been acknowledged before the connection went.
      for (const result of await Promise.all(ending))
        expect([undefined, 'ChannelClosedError']).toContain(result)
      expect(await opening).toBe('StreamLostError')
      await until(
        () => pair.acceptor.stats().streams.inbound === 0 && pair.dialler.stats().streams.outbound === 0
      )
      expect(pair.dialler.stats().channels).toBe(0)
      await expect(pair.dialler.openChannel(pair.connection, 'hold')).rejects.toThrow()
    })

    test('stopping answers what is parked, ends what is open, and settles', async () => {
      echo(pair.acceptor, 'echo')
      pair.acceptor.handleChannel('think', () => {}, { accept: () => new Promise(() => {}) })
      const channel = await pair.dialler.openChannel(pair.connection, 'echo')
      const opening = pair.dialler.openChannel(pair.connection, 'think')
      await until(() => pair.acceptor.stats().parked === 1)
      const reading = drain(channel)
      const checks = Promise.all([
        expect(opening).rejects.toMatchObject({ reason: 'closing' }),
        expect(reading).rejects.toMatchObject({ reason: 'closing' })
      ])
      await pair.acceptor.stop()
      await checks
      expect(pair.acceptor.stats()).toMatchObject({ channels: 0, parked: 0, streams: { inbound: 0 } })
      await pair.acceptor.start()
      await proveAlive(pair, 'echo')
    })
  })
}
