import { encodeValue } from '@starling/codec'
import { encodeEntry, encodeKnown, NOTHING_KNOWN, putEntry, replicaIdOf } from '@starling/ormap'
import { systemHash } from '@starling/ports/system'
import { describe, expect, test } from 'vitest'
import { SyncFrameError } from '../src/errors.ts'
import { EntryPacker } from '../src/frames.ts'
import {
  decodeSessionFrame,
  encodeCount,
  encodeHello,
  encodeKnownFrame,
  encodePart,
  entriesHead
} from '../src/range-exchange-frames.ts'
import { digestKnown } from '../src/range-exchange-known.ts'
import { ENTRY_PARTS_MAX } from '../src/range-exchange-limits.ts'
import { FakeState } from './support/fake-exchange-state.ts'
import { exchangeOf } from './support/range-talk.ts'

const ID = replicaIdOf(new Uint8Array(8).fill(1))
const PEER = replicaIdOf(new Uint8Array(8).fill(2))

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const digest = (stamps = NOTHING_KNOWN): Uint8Array => digestKnown(stamps, systemHash, Infinity).digest
const hello = encodeHello(digest(), undefined)
/** The comparison's frames, by hand (docs/wire/reconcile.md). */
const OPEN_EMPTY = hex('01 02 01010101')
const OPEN_DIFFERENT = hex('01 00 01010101 00000000000000000000000000000000')
/** Everything: this side has nothing of it. */
const LIST_NOTHING = hex('02 00 00 02 00')
/** Of nothing listed it lacks nothing, and it has 2^53 − 1 items beside. */
const CLAIM_MUCH = hex('02 00 00 03 00 ffffffffffffff0f')
const CLAIM_TWO = hex('02 00 00 03 00 02')
const DONE = hex('04 00')
const COLLISION = hex('05')

function entry(key: string, stamp = 1n << 32n): Uint8Array {
  return encodeEntry(key, putEntry(undefined, PEER, stamp, encodeValue('x')))
}

function entries(back: boolean, ...list: Uint8Array[]): Uint8Array {
  const packer = new EntryPacker(entriesHead(back), 1 << 20)
  for (const one of list) packer.add(one)
  return packer.flush() as Uint8Array
}

interface Run {
  readonly error: Error | undefined
  readonly state: FakeState
  readonly sent: readonly Uint8Array[]
}

/** Runs one side against a peer whose frames are prepared; the peer reads everything and ends when it has no more. */
async function against(
  frames: readonly (Uint8Array | (() => Uint8Array))[],
  { initiator = false, count = 0, byKnown = false } = {}
): Promise<Run> {
  const state = new FakeState(ID)
  state.byKnown = byKnown
  for (let i = 0; i < count; i++) state.put(`k${i}`, 'x'.repeat(100))
  const sent: Uint8Array[] = []
  const exchange = {
    messageBytesMax: 1 << 20,
    send: async (message: Uint8Array) => void sent.push(message),
    async *[Symbol.asyncIterator]() {
      for (const frame of frames) {
        // What the other side has to say so far is sent first.
        for (let i = 0; i < 50; i++) await Promise.resolve()
        yield typeof frame === 'function' ? frame() : frame
      }
    }
  }
  const { signal } = new AbortController()
  let error: Error | undefined
  try {
    await exchangeOf(state).reconcile(exchange, { peer: 'peer', initiator, signal })
  } catch (thrown) {
    error = thrown as Error
  }
  return { error, state, sent }
}

function entriesIn(sent: readonly Uint8Array[]): number {
  return sent.reduce((sum, bytes) => {
    const frame = decodeSessionFrame(bytes)
    return sum + (frame.type === 'entries' ? frame.entries.length : frame.type === 'part' ? 1 : 0)
  }, 0)
}

describe('a session ends, and changes nothing, when the peer sends', () => {
  const part = (first: boolean): Uint8Array => encodePart(entry('k'), { first, back: false, answered: [] })
  test.each<[string, readonly Uint8Array[], RegExp, object?]>([
    ['nothing at all', [], /stopped before its end/],
    ['an empty frame', [new Uint8Array(0)], /truncated/],
    ['an unknown frame', [hex('1f')], /unknownType/],
    ['another format', [hex('10 09 00 00000000000000000000000000000000')], /unknownType/],
    ['unknown flags', [hex('10 02 80 00000000000000000000000000000000')], /unknownType/],
    ['a comparison before the hello', [OPEN_EMPTY], /before the hello/],
    ['entries before the hello', [entries(false, entry('k'))], /before the hello/],
    ['two hellos', [hello, hello], /second hello/],
    ['a frame beyond every limit', [new Uint8Array(1024 * 1024 + 1)], /1048577 bytes/],
    ['entries before any are found', [hello, entries(false, entry('k'))], /not asked for/],
    ['entries back that it was not sent', [hello, entries(true, entry('k'))], /not asked for/],
    [
      'more entries than it has found',
      [hello, CLAIM_TWO, entries(false, ...['a', 'b', 'c'].map(key => entry(key)))],
      /not asked for/,
      { initiator: true }
    ],
    ['entries without bytes', [hello, CLAIM_TWO, hex('12 00 00')], /invalid/, { initiator: true }],
    [
      'an entry in parts without end',
      [hello, CLAIM_TWO, part(true), ...Array.from({ length: ENTRY_PARTS_MAX }, () => part(false))],
      /too many parts/,
      { initiator: true }
    ],
    [
      'more answering replicas than bytes',
      [hello, CLAIM_TWO, hex('13 05 ffffffff0f')],
      /truncated/,
      { initiator: true }
    ],
    [
      'a false count',
      [hello, CLAIM_TWO, entries(false, entry('a')), encodeCount('found', 2, false)],
      /sent 2 entries, 1 arrived/,
      { initiator: true }
    ],
    [
      'an end of entries before the comparison’s',
      [hello, OPEN_DIFFERENT, encodeCount('found', 0, false)],
      /without anything before it/,
      { count: 300 }
    ],
    [
      'an end where nothing was found',
      [hello, OPEN_EMPTY, DONE, encodeCount('found', 0, false)],
      /without anything before it/,
      { count: 300 }
    ],
    ['a range that was not asked about', [hello, LIST_NOTHING], /unexpected/, { count: 300 }],
    [
      'ranges in reverse',
      [
        hello,
        hex('02 00 010502 01 00000000000000000000000000000000 010402 01 00000000000000000000000000000000')
      ],
      /malformed/,
      { initiator: true, count: 300 }
    ],
    [
      'an empty range',
      [hello, hex('02 00 010502 01 00000000000000000000000000000000 10 01 00000000000000000000000000000000')],
      /malformed/,
      { initiator: true, count: 300 }
    ],
    [
      'a bound longer than a key',
      [hello, hex(`02 00 0f1a${'01'.repeat(41)} 01 ${'00'.repeat(16)}`)],
      /malformed/,
      { initiator: true, count: 300 }
    ],
    [
      'a claim of more items than bytes',
      [hello, hex('02 00 00 02 ffff03')],
      /malformed/,
      { initiator: true, count: 300 }
    ],
    ['a comparison after its end', [hello, OPEN_EMPTY, DONE, DONE], /stopped|after its end/, { count: 300 }],
    [
      'collisions without end',
      [hello, LIST_NOTHING, COLLISION, LIST_NOTHING, COLLISION],
      /collision of items in order/,
      { initiator: true, count: 300 }
    ]
  ])('%s', async (_, frames, message, how) => {
    const { error, state } = await against(frames, how)
    expect(error).toBeInstanceOf(SyncFrameError)
    expect(error?.message).toMatch(message)
    expect(state.ends).toEqual([{ wholeRange: false, refused: 0 }])
    expect(state.raises).toEqual(['incomplete'])
  })
})

describe('what a peer says it knows', () => {
  const stamps = new Map([[PEER, 5n]])
  const helloOf = (known = stamps): Uint8Array => encodeHello(digest(known), undefined)
  const knownOf = (known: ReadonlyMap<string, bigint>): Uint8Array =>
    encodeKnown(known, NOTHING_KNOWN, systemHash)
  const future = new Map([[PEER, BigInt(1_700_000_000_000 + 3_600_000) << 16n]])

  test.each<[string, readonly Uint8Array[], RegExp]>([
    [
      'is refused when it was not announced',
      [hello, encodeKnownFrame(false, knownOf(stamps))],
      /not asked for/
    ],
    [
      'is refused when it is not what was announced',
      [helloOf(), encodeKnownFrame(false, knownOf(new Map([[PEER, 6n]])))],
      /not what it announced/
    ],
    [
      'is refused when it is of the future',
      [helloOf(future), encodeKnownFrame(false, knownOf(future))],
      /outOfRange/
    ],
    [
      'is refused as a difference to what nobody sent',
      [helloOf(), encodeKnownFrame(true, knownOf(stamps))],
      /difference to nothing/
    ],
    [
      'is refused when it comes twice',
      [helloOf(), encodeKnownFrame(false, knownOf(stamps)), encodeKnownFrame(false, knownOf(stamps))],
      /not asked for/
    ],
    ['is due before entries', [helloOf(), entries(false, entry('a'))], /before what it knows/],
    ['is due before the comparison ends', [helloOf(), hex('04 00')], /unexpected|did not say/]
  ])('%s', async (_, frames, message) => {
    const { error, state } = await against(frames, { initiator: true, byKnown: true })
    expect(error).toBeInstanceOf(SyncFrameError)
    expect(error?.message).toMatch(message)
    expect(state.raises).toEqual(['incomplete'])
  })
})

describe('what a peer can make a side do', () => {
  test('sending: each entry once for a peer that lacks everything, however often it says so', async () => {
    const { sent, error } = await against([hello, OPEN_EMPTY, DONE, OPEN_EMPTY], { count: 2000 })
    expect(error).toBeInstanceOf(SyncFrameError)
    expect(entriesIn(sent)).toBe(2000)
  })

  test('sending: twice at most, when it feigns one collision', async () => {
    const { sent, state, error } = await against([hello, LIST_NOTHING, COLLISION, LIST_NOTHING, DONE], {
      initiator: true,
      count: 500
    })
    expect(error).toBeInstanceOf(SyncFrameError)
    expect(state.collisions).toBe(1)
    expect(entriesIn(sent)).toBeLessThanOrEqual(1000)
  })

  test('comparing: at most 4 KiB of answer for each frame that only disagrees', async () => {
    const { sent } = await against([hello, OPEN_DIFFERENT], { count: 20_000 })
    const comparison = sent.filter(bytes => (bytes[0] as number) < 16)
    expect(comparison).toHaveLength(1)
    expect(comparison[0]?.length).toBeLessThan(4096)
    expect(entriesIn(sent)).toBe(0)
  })

  test('taking in: what it claims to have costs nothing until it comes, and each entry takes its bytes', async () => {
    const many = Array.from({ length: 1000 }, (_, i) => entry(`k${i}`))
    const { error, state } = await against([hello, CLAIM_MUCH, entries(false, ...many)], { initiator: true })
    expect(error?.message).toMatch(/stopped before its end/)
    expect(state.map.size).toBe(1000)
    expect(state.ends).toEqual([{ wholeRange: false, refused: 0 }])
  })

  test('answering: an entry goes back once for a key, however often its dead value comes', async () => {
    const state = new FakeState(ID)
    state.known.raise(state.known.startSession(), new Map([[PEER, 1n << 40n]]), {
      wholeRange: true,
      refused: 0,
      uncompared: 0,
      durable: true
    })
    state.byKnown = true
    const sent: Uint8Array[] = []
    const frames = [
      encodeHello(digest(state.known.stamps()), undefined),
      CLAIM_MUCH,
      ...Array.from({ length: 100 }, () => entries(false, entry('dead'), entry('dead'))),
      encodeCount('found', 200, false)
    ]
    const exchange = {
      messageBytesMax: 1 << 20,
      send: async (message: Uint8Array) => void sent.push(message),
      async *[Symbol.asyncIterator]() {
        for (const frame of frames) {
          for (let i = 0; i < 50; i++) await Promise.resolve()
          yield frame
        }
      }
    }
    const { signal } = new AbortController()
    const outcome = await exchangeOf(state).reconcile(exchange, { peer: 'peer', initiator: true, signal })
    expect(entriesIn(sent)).toBe(1)
    // The answers it did not get are due in another round.
    expect(outcome).toMatchObject({ complete: false, more: true })
    expect(state.raises.at(-1)).toBe('incomplete')
  })
})
