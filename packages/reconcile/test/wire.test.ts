import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ByteWriter } from '@starling/codec'
import type { Random } from '@starling/ports'
import { systemHash } from '@starling/ports/system'
import { describe, expect, test } from 'vitest'
import { boundBetween, INFINITY_BOUND, Reconciler, START_BOUND, writeBound, type Item } from '../src/index.ts'
import { Flags } from '../src/flags.ts'
import { encodeFrame, RangesWriter } from '../src/write-frame.ts'
import { keyOf } from './naive-set.ts'
import { treeOf } from './sessions.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const item = (letter: string, stamp: bigint): Item => ({
  stamp,
  hash: systemHash(new TextEncoder().encode(letter)),
  ref: 0
})
const [a, b, c] = [item('a', 1n), item('b', 2n), item('c', 3n)]
const fixed = (byte: number): Random => ({
  uint32: () => 0,
  float: () => 0,
  below: () => 0,
  bytes: length => new Uint8Array(length).fill(byte)
})

function frames(ours: Item[], theirs: Item[], ordered = false): string[] {
  const common = { hash: systemHash, now: () => 0 }
  const ends = [
    new Reconciler(treeOf(ours), { ...common, role: 'initiator', random: fixed(1), ordered }),
    new Reconciler(treeOf(theirs), { ...common, role: 'responder', random: fixed(2) })
  ] as const
  const all: string[] = []
  let frame: Uint8Array | undefined = ends[0].start()
  for (let side: 0 | 1 = 1; frame !== undefined; side = side === 0 ? 1 : 0) {
    all.push(hex(frame))
    frame = ends[side].receive(frame).reply
  }
  return all
}

function vectors(): Map<string, string> {
  const found = new Map<string, string>()
  const add = (name: string, value: Uint8Array | string) =>
    found.set(name, typeof value === 'string' ? value : hex(value))
  const bound = boundBetween(keyOf(a), keyOf(b))
  add('bound.a-b', bound)
  const writer = new ByteWriter()
  writeBound(writer, bound, START_BOUND)
  writeBound(writer, boundBetween(keyOf(b), keyOf(c)), bound)
  writeBound(writer, INFINITY_BOUND, boundBetween(keyOf(b), keyOf(c)))
  add('bounds', writer.finish())
  frames([a, b], [a, c]).forEach((frame, i) => add(`session.${i + 1}`, frame))
  frames([a, b], [a, b]).forEach((frame, i) => add(`equal.${i + 1}`, frame))
  frames([], [a, b]).forEach((frame, i) => add(`newcomer.${i + 1}`, frame))
  add('ordered.1', frames([a, b], [a, b], true)[0] as string)
  const records = new RangesWriter(10_000)
  const lacks = new Flags(9)
  lacks.set(8)
  const middle = boundBetween(keyOf(b), keyOf(c))
  records.add({
    type: 'fingerprint',
    lower: START_BOUND,
    upper: bound,
    fingerprint: new Uint8Array(16).fill(0xf1)
  })
  records.add({ type: 'confirmed', lower: middle, upper: Uint8Array.of(1), lacks, extra: 300 })
  records.add({ type: 'confirm', lower: Uint8Array.of(1), upper: INFINITY_BOUND, hashes: a.hash })
  add('records', records.finish(undefined))
  add('done.truncated', encodeFrame({ type: 'done', truncated: true }))
  add('collision', encodeFrame({ type: 'collision' }))
  return found
}

describe('docs/wire/reconcile.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/wire/reconcile.md'), 'utf8')
  const listed = new Map(
    Array.from(page.matchAll(/^(?<name>[a-z]+[a-z0-9.-]*) +(?<bytes>[0-9a-f]{2,})$/gmu), ({ groups }) => [
      groups?.['name'] as string,
      groups?.['bytes'] as string
    ])
  )

  test('lists exactly these vectors', () => {
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(vectors()))
  })
})
