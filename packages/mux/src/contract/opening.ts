import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import type { Stream } from '@libp2p/interface'
import { StreamRefusedError } from '../errors.ts'
import { encodePreamble } from '../preamble.ts'
import type { Refusal } from '../types.ts'
import { ManualTimers } from './manual-timers.ts'
import {
  echo,
  hasStats,
  onPair,
  proveAlive,
  sameBytes,
  text,
  verdictOf,
  type MuxContractCase
} from './pair.ts'
import { Recorder, cutAt, patternBytes, turns, until } from './probes.ts'

/** Opening streams, and the verdicts on them. */
export const openingCases: readonly MuxContractCase[] = [
  onPair(
    'hands a raw stream over with exactly the payload and one end, however it was cut (MUX-A1)',
    async pair => {
      const payload = patternBytes(1_048_576)
      const received = new Promise<Recorder>((resolve, reject) => {
        pair.acceptor.handle('a', async (stream, info) => {
          const seen = { tag: info.tag, peer: info.peer }
          if (seen.tag !== 'a' || seen.peer !== pair.diallerPeer.toString()) {
            reject(new assert.AssertionError({ message: 'the handler was told another tag or peer' }))
          }
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
        await turn()
      }
      for (const piece of cutAt(payload, [1, 2, 5000, 5001, 70_000, 300_000, 1_000_000])) {
        if (!stream.send(piece))
          await new Promise(resolve => stream.addEventListener('drain', resolve, { once: true }))
      }
      await stream.close()
      assert.equal(await status, 0)
      const recorder = await received
      assert.equal(recorder.ends, 1)
      sameBytes(recorder.bytes(), payload)
    }
  ),

  onPair('takes a preamble cut at every place, and 1 MiB right behind it in one piece', async pair => {
    const payload = patternBytes(1_048_576)
    const recorders: Recorder[] = []
    pair.acceptor.handle('odd:tag', stream => {
      recorders.push(new Recorder(stream))
      stream.addEventListener('remoteCloseWrite', () => void stream.close())
    })
    const preamble = encodePreamble(text('odd:tag'), Uint8Array.of(42))
    for (let place = 1; place < preamble.length; place++) {
      const stream = await pair.bareStream()
      const verdict = verdictOf(stream)
      for (const piece of cutAt(preamble, [place])) {
        stream.send(piece)
        await turn()
      }
      assert.equal(await verdict, 0)
      const recorder = recorders.at(-1) as Recorder
      sameBytes(await recorder.atLeast(1), Uint8Array.of(42))
      await stream.close()
    }
    const stream = await pair.bareStream()
    const verdict = verdictOf(stream)
    stream.send(encodePreamble(text('odd:tag'), payload))
    assert.equal(await verdict, 0)
    sameBytes(await (recorders.at(-1) as Recorder).atLeast(payload.length), payload)
    await stream.close()
    await until(() => pair.acceptor.stats().streams.inbound === 0)
  }),

  onPair('hands a raw stream over when preamble, payload and end come together', async pair => {
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
    sameBytes(recorder.bytes(), payload)
    assert.equal(recorder.ends, 1)
  }),

  onPair('opens raw streams whose bytes are untouched in both directions', async pair => {
    pair.acceptor.handle('raw', stream => {
      stream.addEventListener('message', event => stream.send(event.data))
      stream.addEventListener('remoteCloseWrite', () => void stream.close())
    })
    const stream = await pair.dialler.open(pair.connection, 'raw')
    const recorder = new Recorder(stream)
    stream.send(patternBytes(50_000))
    sameBytes(await recorder.atLeast(50_000), patternBytes(50_000))
    await stream.close()
    await recorder.ended
  }),

  onPair('rejects with the reason when no handler owns the tag (MUX-A5, MUX-I5)', async pair => {
    await assert.rejects(pair.dialler.open(pair.connection, 'nobody'), {
      name: 'StreamRefusedError',
      reason: 'unknownTag'
    })
    await assert.rejects(pair.dialler.openChannel(pair.acceptorPeer, 'nobody'), {
      name: 'StreamRefusedError',
      reason: 'unknownTag',
      tag: 'nobody',
      peer: pair.acceptorPeer.toString()
    })
    hasStats(pair.acceptor, { refused: { unknownTag: 2 } })
    hasStats(pair.dialler, { refusedByPeer: { unknownTag: 2 } })
  }),

  onPair(
    'loses none of 1,000 verdicts, and opens streams after them',
    async pair => {
      echo(pair.acceptor, 'echo')
      const reasons: Refusal[] = ['unknownTag', 'busy', 'malformed', 'timeout', 'closing']
      let next = 0
      pair.acceptor.handleChannel('refused', () => {}, { accept: () => reasons[next++ % 5] })
      const seen = new Map<string, number>()
      for (let round = 0; round < 50; round++) {
        const results = await Promise.allSettled(
          Array.from({ length: 20 }, (_, i) =>
            pair.dialler.openChannel(pair.connection, i % 2 === 0 ? 'refused' : 'nobody')
          )
        )
        for (const result of results) {
          const error = result.status === 'rejected' ? (result.reason as unknown) : undefined
          const reason = error instanceof StreamRefusedError ? error.reason : String(error)
          seen.set(reason, (seen.get(reason) ?? 0) + 1)
        }
      }
      assert.deepEqual(Object.fromEntries([...seen].sort()), {
        busy: 100,
        closing: 100,
        malformed: 100,
        timeout: 100,
        unknownTag: 600
      })
      await proveAlive(pair, 'echo')
      await until(
        () => pair.acceptor.stats().streams.inbound === 0 && pair.dialler.stats().streams.outbound === 0
      )
    },
    { closeTimeoutMs: 1000, inboundOpensPerSecondMax: 10_000 }
  ),

  onPair(
    'loses no verdict that is given before anything has been read',
    async pair => {
      echo(pair.acceptor, 'echo')
      await proveAlive(pair, 'echo')
      const seen = new Map<string, number>()
      for (let round = 0; round < 20; round++) {
        const opening = Array.from({ length: 16 }, () => pair.dialler.openChannel(pair.connection, 'echo'))
        for (const result of await Promise.allSettled(opening)) {
          const error = result.status === 'rejected' ? (result.reason as Error) : undefined
          const what = error instanceof StreamRefusedError ? error.reason : String(error)
          seen.set(what, (seen.get(what) ?? 0) + 1)
        }
      }
      assert.deepEqual(Object.fromEntries(seen), { busy: 320 })
    },
    { timers: new ManualTimers(), inboundOpensPerSecondMax: 1 }
  )
]
