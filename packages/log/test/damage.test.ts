import { realpath, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Damage, Store } from '../src/index.ts'
import { FORMAT } from '../src/config.ts'
import { STORE_KEY, metaKey } from '../src/keys.ts'
import { openStoreOn } from '../src/open-store.ts'
import { encodeStoreRow } from '../src/rows.ts'
import { Fingerprint } from '@starling/reconcile/fingerprint'
import { FakeDisk } from './fake-level.ts'
import { RowModel, rowKey, batch, contents, rejection, utf8, withFolder } from './row-fixtures.ts'

const at = (key: Uint8Array): string => Buffer.from(key).toString('latin1')
const ROW_A = at(rowKey(utf8('flags'), 'live', utf8('a')))
const META = at(metaKey(utf8('flags')))
const OTHER_META = at(metaKey(utf8('other')))
const STORE = at(STORE_KEY)

interface Bench {
  readonly disk: FakeDisk
  readonly directory: string
  readonly model: RowModel
  open(): Promise<Store>
}

/** A closed store with two logs: `flags` with three rows and a clock mark of 50, `other` with one row and 90. */
function withStore(run: (bench: Bench) => Promise<void>): Promise<void> {
  return withFolder(async directory => {
    const disk = new FakeDisk()
    const open = (): Promise<Store> => openStoreOn({ directory }, () => disk.level())
    const store = await open()
    const model = new RowModel()
    const flags = await store.openLog('flags')
    await flags.append(batch([model.put('a', '1'), model.put('b', '1')], 50n))
    await flags.append(batch([model.put('a', 'seen', 'evidence')], 40n))
    await (await store.openLog('other')).append(batch([new RowModel().put('o', '1')], 90n))
    await store.close()
    await run({ disk, directory, model, open })
    expect(disk.openScans).toBe(0)
  })
}

function flip(disk: FakeDisk, key: string, position: number, bit: number = 0): void {
  disk.edit(content => {
    const value = Buffer.from(content.get(key) ?? [])
    value.writeUInt8(value.readUInt8(position) ^ (1 << bit), position)
    content.set(key, new Uint8Array(value))
  })
}

const types = (damage: readonly Damage[] | undefined): string[] => (damage ?? []).map(one => one.type)

describe('rows', () => {
  test('a flipped bit anywhere in a row quarantines that row alone and names it', () =>
    withStore(async ({ disk, model, open }) => {
      const whole = disk.volatile.get(ROW_A) as Uint8Array
      for (let position = 0; position < whole.length; position++) {
        flip(disk, ROW_A, position, position % 8)
        const store = await open()
        const { recovered } = await store.openLog('flags')
        expect(recovered.quarantined.map(row => [row.kind, Buffer.from(row.key).toString()])).toEqual([
          ['live', 'a']
        ])
        const { 'live a': _gone, ...rest } = model.contents()
        expect(contents(recovered)).toEqual(rest)
        expect(recovered.damaged?.damage).toContainEqual({ type: 'rowsQuarantined', rows: 1 })
        expect((await store.openLog('other')).recovered.damaged).toBeUndefined()
        await store.close()
        flip(disk, ROW_A, position, position % 8)
      }
    }))

  test('a row cut short at any length, or grown, is quarantined', () =>
    withStore(async ({ disk, open }) => {
      const whole = disk.volatile.get(ROW_A) as Uint8Array
      for (let length = 0; length <= whole.length + 1; length++) {
        if (length === whole.length) continue
        const torn = new Uint8Array(length)
        torn.set(whole.subarray(0, length))
        disk.edit(content => content.set(ROW_A, torn))
        const store = await open()
        const { recovered } = await store.openLog('flags')
        expect(recovered.quarantined.length).toBe(1)
        expect(recovered.damaged?.name).toBe('StoreDamagedError')
        await store.close()
      }
    }))

  test('a row under the wrong key is damage, not a row', () =>
    withStore(async ({ disk, open }) => {
      disk.edit(content => {
        content.set(at(rowKey(utf8('flags'), 'live', utf8('z'))), content.get(ROW_A) as Uint8Array)
        content.delete(ROW_A)
      })
      const store = await open()
      const { recovered } = await store.openLog('flags')
      expect(recovered.quarantined.map(row => Buffer.from(row.key).toString())).toEqual(['z'])
      await store.close()
    }))

  test('a lost row is noticed and counted', () =>
    withStore(async ({ disk, open }) => {
      disk.edit(content => content.delete(ROW_A))
      const store = await open()
      const { recovered } = await store.openLog('flags')
      expect(recovered.quarantined).toEqual([])
      expect(recovered.damaged?.damage).toEqual([{ type: 'sumMismatch', missing: 1 }])
      await store.close()
    }))

  test('an older version of a row is noticed', () =>
    withStore(async ({ disk, model, open }) => {
      const older = disk.volatile.get(ROW_A) as Uint8Array
      let store = await open()
      await (await store.openLog('flags')).append(batch([model.put('a', '2')]))
      await store.close()
      disk.edit(content => content.set(ROW_A, older))
      store = await open()
      expect((await store.openLog('flags')).recovered.damaged?.damage).toEqual([
        { type: 'sumMismatch', missing: undefined }
      ])
      await store.close()
    }))

  test('damage is reported until the first append with rows, which accepts it and keeps the damaged bytes', () =>
    withStore(async ({ disk, open }) => {
      flip(disk, ROW_A, 37)
      for (let i = 0; i < 2; i++) {
        const store = await open()
        const flags = await store.openLog('flags')
        const { recovered } = flags
        expect(types(recovered.damaged?.damage)).toEqual(['rowsQuarantined'])
        // Another log's write does not accept it, and does not disturb it.
        const other = await store.openLog('other')
        expect(other.recovered.damaged).toBeUndefined()
        await other.append(batch([new RowModel().put(`n${i}`, '1')]))
        // Nor does a clock mark alone, which is kept.
        await flags.append(batch([], BigInt(100 + i)))
        await store.close()
      }
      let store = await open()
      const log = await store.openLog('flags')
      const model = RowModel.of(log.recovered)
      await log.append(batch([model.put('a', 'fetched')]))
      await store.close()
      store = await open()
      const { recovered } = await store.openLog('flags')
      expect(recovered.damaged).toBeUndefined()
      expect(recovered.quarantined).toEqual([])
      expect(contents(recovered)).toEqual(model.contents())
      expect(recovered.clockMark).toBe(101n)
      await store.close()
      expect([...disk.volatile.keys()].filter(key => key.startsWith('\u0004')).length).toBe(1)
    }))

  test('a destroyed log takes its damaged rows with it', () =>
    withStore(async ({ disk, open }) => {
      flip(disk, ROW_A, 37)
      const store = await open()
      await store.destroyLog('flags')
      expect([...disk.volatile.keys()].filter(key => key.includes('flags'))).toEqual([])
      expect((await store.verify()).damagedKept).toBe(0)
      await store.close()
    }))
})

describe('the rows that hold it together', () => {
  test('a damaged meta row costs no rows, and the clock mark is never too low', () =>
    withStore(async ({ disk, model, open }) => {
      flip(disk, META, 20)
      const store = await open()
      const { recovered } = await store.openLog('flags')
      expect(contents(recovered)).toEqual(model.contents())
      expect(types(recovered.damaged?.damage)).toEqual(['metaDamaged'])
      expect(recovered.clockMark).toBe(90n)
      expect((await store.openLog('other')).recovered.damaged).toBeUndefined()
      await store.close()
    }))

  test('a log that vanished whole is noticed by every log, until each has been written', () =>
    withStore(async ({ disk, model, open }) => {
      disk.edit(content => {
        content.delete(OTHER_META)
        content.delete(at(rowKey(utf8('other'), 'live', utf8('o'))))
      })
      let store = await open()
      const flags = await store.openLog('flags')
      expect(types(flags.recovered.damaged?.damage)).toEqual(['logsMismatch'])
      expect(flags.recovered.clockMark).toBe(90n)
      await flags.append(batch([model.put('a', '2')]))
      await store.close()

      store = await open()
      expect((await store.openLog('flags')).recovered.damaged).toBeUndefined()
      const other = await store.openLog('other')
      expect(types(other.recovered.damaged?.damage)).toEqual(['damagedEarlier'])
      expect(other.recovered.clockMark).toBe(90n)
      await other.append(batch([new RowModel().put('o', '1')]))
      await store.close()
      store = await open()
      expect((await store.openLog('other')).recovered.damaged).toBeUndefined()
      await store.close()
    }))

  test.each([
    ['no text', 0x80],
    ['the name of no log', 0x01]
  ])('a meta row whose key became %s is reported to each log and goes with the first write', (_, bit) =>
    withStore(async ({ disk, model, open }) => {
      disk.edit(content => {
        const value = content.get(META) as Uint8Array
        content.delete(META)
        content.set(META.slice(0, -1) + String.fromCharCode(META.charCodeAt(META.length - 1) ^ bit), value)
      })
      for (let i = 0; i < 2; i++) {
        const store = await open()
        for (const name of ['flags', 'other']) {
          const { recovered } = await store.openLog(name)
          expect(types(recovered.damaged?.damage)).toContain('logsMismatch')
          if (name === 'flags') expect(contents(recovered)).toEqual(model.contents())
        }
        expect((await store.verify()).ok).toBe(false)
        await store.close()
      }
      for (const name of ['flags', 'other']) {
        const store = await open()
        const log = await store.openLog(name)
        expect(log.recovered.damaged).toBeDefined()
        await log.append(batch([RowModel.of(log.recovered).put('a', '2')]))
        await store.close()
      }
      const store = await open()
      for (const name of ['flags', 'other']) {
        expect((await store.openLog(name)).recovered.damaged).toBeUndefined()
      }
      expect((await store.verify()).ok).toBe(true)
      expect([...disk.volatile.keys()].filter(key => key.startsWith('\u0002')).sort()).toEqual([
        META,
        OTHER_META
      ])
      await store.close()
    })
  )

  test('an older meta row is noticed', () =>
    withStore(async ({ disk, model, open }) => {
      const older = disk.volatile.get(META) as Uint8Array
      let store = await open()
      await (await store.openLog('flags')).append(batch([model.put('a', '2')]))
      await store.close()
      disk.edit(content => content.set(META, older))
      store = await open()
      expect(types((await store.openLog('flags')).recovered.damaged?.damage)).toEqual([
        'sumMismatch',
        'logsMismatch'
      ])
      await store.close()
    }))

  test.each(['gone', 'flipped', 'flipped in its format'])(
    'the store row %s is noticed, and batch numbers go on',
    how =>
      withStore(async ({ disk, model, open }) => {
        if (how === 'gone') disk.edit(content => content.delete(STORE))
        else flip(disk, STORE, how === 'flipped' ? 9 : 0, 1)
        let store = await open()
        const log = await store.openLog('flags')
        expect(types(log.recovered.damaged?.damage)).toContain('storeRowDamaged')
        expect(contents(log.recovered)).toEqual(model.contents())
        await log.append(batch([model.put('a', '2')]))
        await store.close()
        store = await open()
        expect((await store.openLog('flags')).recovered.damaged).toBeUndefined()
        await store.close()
      })
  )

  test.each([
    { format: FORMAT + 1, error: { name: 'FormatNewerError', found: FORMAT + 1, supported: FORMAT } },
    { format: FORMAT - 1, error: { name: 'FormatOlderError', found: FORMAT - 1, oldest: FORMAT } }
  ])('format $format is refused and nothing is written', ({ format, error }) =>
    withStore(async ({ disk, directory, open }) => {
      const state = { batch: 9n, clockMark: 0n, sum: new Fingerprint(), damagedAt: 0n }
      disk.edit(content => content.set(STORE, encodeStoreRow(STORE_KEY, state, format)))
      const before = disk.batches.length
      expect(await rejection(open())).toMatchObject({ ...error, directory: await realpath(directory) })
      expect(disk.batches.length).toBe(before)
      expect(disk.open).toBe(false)
    })
  )
})

describe('the side mark', () => {
  test('a store behind its mark has lost acknowledged writes and says so', () =>
    withStore(async ({ disk, model, open }) => {
      const before = new Map(disk.volatile)
      let store = await open()
      await (await store.openLog('flags')).append(batch([model.put('late', '1')], 120n))
      await store.close()
      disk.edit(content => {
        content.clear()
        for (const [key, value] of before) content.set(key, value)
      })
      store = await open()
      const log = await store.openLog('flags')
      expect(log.recovered.damaged?.damage).toEqual([{ type: 'behindMark', batch: 3n, mark: 4n }])
      // The lost batch carried the greatest stamp; the mark kept it.
      expect(log.recovered.clockMark).toBe(120n)
      await log.append(batch([RowModel.of(log.recovered).put('late', 'again')]))
      await store.close()
      store = await open()
      expect((await store.openLog('flags')).recovered.damaged).toBeUndefined()
      expect(types((await store.openLog('other')).recovered.damaged?.damage)).toEqual(['damagedEarlier'])
      await store.close()
    }))

  test('a store emptied under its mark says so', () =>
    withStore(async ({ disk, open }) => {
      disk.edit(content => content.clear())
      const store = await open()
      const { recovered } = await store.openLog('flags')
      expect(types(recovered.damaged?.damage)).toEqual(['behindMark'])
      expect(recovered.clockMark).toBe(90n)
      await store.close()
    }))

  test.each(['missing', 'empty', 'garbage'])('a %s mark is no damage', how =>
    withStore(async ({ directory, open }) => {
      const path = join(directory, 'mark')
      if (how === 'missing') await rm(path)
      else
        await writeFile(
          path,
          how === 'empty'
            ? ''
            : 'not a mark at all, and longer than two of its slots are, so that both are read'
        )
      const store = await open()
      const log = await store.openLog('flags')
      expect(log.recovered.damaged).toBeUndefined()
      await log.append(batch([]))
      await store.close()
    })
  )
})
