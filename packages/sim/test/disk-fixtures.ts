import { seededRandom, type SeededRandom } from '@starling/ports'
import { crashImages, DiskError, SimDisk, type DiskProcess } from '../src/index.ts'

export const bytes = (text: string): Uint8Array => Uint8Array.from(text, char => char.charCodeAt(0))
export const text = (content: Uint8Array): string => String.fromCharCode(...content)
export const random: SeededRandom = seededRandom('disk test')

export function newDisk(seed: number | string = 0): SimDisk {
  return new SimDisk({ random: seededRandom(seed) })
}

export async function write(
  process: DiskProcess,
  path: string,
  content: string,
  sync = false
): Promise<void> {
  const file = await process.open(path, { create: true })
  await file.write(file.size, bytes(content))
  if (sync) await file.sync()
  await file.close()
}

export async function read(process: DiskProcess, path: string): Promise<string | undefined> {
  if ((await process.stat(path)) === undefined) return undefined
  const file = await process.open(path)
  return text(await file.read(0, file.size))
}

export async function code(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof DiskError ? error.code : String(error))
  )
}

/** Every content that the file can have after a power cut; `null` stands for no file. */
export async function left(disk: SimDisk, path: string): Promise<Set<string | null>> {
  const found = new Set<string | null>()
  for (const image of crashImages(disk.state(), random).images) {
    found.add((await read(new SimDisk({ random, image }).process(), path)) ?? null)
  }
  return found
}
