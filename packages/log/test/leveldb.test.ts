import { ClassicLevel } from 'classic-level'
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { seededRandom } from '@starling/ports'
import { openStore, type ReplicaLog } from '../src/index.ts'
import { RowModel, batch, contents, rejection, withFolder } from './row-fixtures.ts'

/** What a cautious reader of a damaged folder may be told. */
type Outcome = 'intact' | 'reported' | 'refused'

test('a bit flipped anywhere in the files, at 250 places, never gives a wrong value or a silent hole', () =>
  withFolder(async folder => {
    const original = join(folder, 'original')
    const store = await openStore({ directory: original })
    const model = new RowModel()
    const write = async (to: ReplicaLog, from: number, until: number): Promise<void> => {
      for (let i = from; i < until; i++) {
        await to.append(batch([model.put(`k${i % 40}`, `${i} ${'v'.repeat(300)}`)], BigInt(i)))
      }
    }
    await write(await store.openLog('flags'), 0, 50)
    await store.close()
    // Opening again turns LevelDB's log into a table, so that both kinds of file are there.
    const again = await openStore({ directory: original })
    await write(await again.openLog('flags'), 50, 60)
    await again.close()

    const random = seededRandom('flip')
    const inside = (await readdir(join(original, 'store'))).filter(name => !name.startsWith('LO'))
    expect(inside.some(name => name.endsWith('.ldb'))).toBe(true)
    const files = [...inside.map(name => join('store', name)), 'mark']
    const flips = Math.ceil(250 / files.length)
    const directory = join(folder, 'flipped')
    const counts: Record<Outcome, number> = { intact: 0, reported: 0, refused: 0 }
    for (const name of files) {
      const bytes = await readFile(join(original, name))
      expect(bytes.length).toBeGreaterThan(0)
      for (let i = 0; i < flips; i++) {
        // The last bytes are always among them.
        const at = i === 0 ? bytes.length - 1 : random.below(bytes.length)
        await cp(original, directory, { recursive: true })
        const flipped = Buffer.from(bytes)
        flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << random.below(8)), at)
        await writeFile(join(directory, name), flipped)
        counts[await examine(directory, model.contents())]++
        await rm(directory, { recursive: true })
      }
    }
    expect(counts.reported).toBeGreaterThan(0)
    expect(counts.intact + counts.reported + counts.refused).toBeGreaterThanOrEqual(250)
    process.stdout.write(`flipped bits in ${files.length} files: ${JSON.stringify(counts)}\n`)
  }))

async function examine(directory: string, expected: Record<string, string>): Promise<Outcome> {
  let store
  try {
    store = await openStore({ directory })
  } catch (error) {
    expect((error as Error).name).toBe('StoreOpenError')
    return 'refused'
  }
  try {
    const { recovered } = await store.openLog('flags')
    const found = contents(recovered)
    // Every row is one that was written; a row that is not the newest, or is missing, is reported.
    for (const [key, value] of Object.entries(found)) {
      if (value !== expected[key]) expect(recovered.damaged).toBeDefined()
      expect(value).toMatch(/^\d+ v{300}$/)
    }
    if (recovered.damaged !== undefined) return 'reported'
    expect(found).toEqual(expected)
    expect(recovered.clockMark).toBe(59n)
    return 'intact'
  } catch (error) {
    expect((error as Error).name).toBe('StoreOpenError')
    return 'refused'
  } finally {
    await store.close()
  }
}

test(
  'a tail torn at every offset is cut to whole writes, and what is missing is reported',
  () =>
    withFolder(async folder => {
      const original = join(folder, 'original')
      const store = await openStore({ directory: original })
      const log = await store.openLog('flags')
      const model = new RowModel()
      const states = [model.contents()]
      for (let i = 0; i < 3; i++) {
        await log.append(batch([model.put('k', String(i))]))
        states.push(model.contents())
      }
      await store.close()
      const name = (await readdir(join(original, 'store'))).find(file => file.endsWith('.log')) as string
      const bytes = await readFile(join(original, 'store', name))
      const wholes = new Set<number>()
      const directory = join(folder, 'torn')
      let tried = 0
      // A tail may be missing, or be there as zeros, or as what the place held before.
      const tails = [() => 0, (length: number) => length, (length: number) => length] as const
      for (let length = 0; length < bytes.length; length++) {
        for (const [kind, tail] of tails.entries()) {
          // The two that are padded are tried at a tenth of the offsets each.
          if (kind > 0 && length % 10 !== kind) continue
          const torn = Buffer.alloc(length + tail(bytes.length - length), kind === 2 ? 0xa5 : 0)
          bytes.copy(torn, 0, 0, length)
          await cp(original, directory, { recursive: true })
          await writeFile(join(directory, 'store', name), torn)
          const opened = await openStore({ directory })
          const { recovered } = await opened.openLog('flags')
          const found = JSON.stringify(contents(recovered))
          const whole = states.findIndex(state => JSON.stringify(state) === found)
          expect(whole).toBeGreaterThanOrEqual(0)
          wholes.add(whole)
          // The mark beside the store knows of all three.
          expect(recovered.damaged?.damage).toMatchObject([{ type: 'behindMark', mark: 3n }])
          await opened.close()
          await rm(directory, { recursive: true })
          tried++
        }
      }
      expect([...wholes].sort()).toEqual([0, 1, 2])
      process.stdout.write(`torn tails: ${tried} over ${bytes.length} offsets, all reported\n`)
    }),
  600_000
)

test('LevelDB’s own lock stands behind ours, for owners that our guard cannot see', () =>
  withFolder(async directory => {
    await mkdir(join(directory, 'store'))
    const other = new ClassicLevel(join(directory, 'store'))
    await other.open()
    expect(await rejection(openStore({ directory }))).toMatchObject({
      name: 'StoreLockedError',
      pid: undefined
    })
    expect(await readdir(directory)).toEqual(['store'])
    await other.close()
    const store = await openStore({ directory })
    await store.close()
  }))

test('a worker thread is kept out by the main thread, and the other way round', () =>
  withFolder(async directory => {
    const dist = join(import.meta.dirname, '..', 'dist', 'index.js')
    const code = `
      const { parentPort } = require('node:worker_threads')
      import(${JSON.stringify(dist)}).then(async ({ openStore }) => {
        try {
          const store = await openStore({ directory: ${JSON.stringify(directory)} })
          parentPort.postMessage('open')
          parentPort.once('message', () => void store.close().then(() => parentPort.close()))
        } catch (error) {
          parentPort.postMessage(error.name)
        }
      })`
    const first = new Worker(code, { eval: true })
    expect(await once(first, 'message')).toEqual(['open'])
    expect(await rejection(openStore({ directory }))).toMatchObject({
      name: 'StoreLockedError',
      pid: process.pid
    })
    const ended = once(first, 'exit')
    first.postMessage('close')
    await ended

    const store = await openStore({ directory })
    const second = new Worker(code, { eval: true })
    expect(await once(second, 'message')).toEqual(['StoreLockedError'])
    await second.terminate()
    await store.close()
  }))
