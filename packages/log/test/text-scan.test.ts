import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { classicLevel, type Level, type LevelOperation, type LevelScan } from '../src/level.ts'
import { bytesOfKey, bytesOfValue } from '../src/scan-rows.ts'

const RANGE = { gte: Uint8Array.of(1), lt: Uint8Array.of(0xff) }
const TEXTS = ['\u0001a', '\u0001é', '\u0002\u20ac', '\u0003\u{1f600}', 'zz\uFEFF'].map(bytesOf)
const NO_TEXTS = [
  Uint8Array.of(2, 0x80),
  Uint8Array.of(3, 0xed, 0xa0, 0x80),
  Uint8Array.of(3, 0xff),
  Uint8Array.of(0xc0, 0x80),
  bytesOf('y\uFFFD')
]

for (const size of [1, 2, 3, 100]) {
  test(`keys that are no UTF-8 are read as they are, with reads of ${size}`, () =>
    withLevel(async level => {
      const keys = [...TEXTS, ...NO_TEXTS].sort(Buffer.compare)
      await level.batch(keys.map(put), { sync: false })
      const scan = level.scan(RANGE)
      // What is written after the scan began is not in it, whichever way the scan goes on.
      await level.batch(
        [put(Uint8Array.of(4)), put(Uint8Array.of(0xf0)), { type: 'del', key: keys[5] as Uint8Array }],
        {
          sync: false
        }
      )
      expect(await readAll(scan, size)).toEqual(keys.map(key => [[...key], [...key]]))
    }))
}

test('a scan whose first key is no UTF-8 begins at the beginning of its range', () =>
  withLevel(async level => {
    await level.batch([put(Uint8Array.of(0)), put(Uint8Array.of(0x80)), put(Uint8Array.of(0xff))], {
      sync: false
    })
    expect(await readAll(level.scan(RANGE), 10)).toEqual([[[0x80], [0x80]]])
  }))

function put(key: Uint8Array): LevelOperation {
  return { type: 'put', key, value: key }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

async function readAll(scan: LevelScan, size: number): Promise<(readonly [number[], number[]])[]> {
  const all: (readonly [number[], number[]])[] = []
  for (;;) {
    const entries = await scan.next(size)
    if (entries.length === 0) break
    for (const [key, value] of entries) all.push([[...bytesOfKey(key)], [...bytesOfValue(value)]])
  }
  await scan.close()
  return all
}

async function withLevel(work: (level: Level) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-text-scan-'))
  const level = classicLevel(folder)
  try {
    await level.open()
    await work(level)
  } finally {
    await level.close()
    await rm(folder, { recursive: true, force: true })
  }
}
