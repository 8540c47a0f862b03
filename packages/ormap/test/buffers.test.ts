import { expect, test } from 'vitest'
import {
  decodeEntry,
  decodeRows,
  encodeEntry,
  encodeLive,
  ingest,
  liveDots,
  type Entry
} from '../src/index.ts'
import { encodeValue } from '@starling/codec'
import { systemHash } from '@starling/ports/system'

/** A text of so many characters. */
const text = (length: number): Uint8Array => encodeValue('v'.repeat(length))

// A Buffer's slice() is a view: one byte of value would keep the whole chunk that it came in.
test.each([1, 200])(
  'a value that came in a Buffer is a copy: it shares nothing, and keeps nothing of the chunk alive (%i)',
  length => {
    const value = text(length)
    const entry: Entry = { items: [{ replica: '00000000000000aa', stamp: 1n, value }] }
    const wire = encodeEntry('k', entry)
    const chunk = Buffer.alloc(65_536)
    chunk.set(wire, 100)
    const bytes = chunk.subarray(100, 100 + wire.length)
    const row = Buffer.from(encodeLive('k', entry, systemHash)?.bytes ?? [])
    const [received] = ingest({ get: () => undefined }, [bytes], { wallMs: 1 }).changed
    for (const decoded of [decodeEntry(bytes).entry, decodeRows(row, undefined), received?.received]) {
      const [dot] = liveDots(decoded ?? { items: [] })
      expect(dot?.value.buffer.byteLength).toBe(value.length)
      chunk.fill(0)
      expect(dot?.value).toEqual(value)
      chunk.set(wire, 100)
    }
  }
)
