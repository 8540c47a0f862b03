import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { EntryPacker, readBroadcast } from '../src/frames.ts'

// Goal: docs/wire/broadcast.md tells the truth. Method: its vector is made from the entry of entry.md, and read again.

const page = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../../docs/wire', name), 'utf8')
const vector = (name: string, of: string): string =>
  new RegExp(`^${of} +(?<bytes>[0-9a-f]+)$`, 'mu').exec(page(name))?.groups?.['bytes'] ?? ''

const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')

test('the vector of docs/wire/broadcast.md is the entry of docs/wire/entry.md in a message', () => {
  const one = vector('entry.md', 'one')
  const message = vector('broadcast.md', 'broadcast')
  const packer = new EntryPacker('broadcast', 1024)
  packer.add(unhex(one))
  expect(hex(packer.flush())).toBe(message)
  expect(readBroadcast(unhex(message), 1024)?.map(entry => hex(entry))).toEqual([one])
  expect(readBroadcast(Uint8Array.of(3, 1, 1), 1024)).toBeUndefined()
  expect(readBroadcast(Uint8Array.of(1, 0), 1024)).toBeUndefined()
})
