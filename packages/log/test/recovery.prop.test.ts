import fc from 'fast-check'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Fingerprint } from '@starling/reconcile/fingerprint'
import { rowPrefix } from '../src/keys.ts'
import { PackedRows } from '../src/packed-rows.ts'
import { decodeMeta, encodeMeta, encodeRow } from '../src/rows.ts'
import { openStoreOn } from '../src/open-store.ts'
import { SizeTable } from '../src/size-table.ts'
import { FakeDisk } from './fake-level.ts'
import { RowModel, batch, contents, rowKey, utf8 } from './row-fixtures.ts'
import { runs as cases } from './runs.ts'

let folder: string
let runs = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-log-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Step {
  readonly log: 'a' | 'b'
  readonly rows: readonly {
    readonly key: string
    readonly value: string | undefined
    readonly evidence: boolean
  }[]
  readonly stamp: bigint
  /** Waits for this and everything before it. */
  readonly wait: boolean
}

const step: fc.Arbitrary<Step> = fc.record({
  log: fc.constantFrom('a' as const, 'b' as const),
  rows: fc.array(
    fc.record({
      key: fc.constantFrom('p', 'q', 'r'),
      value: fc.option(fc.string({ maxLength: 4 }), { nil: undefined }),
      evidence: fc.boolean()
    }),
    { maxLength: 4 }
  ),
  stamp: fc.bigInt({ min: 0n, max: 50n }),
  wait: fc.boolean()
})

test('for every prefix of writes, recovery after a power cut is that prefix, with a clock mark that covers it', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 12 }),
      fc.nat({ max: 8 }),
      fc.boolean(),
      async (steps, cut, applied) => {
        const directory = join(folder, String(runs++))
        const disk = new FakeDisk()
        disk.fault = write => (write === cut + 1 ? { error: new Error('power'), applied } : undefined)
        const store = await openStoreOn({ directory }, () => disk.level())
        const models = { a: new RowModel(), b: new RowModel() }
        const logs = { a: await store.openLog('a'), b: await store.openLog('b') }
        // The state after each append, and the length of the acknowledged prefix.
        const states: { a: object; b: object; mark: bigint }[] = [{ a: {}, b: {}, mark: 0n }]
        let acknowledged = 0
        for (const [i, { log, rows, stamp, wait }] of steps.entries()) {
          const changes = rows.map(row => {
            const kind = row.evidence ? 'evidence' : 'live'
            return row.value === undefined
              ? models[log].delete(row.key, kind)
              : models[log].put(row.key, row.value, kind)
          })
          const last = states.at(-1)
          const mark = last !== undefined && last.mark > stamp ? last.mark : stamp
          states.push({ a: models.a.contents(), b: models.b.contents(), mark })
          const done = logs[log].append(batch(changes, stamp)).then(
            () => {
              expect(acknowledged).toBe(i)
              acknowledged = i + 1
            },
            () => {}
          )
          if (wait) await done
        }
        await store.close()
        disk.powerCut()

        const reopened = await openStoreOn({ directory }, () => disk.level())
        const [a, b] = [(await reopened.openLog('a')).recovered, (await reopened.openLog('b')).recovered]
        const found = { a: contents(a), b: contents(b) }
        const prefix = states.findIndex(
          (state, i) =>
            i >= acknowledged && JSON.stringify([state.a, state.b]) === JSON.stringify([found.a, found.b])
        )
        expect(prefix).toBeGreaterThanOrEqual(acknowledged)
        const mark = a.clockMark > b.clockMark ? a.clockMark : b.clockMark
        expect(mark >= (states[acknowledged]?.mark ?? 0n)).toBe(true)
        expect(a.damaged).toBeUndefined()
        expect(b.damaged).toBeUndefined()
        await reopened.close()
      }
    ),
    { numRuns: 150 }
  ))

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
test('rows and meta rows read back as written, and any other bytes are refused', () =>
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 20 }),
      hash,
      fc.uint8Array({ maxLength: 40 }),
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.uint8Array({ maxLength: 70 }),
      (key, itemHash, payload, number, noise) => {
        const put = encodeRow(rowPrefix(utf8('log')), 'live', key, itemHash, payload)
        expect(put.key).toEqual(rowKey(utf8('log'), 'live', key))
        const rows = new PackedRows(rowPrefix(utf8('log')).length, new SizeTable())
        expect(rows.add(put.key, put.value)).toBeUndefined()
        expect(rows.sum.equals(Fingerprint.of(itemHash, 1))).toBe(true)
        expect(rows.bytes).toBe(put.key.length + put.value.length)
        const [row] = rows
        expect([row?.kind, row?.key, row?.value, row?.hash]).toEqual(['live', key, payload, itemHash])
        expect(rows.add(put.key, noise)).toBeTypeOf('string')
        expect([...rows].length).toBe(1)
        const bytes = Number(number >> 12n)
        const lax = number % 2n === 1n
        const meta = { batch: number, clockMark: number, sum: Fingerprint.of(itemHash, 7), bytes, lax }
        const decoded = decodeMeta(key, encodeMeta(key, meta))
        expect(decoded.ok && { ...decoded.value, sum: undefined }).toEqual({ ...meta, sum: undefined })
        expect(decoded.ok && decoded.value.sum.equals(meta.sum)).toBe(true)
        expect(decodeMeta(key, noise).ok).toBe(false)
      }
    ),
    cases(10_000)
  ))
