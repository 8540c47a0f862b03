import { DecodeError } from '@starling/codec'
import { HybridLogicalClock } from '@starling/hlc'
import { systemHash } from '@starling/ports/system'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  decodeEntry,
  decodeRows,
  encodeEntry,
  encodeEvidence,
  encodeLive,
  ingest,
  loadSnapshot,
  ObservedRemoveMap
} from '../src/index.ts'
import { entryOf, item } from './entries.ts'
import { must } from './must.ts'
import { runs } from './runs.ts'

// Goal: no bytes make a decoder throw anything but its refusal, accept what is not canonical, or allocate more than a constant
// times what it was given. Method: a corpus of inputs, each of which once reached a part of the decoders that none before it had
// (found with the engine's block coverage), read as it is and mutated. FC_RUNS makes it longer; a failure names its input.

interface Sample {
  readonly bytes: Uint8Array
  readonly outcome: string
}

const WALL_MS = 2 ** 48
const RUNS = runs(100_000).numRuns

const corpus = (name: string): readonly Sample[] =>
  readFileSync(join(import.meta.dirname, 'corpus', `${name}.txt`), 'utf8')
    .trim()
    .split('\n')
    .map(line => {
      const [hex = '', outcome = ''] = line.split(' ')
      return { bytes: Uint8Array.from(Buffer.from(hex, 'hex')), outcome }
    })

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex')

/** What a decoder makes of bytes: what it accepts comes with its encoding, for comparison. */
const decoders: Readonly<Record<string, (bytes: Uint8Array) => string | undefined>> = {
  entries: bytes => {
    const { key, entry } = decodeEntry(bytes)
    return hex(encodeEntry(key, entry))
  },
  'live-rows': bytes => hex(encodeLive('k', decodeRows(bytes, undefined), systemHash)?.bytes),
  'evidence-rows': bytes => hex(encodeEvidence('k', decodeRows(undefined, bytes), systemHash)?.bytes),
  snapshots: bytes => {
    loadSnapshot(new ObservedRemoveMap(systemHash), bytes, { wallMs: WALL_MS })
    return undefined
  }
}

function outcomeOf(decode: (bytes: Uint8Array) => string | undefined, bytes: Uint8Array): string {
  try {
    const again = decode(bytes)
    return again === undefined || again === hex(bytes) ? 'accepted' : `accepted ${hex(bytes)} as ${again}`
  } catch (error) {
    return error instanceof DecodeError
      ? `${error.reason}@${error.offset}`
      : `${hex(bytes)}: ${String(error)}`
  }
}

/** Numbers that are the same in every run. */
function drawer(): (below: number) => number {
  let state = 1
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** One to three changes: of a byte, of a length, or a piece of another sample. */
function* mutants(samples: readonly Sample[], count: number): Iterable<Uint8Array> {
  const draw = drawer()
  const pick = () => must(samples[draw(samples.length)]).bytes
  const telling = [0, 1, 2, 0x18, 0x1b, 0x5f, 0x7f, 0x80, 0x82, 0xa1, 0xf9, 0xff]
  for (let i = 0; i < count; i++) {
    const list = [...pick()]
    for (let changes = draw(3) + 1; changes > 0; changes--) {
      const at = draw(list.length + 1)
      const byte = draw(2) === 0 ? draw(256) : must(telling[draw(telling.length)])
      const kind = draw(6)
      if (kind === 0) list[at] = byte
      else if (kind === 1) list[at] = (list[at] ?? 0) ^ (1 << (byte & 7))
      else if (kind === 2) list.splice(at, 0, byte)
      else if (kind === 3) list.splice(at, draw(3) + 1)
      else if (kind === 4) list.length = at
      else {
        const other = pick()
        const from = draw(other.length)
        list.splice(at, draw(4), ...other.subarray(from, from + draw(20)))
      }
    }
    yield Uint8Array.from(list)
  }
}

describe.each(Object.entries(decoders))('the decoder of %s', (name, decode) => {
  const samples = corpus(name)

  test('makes of each sample of the corpus what it made of it before', () => {
    expect(samples.length).toBeGreaterThan(30)
    expect(samples.map(({ bytes }) => outcomeOf(decode, bytes))).toEqual(
      samples.map(({ outcome }) => outcome)
    )
  })

  test('makes of each mutant what encodes to the same bytes, or a refusal', () => {
    const counts = { accepted: 0, refused: 0 }
    const wrong: string[] = []
    for (const bytes of mutants(samples, RUNS / 4)) {
      const outcome = outcomeOf(decode, bytes)
      if (outcome === 'accepted') counts.accepted++
      else if (/^[a-zA-Z]+@\d+$/u.test(outcome)) counts.refused++
      else wrong.push(outcome)
    }
    expect(wrong).toEqual([])
    expect(Math.min(counts.accepted, counts.refused)).toBeGreaterThan(RUNS / 200)
  })
})

test('WIRE-A1: a hundred thousand mutants are ingested without a throw, and only what is accepted moves the clock', () => {
  const map = new ObservedRemoveMap(systemHash)
  const clock = new HybridLogicalClock({ driftMsMax: WALL_MS })
  let accepted = 0
  for (const bytes of mutants(corpus('entries'), RUNS)) {
    const before = clock.last
    const { changed, unchanged, rejected, greatestStamp } = ingest(map, [bytes], {
      wallMs: 0,
      driftMsMax: 2 ** 45
    })
    clock.receive(greatestStamp, 0)
    if (rejected.length === 1 && (clock.last !== before || changed.length + unchanged > 0)) {
      throw new Error(`refused, and yet not without effect: ${hex(bytes)}`)
    }
    for (const { key, joined } of changed) map.join(key, joined)
    accepted += changed.length
  }
  expect(accepted).toBeGreaterThan(RUNS / 100)
  expect(map.root.count).toBe(map.size)
})

describe('WIRE-I4: what decoding allocates', () => {
  afterEach(() => void vi.unstubAllGlobals())

  /** Bytes of all arrays that are made while something runs. Views make none. */
  function allocatedBy(run: () => void): number {
    let allocated = 0
    const real = Uint8Array
    vi.stubGlobal(
      'Uint8Array',
      new Proxy(real, {
        construct(target, args) {
          const made = Reflect.construct(target, args)
          if (!(args[0] instanceof ArrayBuffer)) allocated += made.byteLength
          return made
        }
      })
    )
    try {
      run()
    } finally {
      vi.unstubAllGlobals()
    }
    return allocated
  }

  test.each(['entries', 'live-rows', 'evidence-rows'])(
    '%s: no more bytes than came, accepted or not',
    name => {
      const decode: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
        entries: bytes => decodeEntry(bytes),
        'live-rows': bytes => decodeRows(bytes, undefined),
        'evidence-rows': bytes => decodeRows(undefined, bytes)
      }
      const samples = corpus(name)
      for (const bytes of [...samples.map(sample => sample.bytes), ...mutants(samples, 2000)]) {
        const allocated = allocatedBy(() => {
          try {
            must(decode[name])(bytes)
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError)
          }
        })
        if (allocated > bytes.length) throw new Error(`${allocated} bytes for ${hex(bytes)}`)
      }
      const long = encodeEntry('k'.repeat(1000), entryOf(item('a', 1, 7)))
      if (name === 'entries') expect(allocatedBy(() => void decodeEntry(long))).toBeGreaterThan(0)
    }
  )

  test('snapshots: at most 40 times the bytes that came, and what an empty map takes', () => {
    const load = (bytes: Uint8Array) =>
      loadSnapshot(new ObservedRemoveMap(systemHash), bytes, { wallMs: WALL_MS })
    const most = (bytes: Uint8Array) => 40 * bytes.length + 16_384
    const samples = corpus('snapshots')
    for (const bytes of [...samples.map(sample => sample.bytes), ...mutants(samples, 2000)]) {
      const allocated = allocatedBy(() => {
        try {
          load(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      })
      if (allocated > most(bytes)) throw new Error(`${allocated} bytes for ${hex(bytes)}`)
    }
    // The worst there is: keys that repeat all they may, each with one item of evidence under a stamp one further.
    const first = `00 41 ${'61'.repeat(65)} 00 01 00 01`
    const more = `40 02 XXXX 00 01 00 03`
    const count = 4096
    const text = [`01 01 00000000000000aa 81 20`, first]
    for (let i = 0; i < count; i++) {
      text.push(more.replace('XXXX', (0x3030 + Math.floor(i / 64) * 256 + (i % 64)).toString(16)))
    }
    const worst = Uint8Array.from(Buffer.from(text.join('').replaceAll(' ', ''), 'hex'))
    let changed = 0
    const allocated = allocatedBy(() => void (changed = load(worst).changed.length))
    expect(changed).toBe(count + 1)
    expect(allocated).toBeLessThan(most(worst))
  })

  test.each([
    ['a value of 100 MB', '0101 6b 01 00000000000000aa 0000000000000001 00 80c2d72f', 'entry'],
    ['2^53 - 1 dots', '0101 6b ffffffffffffff0f', 'entry'],
    ['a key of 100 MB', '01 80c2d72f', 'entry'],
    ['2^53 - 1 replicas', '01 ffffffffffffff0f', 'piece'],
    ['2^53 - 1 entries', '01 00 ffffffffffffff0f', 'piece'],
    ['2^53 - 1 items', '01 00 01 00 00 ffffffffffffff0f 00 00 00 00 00', 'piece'],
    ['a key of 100 MB in a piece', '01 00 01 00 80c2d72f 00 00 00 00 00 00', 'piece']
  ])('%s that is declared and not there costs nothing', (_name, text, kind) => {
    const bytes = Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
    const map = new ObservedRemoveMap(systemHash)
    const decode = kind === 'entry' ? () => decodeEntry(bytes) : () => loadSnapshot(map, bytes, { wallMs: 0 })
    const allocated = allocatedBy(() => {
      expect(decode).toThrow(DecodeError)
    })
    expect(allocated).toBeLessThan(200)
  })
})
