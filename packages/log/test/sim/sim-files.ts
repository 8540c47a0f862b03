import type { DiskFile, DiskProcess } from '@starling/sim'

/**
 * The part of `node:fs/promises` that the log uses, on a simulated disk. A test that mocks the real module with this one
 * runs the whole store there: its folder, its guard, its side mark. What is not here is not used; a new use fails loudly.
 */
interface Mount {
  readonly process: DiskProcess
  /** Tells this life of the machine from earlier ones: the start time of its process. */
  readonly life: number
}

let mounted: Mount | undefined
let lives = 0

/** From now on the module's calls are those of this process: the only one of a machine that was started again. */
export function mount(process: DiskProcess): void {
  mounted = { process, life: ++lives }
}

function current(): DiskProcess {
  if (mounted === undefined) throw new Error('no simulated disk is mounted')
  return mounted.process
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

export async function mkdir(
  path: string,
  options?: { readonly recursive?: boolean }
): Promise<string | undefined> {
  const disk = current()
  if (options?.recursive !== true) {
    await disk.makeFolder(path)
    return undefined
  }
  let first: string | undefined
  const names = path.split('/').slice(1)
  for (let depth = 1; depth <= names.length; depth++) {
    const folder = `/${names.slice(0, depth).join('/')}`
    if ((await disk.stat(folder)) !== undefined) continue
    await disk.makeFolder(folder)
    first ??= folder
  }
  return first
}

export async function realpath(path: string): Promise<string> {
  await stat(path)
  return path
}

export async function stat(
  path: string
): Promise<{ readonly size: number; isDirectory(): boolean; isFile(): boolean }> {
  const found = await current().stat(path)
  if (found === undefined) throw failure('ENOENT', path)
  return {
    size: found.size,
    isDirectory: () => found.type === 'folder',
    isFile: () => found.type === 'file'
  }
}

export async function readdir(path: string): Promise<string[]> {
  return [...(await current().list(path))]
}

export function rename(from: string, to: string): Promise<void> {
  return current().rename(from, to)
}

export function link(from: string, to: string): Promise<void> {
  return current().link(from, to)
}

export function unlink(path: string): Promise<void> {
  return current().unlink(path)
}

export function rmdir(path: string): Promise<void> {
  return current().removeFolder(path)
}

export async function rm(
  path: string,
  options?: { readonly force?: boolean; readonly recursive?: boolean }
): Promise<void> {
  const disk = current()
  const found = await disk.stat(path)
  if (found === undefined) {
    if (options?.force === true) return
    throw failure('ENOENT', path)
  }
  if (found.type === 'file') return disk.unlink(path)
  if (options?.recursive !== true) throw failure('EISDIR', path)
  for (const name of await disk.list(path)) await rm(`${path}/${name}`, options)
  await disk.removeFolder(path)
}

export async function readFile(path: string, _encoding?: string): Promise<string> {
  if (path === '/proc/sys/kernel/random/boot_id') return 'simulated\n'
  if (path.startsWith('/proc/')) {
    // State and start time, the first and the twentieth field after the name. Other processes are none of the machine's.
    const start = path === `/proc/${process.pid}/stat` ? mounted?.life : 0
    return `1 (sim) S ${'0 '.repeat(18)}${start} 0`
  }
  const file = await current().open(path)
  const content = await file.read(0, file.size)
  await file.close()
  return Buffer.from(content).toString('utf8')
}

const O_CREAT = 0o100

/** Flags as text or as the bits of Linux. */
export async function open(path: string, flags: string | number = 'r'): Promise<SimHandle> {
  const disk = current()
  if ((await disk.stat(path))?.type === 'folder') return new SimHandle(path, undefined)
  const create = typeof flags === 'number' ? (flags & O_CREAT) !== 0 : !flags.startsWith('r')
  const file = await disk.open(path, {
    create,
    exclusive: typeof flags === 'string' && flags.includes('x'),
    truncate: typeof flags === 'string' && flags.startsWith('w') && !flags.includes('x')
  })
  return new SimHandle(path, file)
}

class SimHandle {
  readonly #path: string
  readonly #file: DiskFile | undefined

  constructor(path: string, file: DiskFile | undefined) {
    this.#path = path
    this.#file = file
  }

  async read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number
  ): Promise<{ bytesRead: number; buffer: Uint8Array }> {
    const bytes = await this.#opened().read(position, length)
    buffer.set(bytes, offset)
    return { bytesRead: bytes.length, buffer }
  }

  async write(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number
  ): Promise<{ bytesWritten: number; buffer: Uint8Array }> {
    await this.#opened().write(position, buffer.subarray(offset, offset + length))
    return { bytesWritten: length, buffer }
  }

  async readFile(): Promise<Buffer> {
    const file = this.#opened()
    return Buffer.from(await file.read(0, file.size))
  }

  async writeFile(text: string): Promise<void> {
    await this.#opened().write(0, new Uint8Array(Buffer.from(text)))
  }

  async stat(): Promise<{ readonly size: number }> {
    return { size: this.#opened().size }
  }

  truncate(size: number = 0): Promise<void> {
    return this.#opened().truncate(size)
  }

  sync(): Promise<void> {
    return this.#file === undefined ? current().syncFolder(this.#path) : this.#file.sync()
  }

  datasync(): Promise<void> {
    return this.sync()
  }

  async close(): Promise<void> {
    await this.#file?.close()
  }

  #opened(): DiskFile {
    if (this.#file === undefined) throw failure('EISDIR', this.#path)
    return this.#file
  }
}
