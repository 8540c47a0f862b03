import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { seededRandom } from '@starling/ports'
import { expectPrefix, recoveredFrom } from './appended.ts'
import { Counts } from './counts.ts'
import { withFolder } from './row-fixtures.ts'

// Goal: what a real file system has of a store when its power goes holds every acknowledged append. The file system lies in a file; while the
// writer is stopped, a copy of that file is the disk as a power cut would leave it: what was not yet written back is not in it.

const APPENDER = join(import.meta.dirname, 'child', 'appender.mjs')
const CUTS = Number(process.env['STARLING_POWER_CUTS'] ?? 8)
const IMAGE_BYTES = 48 * 1024 * 1024
const run = promisify(execFile)

/** Mounts the file system in `image`; `undefined` where the host does not let us. */
async function mount(image: string, at: string): Promise<(() => Promise<unknown>) | undefined> {
  if (process.platform !== 'linux') return undefined
  await mkdir(at, { recursive: true })
  try {
    // The file system itself writes back late, so that only what is synced is there early.
    await run('mount', ['-o', 'loop,commit=300', image, at])
    return () => run('umount', ['-l', at])
  } catch {
    return undefined
  }
}

async function makeImage(path: string): Promise<boolean> {
  const file = await open(path, 'w')
  await file.truncate(IMAGE_BYTES)
  await file.close()
  try {
    await run('mkfs.ext4', ['-q', '-F', path])
    return true
  } catch {
    return false
  }
}

test(
  `a power cut of a real file system while appending leaves a prefix with every acknowledged append (${CUTS} times)`,
  () =>
    withFolder(async folder => {
      const image = join(folder, 'disk.img')
      const unmount = (await makeImage(image)) ? await mount(image, join(folder, 'disk')) : undefined
      if (unmount === undefined) {
        process.stdout.write(
          'POWER CUTS: no ext4 image can be mounted here (needs root on Linux); not tried\n'
        )
        return
      }
      try {
        await cutOften(folder, image)
      } finally {
        await unmount()
      }
    }),
  60_000 + CUTS * 20_000
)

async function cutOften(folder: string, image: string): Promise<void> {
  const counts = new Counts('log-power-cuts')
  const random = seededRandom(`power cut ${counts.of('cuts')}`)
  const child = spawn(process.execPath, [APPENDER, join(folder, 'disk', 'data')], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exited = once(child, 'exit')
  try {
    let until = 1 + random.below(100)
    let acknowledged = 0
    for await (const line of createInterface({ input: child.stdout })) {
      // What is said while a copy is looked at was not acknowledged before it.
      acknowledged = Number(line) + 1
      if (acknowledged < until) continue
      child.kill('SIGSTOP')
      const found = await afterCut(folder, image)
      child.kill('SIGCONT')
      expect(found).toBeGreaterThanOrEqual(acknowledged)
      counts.add('cuts')
      counts.add('lost', 0)
      until = found + 1 + random.below(300)
      if (counts.of('cuts') >= CUTS) break
    }
    counts.add('acknowledged appends', acknowledged)
    expect(counts.of('cuts')).toBeGreaterThanOrEqual(CUTS)
  } finally {
    child.kill('SIGKILL')
    await exited
  }
  process.stdout.write(`power cuts of an ext4 image: ${counts}\n`)
}

/** Looks at a copy of the disk as it is now, twice: the first look must change nothing that the second depends on. */
async function afterCut(folder: string, image: string): Promise<number> {
  const copy = join(folder, 'copy.img')
  await copyFile(image, copy)
  const at = join(folder, 'copy')
  const unmount = await mount(copy, at)
  expect(unmount).toBeDefined()
  try {
    // The lock says that its owner lives, which after a power cut it would not.
    await rm(join(at, 'data', 'lock'), { force: true })
    const found = expectPrefix(await recoveredFrom(join(at, 'data')))
    expect(expectPrefix(await recoveredFrom(join(at, 'data')))).toBe(found)
    return found
  } finally {
    await unmount?.()
    await rm(copy)
  }
}
