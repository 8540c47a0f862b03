import { DiskError } from './disk-error.ts'
import type { FileNode } from './file-node.ts'
import type { FolderEntry, FolderNode } from './folder-node.ts'
import { ROOT } from './image.ts'
import type { DiskOperation } from './sim-disk.ts'

/** What a process may do with its disk; the disk's own side of {@link DiskProcess}. */
export interface DiskPort {
  turn<T>(process: DiskProcess, kind: DiskOperation['kind'], text: string, act: () => T): Promise<T>
  folder(id: number): FolderNode
  file(id: number): FileNode
  addFile(): FileNode
  addFolder(): number
  write(file: FileNode, at: number, bytes: Uint8Array, path: string): void
  sync(file: FileNode, path: string): void
  /** Fails on a read-only file system. */
  changing(path: string): void
  readonly locks: Map<number, DiskProcess>
  ended(process: DiskProcess): void
}

/** How a file is opened: as with `open(2)`. */
export interface OpenOptions {
  readonly create?: boolean
  /** With `create`: fail with EEXIST when it is there. */
  readonly exclusive?: boolean
  readonly truncate?: boolean
}

/** An open file. Calls reject with {@link DiskError}. */
export interface DiskFile {
  readonly path: string
  readonly size: number
  /** Up to `length` bytes; fewer at the end of the file. */
  read(at: number, length: number): Promise<Uint8Array>
  /** Writes all bytes, or a first part of them before it fails. */
  write(at: number, bytes: Uint8Array): Promise<void>
  truncate(size: number): Promise<void>
  /** What was written before survives a power cut from now on; the file's name need not. */
  sync(): Promise<void>
  /** Takes a POSIX lock on the file; false when another process holds it. */
  lock(): Promise<boolean>
  /** As POSIX has it, closing any handle of a file gives up the lock that the process holds on it. */
  close(): Promise<void>
}

/** A process that uses a disk. Once it has ended, its calls neither resolve nor reject. */
export class DiskProcess {
  /** Whether it still runs. Use {@link DiskProcess.kill} to end it. */
  alive = true
  readonly #port: DiskPort

  constructor(port: DiskPort) {
    this.#port = port
  }

  /** Ends the process, as `kill -9` does: what it wrote stays readable, its locks are free. */
  kill(): void {
    if (!this.alive) return
    this.alive = false
    this.#port.ended(this)
  }

  open(path: string, options: OpenOptions = {}): Promise<DiskFile> {
    return this.#do('folder', `open ${path}`, () => {
      const { folder, name, entry } = this.#find(path)
      if (entry?.type === 'folder') throw new DiskError('EISDIR', path)
      if (entry !== undefined && options.create === true && options.exclusive === true) {
        throw new DiskError('EEXIST', path)
      }
      if (entry === undefined && options.create !== true) throw new DiskError('ENOENT', path)
      const file = entry === undefined ? this.#create(folder, name, path) : this.#port.file(entry.id)
      if (options.truncate === true && file.size > 0) {
        this.#port.changing(path)
        file.apply({ type: 'truncate', size: 0 })
      }
      return this.#handle(path, file)
    })
  }

  /** What is at the path: `undefined` when nothing is. */
  stat(path: string): Promise<{ readonly type: 'file' | 'folder'; readonly size: number } | undefined> {
    return this.#do('folder', `stat ${path}`, () => {
      const entry = this.#look(path)
      if (entry === undefined) return undefined
      return { type: entry.type, size: entry.type === 'file' ? this.#port.file(entry.id).size : 0 }
    })
  }

  /** The names in a folder, sorted. */
  list(path: string): Promise<readonly string[]> {
    return this.#do('folder', `list ${path}`, () => [...this.#folderAt(path).entries.keys()].sort())
  }

  makeFolder(path: string): Promise<void> {
    return this.#do('folder', `mkdir ${path}`, () => {
      const { folder, name, entry } = this.#find(path)
      if (entry !== undefined) throw new DiskError('EEXIST', path)
      this.#port.changing(path)
      folder.apply({ type: 'add', name, entry: { type: 'folder', id: this.#port.addFolder() } })
    })
  }

  removeFolder(path: string): Promise<void> {
    return this.#do('folder', `rmdir ${path}`, () => {
      const { folder, name } = this.#find(path)
      if (this.#folderAt(path).entries.size > 0) throw new DiskError('ENOTEMPTY', path)
      this.#port.changing(path)
      folder.apply({ type: 'remove', name })
    })
  }

  /** Removes a file's name. Open handles of it go on. */
  unlink(path: string): Promise<void> {
    return this.#do('folder', `unlink ${path}`, () => {
      const { folder, name, entry } = this.#find(path)
      if (entry === undefined) throw new DiskError('ENOENT', path)
      if (entry.type === 'folder') throw new DiskError('EISDIR', path)
      this.#port.changing(path)
      folder.apply({ type: 'remove', name })
    })
  }

  /** Moves a file or a folder within its folder, atomically; a file in its new place is replaced. */
  rename(from: string, to: string): Promise<void> {
    return this.#do('folder', `rename ${from} ${to}`, () => {
      const source = this.#find(from)
      const target = this.#find(to)
      if (source.entry === undefined) throw new DiskError('ENOENT', from)
      if (source.folder !== target.folder) throw new DiskError('EXDEV', to)
      if (target.entry?.type === 'folder') throw new DiskError('EISDIR', to)
      this.#port.changing(from)
      source.folder.apply({ type: 'rename', from: source.name, to: target.name })
    })
  }

  /** A second name for a file. */
  link(from: string, to: string): Promise<void> {
    return this.#do('folder', `link ${from} ${to}`, () => {
      const source = this.#find(from)
      const target = this.#find(to)
      if (source.entry === undefined) throw new DiskError('ENOENT', from)
      if (target.entry !== undefined) throw new DiskError('EEXIST', to)
      this.#port.changing(to)
      target.folder.apply({ type: 'add', name: target.name, entry: source.entry })
    })
  }

  /** The names in the folder survive a power cut from now on. */
  syncFolder(path: string): Promise<void> {
    return this.#do('sync', `sync ${path}`, () => this.#folderAt(path).sync())
  }

  #do<T>(kind: DiskOperation['kind'], text: string, act: () => T): Promise<T> {
    return this.#port.turn(this, kind, text, act)
  }

  #handle(path: string, file: FileNode): DiskFile {
    const port = this.#port
    const run = <T>(kind: DiskOperation['kind'], text: string, act: () => T): Promise<T> =>
      this.#do(kind, `${text} ${path}`, act)
    return {
      path,
      get size() {
        return file.size
      },
      read: (at, length) => run('read', 'read', () => file.content.slice(at, at + length)),
      write: (at, bytes) =>
        this.#do('write', `write ${path} ${at}+${bytes.length}`, () => port.write(file, at, bytes, path)),
      truncate: size =>
        run('write', 'truncate', () => {
          port.changing(path)
          file.apply({ type: 'truncate', size })
        }),
      sync: () => run('sync', 'sync', () => port.sync(file, path)),
      lock: () =>
        run('lock', 'lock', () => {
          const holder = port.locks.get(file.id) ?? this
          if (holder === this) port.locks.set(file.id, this)
          return holder === this
        }),
      close: () =>
        run('lock', 'close', () => {
          if (port.locks.get(file.id) === this) port.locks.delete(file.id)
        })
    }
  }

  #create(folder: FolderNode, name: string, path: string): FileNode {
    this.#port.changing(path)
    const file = this.#port.addFile()
    folder.apply({ type: 'add', name, entry: { type: 'file', id: file.id } })
    return file
  }

  #look(path: string): FolderEntry | undefined {
    let entry: FolderEntry | undefined = { type: 'folder', id: ROOT }
    for (const name of path.split('/')) {
      if (name === '') continue
      if (entry === undefined) return undefined
      if (entry.type === 'file') throw new DiskError('ENOTDIR', path)
      entry = this.#port.folder(entry.id).entries.get(name)
    }
    return entry
  }

  /** The folder that a path lies in, its last name, and what has that name. */
  #find(path: string): {
    readonly folder: FolderNode
    readonly name: string
    readonly entry: FolderEntry | undefined
  } {
    const end = path.lastIndexOf('/')
    const name = path.slice(end + 1)
    if (!path.startsWith('/') || name === '') throw new DiskError('EINVAL', path)
    const folder = this.#folderAt(path.slice(0, end))
    return { folder, name, entry: folder.entries.get(name) }
  }

  #folderAt(path: string): FolderNode {
    const entry = this.#look(path)
    if (entry === undefined) throw new DiskError('ENOENT', path)
    if (entry.type === 'file') throw new DiskError('ENOTDIR', path)
    return this.#port.folder(entry.id)
  }
}
