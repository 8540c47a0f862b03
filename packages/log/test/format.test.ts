import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FORMAT } from '../src/config.ts'
import { openStoreOn } from '../src/open-store.ts'
import { FakeDisk } from './fake-level.ts'
import { RowModel, batch, contents, withFolder } from './row-fixtures.ts'

// The bytes of the folder's format as they were first written down. Until the first published version a change of it replaces the file by
// one of the next number; from then on every file stays and stays readable.

interface Fixture {
  /** The database's keys and values, in hexadecimal. */
  readonly store: Readonly<Record<string, string>>
  /** The newest slot of the side mark. */
  readonly mark: string
  /** What reading it gives. */
  readonly logs: Readonly<
    Record<string, { readonly clockMark: string; readonly rows: Readonly<Record<string, string>> }>
  >
}

const path = (format: number): string => join(import.meta.dirname, 'fixtures', `log-${format}.json`)
const read = (): Fixture => JSON.parse(readFileSync(path(FORMAT), 'utf8')) as Fixture
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

async function write(disk: FakeDisk, directory: string): Promise<string> {
  const store = await openStoreOn({ directory }, () => disk.level())
  const flags = await store.openLog('flags')
  const model = new RowModel()
  await flags.append(batch([model.put('dark', 'on'), model.put('gone', 'x')], 7n))
  await flags.append(batch([model.delete('gone'), model.put('dark', 'seen', 'evidence')], 2n ** 63n))
  await flags.append(batch([model.put('who', 'stamp', 'known'), model.put('dot', '', 'setAside')], 8n))
  const lax = await store.openLog('ключ', { durability: 'async' })
  await lax.append(batch([new RowModel().put('', 'of an empty key')], 9n))
  await lax.append(batch([], 11n))
  await store.close()
  // The newest synced batch is the third. The slot before may have been skipped: only the newest mark is written.
  return hex(readFileSync(join(directory, 'mark')).subarray(32, 52))
}

test('the fixture of the format is what is written', () =>
  withFolder(async directory => {
    const disk = new FakeDisk()
    const mark = await write(disk, directory)
    const store = Object.fromEntries(
      [...disk.volatile].map(([key, value]) => [hex(Buffer.from(key, 'latin1')), hex(value)] as const).sort()
    )
    const { logs: _, ...written } = read()
    expect({ store, mark }).toEqual(written)
  }))

test('the fixture of the format is read', () =>
  withFolder(async directory => {
    const fixture = read()
    const disk = new FakeDisk()
    disk.edit(content => {
      for (const [key, value] of Object.entries(fixture.store)) {
        content.set(Buffer.from(key, 'hex').toString('latin1'), new Uint8Array(Buffer.from(value, 'hex')))
      }
    })
    const store = await openStoreOn({ directory }, () => disk.level())
    for (const [name, { clockMark, rows }] of Object.entries(fixture.logs)) {
      const { recovered } = await store.openLog(name)
      expect(recovered.damaged).toBeUndefined()
      expect(contents(recovered)).toEqual(rows)
      expect(String(recovered.clockMark)).toBe(clockMark)
    }
    await store.close()
  }))
