import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import type { Stream } from '@libp2p/interface'
import { encodeCredit } from '../frame.ts'
import { encodePreamble } from '../preamble.ts'
import {
  besideHonest,
  hasStats,
  onPair,
  proveAlive,
  sameBytes,
  text,
  verdictOf,
  type MuxContractCase,
  type MuxPair
} from './pair.ts'
import { Recorder, concat, turns, until } from './probes.ts'

const WINDOW_BYTES = 65_536

/** Number of an END's reason on the wire. */
const MALFORMED = 2
const OVERRUN = 3

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

/** What a channel's opener may send that breaks the rules, and the reason it is told. */
const offences: readonly { readonly what: string; readonly sent: Uint8Array; readonly reason: number }[] = [
  { what: 'an unknown frame type', sent: bytes(9, 0, 0, 0), reason: MALFORMED },
  { what: 'a frame type of 0', sent: bytes(0, 0, 0, 0), reason: MALFORMED },
  { what: 'a body that is too long', sent: bytes(1, 1, 0, 1), reason: MALFORMED },
  { what: 'an empty part', sent: bytes(2, 0, 0, 0), reason: MALFORMED },
  { what: 'a grant of nothing', sent: bytes(3, 0, 0, 4, 0, 0, 0, 0), reason: MALFORMED },
  { what: 'grants without end', sent: bytes(3, 0, 0, 4, 255, 255, 255, 255), reason: MALFORMED },
  { what: 'END within a message', sent: bytes(2, 0, 0, 1, 1, 4, 0, 0, 1, 0), reason: MALFORMED },
  { what: 'a message after END', sent: bytes(4, 0, 0, 1, 0, 1, 0, 0, 0), reason: MALFORMED },
  { what: 'an END_ACK to nothing', sent: bytes(5, 0, 0, 0), reason: MALFORMED },
  { what: 'more than was granted', sent: concat(Array(4).fill(part(16_384))), reason: OVERRUN },
  {
    what: 'more empty messages than were granted',
    sent: new Uint8Array(4 * 513).map(everyFourth),
    reason: OVERRUN
  }
]

function part(length: number): Uint8Array {
  return concat([bytes(2, 0, length >>> 8, length & 255), new Uint8Array(length)])
}

function everyFourth(_: number, at: number): number {
  return at % 4 === 0 ? 1 : 0
}

/** A client that breaks the rules: it is told so, nobody else notices, and nothing of it is kept. */
export const misbehaviourCases: readonly MuxContractCase[] = [
  onPair('refuses what is no preamble, and what ends within one (MUX-A6)', async pair => {
    await besideHonest(pair, async () => {
      const heads = [
        bytes(0),
        bytes(5, 97),
        bytes(),
        encodePreamble(text('honest'), bytes(1, 0, 0, 4, 0, 0, 0, 0)),
        encodePreamble(text('honest'), encodeCredit(100)),
        encodePreamble(text('honest'), encodeCredit(0xffffffff)),
        encodePreamble(text('honest'), encodeCredit(WINDOW_BYTES).subarray(0, 5))
      ]
      for (const head of heads) {
        const stream = await pair.bareStream()
        const recorder = new Recorder(stream)
        if (head.length > 0) stream.send(head)
        await stream.close()
        sameBytes(await recorder.atLeast(1), bytes(3))
        await recorder.ended
        sameBytes(recorder.bytes(), bytes(3))
      }
      hasStats(pair.acceptor, { parked: 0, refused: { malformed: heads.length } })
    })
    await proveAlive(pair, 'honest')
  }),

  onPair(
    'a channel whose opener breaks the rules is ended with the reason, and no other is touched',
    async pair => {
      pair.acceptor.handleChannel('offended', () => {}, { windowBytes: WINDOW_BYTES })
      await besideHonest(pair, async () => {
        for (const { what, sent, reason } of offences) {
          const { stream, recorder } = await bareChannel(pair, 'offended')
          stream.send(sent)
          // The status and the first CREDIT came before; the last it gets is the END that says why, and not much is between.
          await recorder.ended
          const answer = recorder.bytes()
          assert.deepEqual([...answer.subarray(-5)], [4, 0, 0, 1, reason], what)
          // Less than it took to ask: nobody is made to amplify.
          assert.ok(answer.length <= 18, what)
          await stream.close().catch(() => {})
        }
      })
      await until(() => pair.acceptor.stats().streams.inbound === 0)
      hasStats(pair.acceptor, { channels: 0, bytesBuffered: { receiving: 0, sending: 0 } })
    }
  ),

  onPair('a client that takes nothing holds up its own channel, at a bounded cost', async pair => {
    pair.acceptor.handleChannel('generous', async channel => {
      for (;;) {
        if (!channel.send(new Uint8Array(1000))) await channel.drained()
      }
    })
    await besideHonest(pair, async () => {
      const { stream, recorder } = await bareChannel(pair, 'generous')
      await recorder.atLeast(50_000)
      await turns(100)
      const { sending } = pair.acceptor.stats().bytesBuffered
      assert.ok(
        sending > 100_000 && sending <= 300_000,
        `${sending} bytes wait for a client that grants nothing`
      )
      assert.ok(recorder.bytes().length <= WINDOW_BYTES + 5000, 'more was sent than was granted')
      stream.abort(new Error('enough'))
      await until(() => pair.acceptor.stats().channels === 1)
    })
  }),

  onPair('a flood of streams costs the flooder its verdicts, and nobody else anything', async pair => {
    await besideHonest(pair, async () => {
      const counts = new Map<number | undefined, number>()
      const flood = async (): Promise<void> => {
        for (let i = 0; i < 40; i++) {
          const stream = await pair.bareStream()
          const verdict = verdictOf(stream)
          stream.send(encodePreamble(text('nobody')))
          await stream.close().catch(() => {})
          const status = await verdict
          counts.set(status, (counts.get(status) ?? 0) + 1)
          if (i % 4 === 3) stream.abort(new Error('never mind'))
        }
      }
      await Promise.all(Array.from({ length: 20 }, flood))
      const unknown = counts.get(1) ?? 0
      const busy = counts.get(2) ?? 0
      assert.equal(unknown + busy, 800, JSON.stringify([...counts]))
      assert.ok(unknown > 0)
      const { received, accepted, refused, abandoned, parked } = pair.acceptor.stats()
      const refusals = Object.values(refused).reduce((sum, count) => sum + count)
      assert.equal(received, accepted + refusals + abandoned + parked)
    })
    await until(() => pair.acceptor.stats().streams.inbound === 0)
  }),

  onPair('a stream that comes while the mux stops is told so', async pair => {
    const stream = await pair.bareStream()
    stream.send(bytes(3, 97))
    await until(() => pair.acceptor.stats().parked === 1)
    const verdict = verdictOf(stream)
    const stopped = pair.acceptor.stop()
    const late = await pair.bareStream().catch(() => undefined)
    const lateVerdict = late === undefined ? undefined : verdictOf(late)
    assert.equal(await verdict, 5)
    // A stream that comes before the protocol is taken down gets a verdict too; one that comes after never opens.
    if (lateVerdict !== undefined) assert.ok([5, undefined].includes(await lateVerdict))
    for (const open of [stream, late]) await open?.close().catch(() => {})
    await stopped
    hasStats(pair.acceptor, { parked: 0 })
    await until(() => pair.acceptor.stats().streams.inbound === 0)
  })
]

/** A stream on which a channel has been accepted, in the hands of a client that does not know what a channel is. */
async function bareChannel(pair: MuxPair, tag: string): Promise<{ stream: Stream; recorder: Recorder }> {
  const stream = await pair.bareStream()
  const recorder = new Recorder(stream)
  stream.send(encodePreamble(text(tag), encodeCredit(WINDOW_BYTES)))
  assert.equal((await recorder.atLeast(9))[0], 0)
  await turn()
  return { stream, recorder }
}
