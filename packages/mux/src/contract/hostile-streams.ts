import assert from 'node:assert/strict'
import type { Stream } from '@libp2p/interface'
import { encodeCredit } from '../frame.ts'
import { encodePreamble } from '../preamble.ts'
import { ManualTimers } from './manual-timers.ts'
import {
  besideHonest,
  echo,
  hasStats,
  onPair,
  proveAlive,
  sameBytes,
  text,
  verdictOf,
  type MuxContractCase,
  type MuxPair
} from './pair.ts'
import { Recorder, patternBytes, turns, until } from './probes.ts'

/** Status bytes. */
const ACCEPTED = 0
const UNKNOWN_TAG = 1
const BUSY = 2

/** What libp2p buffers of a stream that nobody reads before it resets the stream, in bytes. */
const UNREAD_BYTES_MAX = 4 * 1_048_576

/** A client that opens streams as it should not: it gets its verdict each time, and nobody else notices. */
export const hostileStreamCases: readonly MuxContractCase[] = [
  onPair('a tag is any bytes: none is special, and no two are mistaken for each other', async pair => {
    const tags = ['__proto__', 'constructor', 'a\0b', 'a\nb', '\ufffd', 'x'.repeat(255)]
    const got: string[] = []
    pair.acceptor.handle(tags, (stream, { tag }) => {
      got.push(tag)
      void stream.close()
    })
    await besideHonest(pair, async () => {
      for (const tag of tags) assert.equal(await ask(pair, text(tag)), ACCEPTED)
      // Ill-formed UTF-8 reads as the replacement character, which is a tag here; and names that every object has.
      const strange = [Uint8Array.of(0xff), Uint8Array.of(0xed, 0xa0, 0x80), text('toString'), text('a')]
      for (const tag of strange) assert.equal(await ask(pair, tag), UNKNOWN_TAG)
    })
    assert.deepEqual(got, tags)
    assert.equal(Object.hasOwn(Object.prototype, 'a\0b'), false)
    await until(() => pair.acceptor.stats().streams.inbound === 0)
  }),

  onPair('a raw stream that its handler never reads costs no more than libp2p buffers', async pair => {
    const taken = Promise.withResolvers<Stream>()
    pair.acceptor.handle('deaf', stream => taken.resolve(stream))
    await besideHonest(pair, async () => {
      const stream = await pair.bareStream()
      const recorder = new Recorder(stream)
      stream.send(encodePreamble(text('deaf')))
      const unread = await taken.promise
      const chunk = patternBytes(65_536)
      for (let sent = 0; sent < 3 * UNREAD_BYTES_MAX; sent += chunk.length) {
        if (stream.writeStatus !== 'writable') break
        if (!stream.send(chunk)) await turns(3)
        // A transport with flow control has stopped taking anything long before.
        if (stream.writeBufferLength > UNREAD_BYTES_MAX) break
        assert.ok(unread.readBufferLength <= UNREAD_BYTES_MAX, `${unread.readBufferLength} bytes wait`)
      }
      stream.abort(new Error('nobody listens'))
      await recorder.ended
      unread.abort(new Error('enough'))
    })
    await until(() => pair.acceptor.stats().streams.inbound === 0)
  }),

  onPair(
    'a client beyond its rate is told so each time, and its channels go on',
    async pair => {
      await besideHonest(pair, async () => {
        const verdicts: (number | undefined)[] = []
        // The honest channel was one of them.
        for (let i = 0; i < 30; i++) verdicts.push(await ask(pair, text('nobody')))
        assert.deepEqual(verdicts, [...Array(9).fill(UNKNOWN_TAG), ...Array(21).fill(BUSY)])
        hasStats(pair.acceptor, { limited: { rate: 21 }, refused: { busy: 21, unknownTag: 9 } })
      })
    },
    // Nothing of what this takes in real time makes the second pass.
    { timers: new ManualTimers(), inboundOpensPerSecondMax: 10 }
  ),

  onPair('what a stranger gets is less than three times what it sent (I23)', async pair => {
    pair.acceptor.handleChannel('mute', () => {})
    const heads = [
      Uint8Array.of(0),
      Uint8Array.of(1),
      encodePreamble(text('nobody')),
      encodePreamble(text('mute'), encodeCredit(16_384)),
      encodePreamble(text('mute'), Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9)),
      encodePreamble(text('mute'), Uint8Array.of(...encodeCredit(16_384), 9, 0, 0, 0)),
      encodePreamble(text('mute'), Uint8Array.of(...encodeCredit(16_384), 4, 0, 0, 1, 0))
    ]
    for (const head of heads) {
      const stream = await pair.bareStream()
      const recorder = new Recorder(stream)
      stream.send(head)
      await recorder.atLeast(1)
      await stream.close()
      await recorder.ended
      const { length } = recorder.bytes()
      assert.ok(length > 0 && length <= 3 * head.length, `${length} bytes for ${head.length}`)
    }
    echo(pair.acceptor, 'echo')
    await proveAlive(pair, 'echo')
  }),

  onPair('streams outlive the registration of their tag, unless it ends them', async pair => {
    const stay = pair.acceptor.handleChannel('stay', () => {})
    const end = pair.acceptor.handleChannel('end', () => {})
    const opened = ['stay', 'end'].map(async tag => {
      const stream = await pair.bareStream()
      const recorder = new Recorder(stream)
      stream.send(encodePreamble(text(tag), encodeCredit(16_384)))
      sameBytes((await recorder.atLeast(9)).subarray(0, 1), Uint8Array.of(ACCEPTED))
      return { stream, recorder }
    })
    const [kept, ended] = await Promise.all(opened)
    await besideHonest(pair, async () => {
      stay.dispose()
      end.dispose({ abort: new Error('no longer offered') })
      await ended?.recorder.ended
      sameBytes(ended?.recorder.bytes().subarray(-5) as Uint8Array, Uint8Array.of(4, 0, 0, 1, 1))
      for (const tag of ['stay', 'end']) assert.equal(await ask(pair, text(tag)), UNKNOWN_TAG)
      assert.equal(kept?.recorder.ends, 0)
    })
    for (const stream of [kept?.stream, ended?.stream]) await stream?.close().catch(() => {})
    await until(() => pair.acceptor.stats().streams.inbound === 0)
  })
]

/** Opens a stream for `tag` as a client would that knows no channels, and returns its status byte. */
async function ask(pair: MuxPair, tag: Uint8Array): Promise<number | undefined> {
  const stream = await pair.bareStream()
  const verdict = verdictOf(stream)
  stream.send(encodePreamble(tag))
  const status = await verdict
  await stream.close().catch(() => {})
  return status
}
