import { DecodeError } from '@starling/codec'
import { seededRandom } from '@starling/ports'
import { systemHash } from '@starling/ports/system'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { INFINITY_BOUND, Reconciler, START_BOUND, type Item, type ReconcileStep } from '../src/index.ts'
import { Flags } from '../src/flags.ts'
import type { Frame, RangeRecord } from '../src/frame.ts'
import { decodeFrame } from '../src/read-frame.ts'
import { encodeFrame, RangesWriter } from '../src/write-frame.ts'
import { runs } from './runs.ts'
import { initOf, treeOf } from './sessions.ts'

const random = seededRandom(11)
const itemsOf = (count: number): Item[] =>
  Array.from({ length: count }, (_, ref) => ({
    stamp: BigInt(random.uint32()) << 16n,
    hash: systemHash(random.bytes(8)),
    ref
  }))
const tree = treeOf(itemsOf(30_000))
const whole = { lower: START_BOUND, upper: INFINITY_BOUND }
const frameOf = (...records: RangeRecord[]) => {
  const writer = new RangesWriter(524_288)
  for (const record of records) writer.add(record)
  return writer.finish(undefined)
}
/** Reads every record, wherever the mistake is. */
const recordsOf = (bytes: Uint8Array) => {
  const frame = decodeFrame(bytes)
  return frame.type === 'ranges' ? [...frame.records] : []
}
const open = (): Uint8Array =>
  encodeFrame({ type: 'open', ordered: false, salt: new Uint8Array(4), fingerprint: new Uint8Array(16) })
const failure = (step: ReconcileStep) => (step.end?.type === 'failed' ? step.end.reason : step.end?.type)

/** A responder that has had its first question, and what it asked in turn. */
function begun(): { readonly end: Reconciler; readonly asked: RangeRecord[] } {
  const end = new Reconciler(tree, initOf('responder', 1))
  return { end, asked: recordsOf(end.receive(open()).reply as Uint8Array) }
}

describe('a peer that', () => {
  test.each([
    ['echoes every question with another fingerprint', (record: RangeRecord) => [record]],
    [
      'cuts every question into pieces without end',
      (record: RangeRecord): RangeRecord[] => {
        const cuts = [...record.lower, 128, 1].slice(0, 40)
        const middle = Uint8Array.from(cuts)
        return Buffer.compare(middle, record.lower) > 0 && Buffer.compare(middle, record.upper) < 0
          ? [
              { ...record, upper: middle },
              { ...record, lower: middle }
            ]
          : [record]
      }
    ]
  ])('%s is done with within the turns that splitting takes', (_, answer) => {
    const end = new Reconciler(tree, initOf('responder', 1))
    let step = end.receive(open())
    let turns = 0
    let bytes = 0
    while (step.end === undefined && turns < 100) {
      turns++
      bytes += step.reply?.length ?? 0
      const replies = recordsOf(step.reply as Uint8Array).flatMap(record =>
        record.type === 'fingerprint'
          ? answer({ ...record, fingerprint: random.bytes(16) })
          : [{ type: 'answer' as const, lower: record.lower, upper: record.upper, ...nothing(record) }]
      )
      step = end.receive(frameOf(...replies))
    }
    expect(turns).toBeLessThanOrEqual(Math.ceil(Math.log(tree.count + 1) / Math.log(22)) + 4)
    expect(bytes).toBeLessThan(turns * 524_288)
    expect(['complete', 'partial', 'unasked']).toContain(failure(step))
  })

  test('asks about more than it was asked about, or in another way, is refused', () => {
    const fingerprint = new Uint8Array(16)
    const list = { type: 'list', prefixes: new Uint32Array(1) } as const
    for (const make of [
      // The answer to a part may not be about the whole, nor reach into what was found equal.
      () => ({ type: 'fingerprint', fingerprint, ...whole }) as const,
      (asked: RangeRecord[]) =>
        ({
          type: 'fingerprint',
          fingerprint,
          lower: START_BOUND,
          upper: asked[1]?.upper ?? whole.upper
        }) as const,
      () => ({ type: 'answer', lacks: new Flags(0), extra: 1, common: undefined, ...whole }) as const,
      () => ({ type: 'confirm', hashes: new Uint8Array(0), ...whole }) as const,
      () => ({ type: 'confirmed', lacks: new Flags(0), extra: 0, ...whole }) as const
    ]) {
      const { end, asked } = begun()
      expect(failure(end.receive(frameOf(make(asked))))).toBe('unasked')
    }
    // Once a range is listed and answered it is settled.
    const { end, asked } = begun()
    const first = asked[0] as RangeRecord
    const answered = end.receive(frameOf({ ...list, lower: first.lower, upper: first.upper }))
    expect(answered.end).toBe(undefined)
    expect(failure(end.receive(frameOf({ ...list, lower: first.lower, upper: first.upper })))).toBe('unasked')
  })

  test('answers for more or fewer items than were listed is refused', () => {
    const few = treeOf(itemsOf(10))
    for (const count of [9, 11]) {
      const end = new Reconciler(few, initOf('responder', 1))
      expect(recordsOf(end.receive(open()).reply as Uint8Array)[0]?.type).toBe('list')
      const answer = {
        type: 'answer',
        lacks: new Flags(count),
        extra: 0,
        common: new Uint8Array(16),
        ...whole
      } as const
      expect(failure(end.receive(frameOf(answer)))).toBe('malformed')
    }
  })

  test.each([128, 129])('lists %i items is heard up to 128', count => {
    // Numbers that meet in one place of a set take the square of their number: 131,000 fit into a frame.
    const { end, asked } = begun()
    const { lower, upper } = asked[0] as RangeRecord
    const step = end.receive(frameOf({ type: 'list', prefixes: new Uint32Array(count), lower, upper }))
    expect([failure(step), step.need]).toEqual(count > 128 ? ['malformed', 0] : [undefined, 128])
    const hashes = new Uint8Array(count * 32)
    const confirm = frameOf({ type: 'confirm', hashes, lower, upper })
    if (count > 128) expect(() => recordsOf(confirm)).toThrow(DecodeError)
    else expect(recordsOf(confirm)).toHaveLength(1)
  })

  test('says what has no place there is refused, and nothing is sent back', () => {
    const done: Frame = { type: 'done', truncated: false }
    const equal: Frame = { type: 'equal', salt: new Uint8Array(4), digest: new Uint8Array(8) }
    const fresh = () => new Reconciler(tree, initOf('responder', 1))
    for (const frame of [encodeFrame(done), encodeFrame(equal), encodeFrame({ type: 'collision' })]) {
      expect(fresh().receive(frame)).toMatchObject({
        reply: undefined,
        need: 0,
        end: { reason: 'unexpected' }
      })
    }
    const { end } = begun()
    expect(failure(end.receive(open()))).toBe('unexpected')
    expect(failure(end.receive(encodeFrame(done)))).toBe('unexpected')
    expect(failure(begun().end.receive(encodeFrame(equal)))).toBe('unexpected')
    expect(failure(begun().end.receive(new Uint8Array(524_289)))).toBe('malformed')
  })

  test('says nothing in more than one way is refused', () => {
    const list = (upper: number[], ...content: number[]) => [...upper, ...content]
    const skip = (byte: number) => list([0x01, byte], 0)
    for (const bytes of [
      // A frame of nothing, a skip at the end, two skips in a row, flags that mean nothing.
      [2, 0],
      [2, 0, ...skip(5)],
      [2, 0, ...list([0x01, 4], 5, 0, 0), ...skip(5)],
      [2, 0, ...skip(4), ...skip(5), ...list([0], 5, 0, 0)],
      [2, 4, ...list([0], 5, 0, 0)],
      // Three flags in a byte that has a fourth.
      [2, 0, ...list([0], 5, 3, 8, 0)],
      [4, 2],
      [6]
    ]) {
      expect(() => recordsOf(Uint8Array.from(bytes))).toThrow(DecodeError)
    }
    expect(recordsOf(Uint8Array.from([2, 0, ...skip(4), ...list([0], 5, 0, 0)]))).toHaveLength(1)
  })

  test('claims numbers it does not send costs nothing', () => {
    const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]
    for (const kind of [2, 3, 4, 5]) {
      const step = begun().end.receive(Uint8Array.from([2, 0, 0, kind, ...huge]))
      expect(failure(step)).toBe('malformed')
    }
  })
})

/** The answer that lacks nothing of what is listed and has nothing else. */
function nothing(record: RangeRecord): { lacks: Flags; extra: number; common: Uint8Array | undefined } {
  const count = record.type === 'list' ? record.prefixes.length : 0
  return { lacks: new Flags(count), extra: 0, common: count === 0 ? undefined : new Uint8Array(16) }
}

describe('any bytes', () => {
  /** A real frame of each kind, to be damaged. */
  const frames = (() => {
    const a = new Reconciler(treeOf(itemsOf(900)), initOf('initiator', 1))
    const b = new Reconciler(treeOf(itemsOf(900)), initOf('responder', 1))
    const all: Uint8Array[] = []
    let frame: Uint8Array | undefined = a.start()
    for (let side = b; frame !== undefined; side = side === a ? b : a) {
      all.push(frame)
      frame = side.receive(frame).reply
    }
    return [
      ...all,
      frameOf({ type: 'confirm', hashes: new Uint8Array(64).fill(3), ...whole }),
      frameOf({ type: 'confirmed', lacks: new Flags(3), extra: 300, ...whole }),
      encodeFrame({ type: 'equal', salt: new Uint8Array(4), digest: new Uint8Array(8) }),
      encodeFrame({ type: 'collision' })
    ]
  })()
  const damaged = fc
    .tuple(
      fc.constantFrom(...frames),
      fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 3 }),
      fc.nat(300)
    )
    .map(([bytes, changes, cut]) => {
      const copy = bytes.slice(0, cut < 200 ? bytes.length : bytes.length - (cut - 200))
      for (const [at, byte] of changes) if (copy.length > 0) copy[at % copy.length] = byte
      return copy
    })
  const anyFrame = fc.oneof(
    damaged,
    fc
      .tuple(fc.integer({ min: 1, max: 5 }), fc.uint8Array({ maxLength: 60 }))
      .map(([t, b]) => Uint8Array.of(t, ...b)),
    fc.uint8Array({ maxLength: 60 })
  )

  test('are a frame that is written back as it came, or a DecodeError', () => {
    fc.assert(
      fc.property(anyFrame, bytes => {
        try {
          const frame = decodeFrame(bytes)
          if (frame.type !== 'ranges') expect(encodeFrame(frame)).toEqual(bytes)
          else {
            const writer = new RangesWriter(frame.truncated ? 0 : 524_288)
            writer.fits(0)
            for (const record of frame.records) writer.add(record)
            expect(writer.finish(frame.slice)).toEqual(bytes)
          }
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      runs(10_000)
    )
  })

  test('at any moment of a session end it or go on, and never throw', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(0, 1, 2, 3),
        (list, turns) => {
          const a = new Reconciler(treeOf(itemsOf(300)), initOf('initiator', 1))
          const b = new Reconciler(treeOf(itemsOf(300)), initOf('responder', 1))
          let frame: Uint8Array | undefined = a.start()
          for (let i = 0; i < turns && frame !== undefined; i++)
            frame = (i % 2 === 0 ? b : a).receive(frame).reply
          for (const bytes of list) {
            const step = b.receive(bytes)
            expect(step.need).toBeGreaterThanOrEqual(0)
            if (step.end?.type === 'failed') expect([step.reply, step.have.count]).toEqual([undefined, 0])
          }
        }
      ),
      runs(500)
    )
  })
})
