import type { SeededRandom, Timers } from '@starling/ports'
import { drawCrashImage } from './crash-images.ts'
import { DiskError } from './disk-error.ts'
import { DiskProcess } from './disk-process.ts'
import { FaultPlan, noCounts, type DiskCounters, type DiskFault } from './faults.ts'
import { FileNode } from './file-node.ts'
import { FolderNode, type FolderEntry, type Names } from './folder-node.ts'
import { contentWords, reachable, ROOT, type DiskImage, type DiskState } from './image.ts'

/** One operation of a process on the disk, as {@link SimDiskInit.observe} sees it before it happens. */
export interface DiskOperation {
  /** Counts from 1 over the life of the disk. */
  readonly number: number
  readonly kind: 'read' | 'write' | 'sync' | 'folder' | 'lock'
  /** The call and its path, such as `write /store/000003.log 512+40`. */
  readonly text: string
}

/** What a disk is made of. */
export interface SimDiskInit {
  /** Everything random on the disk: tears, what a failed sync keeps, where misdirected bytes go, latencies. */
  readonly random: SeededRandom
  /** With timers each operation is an event of its own, after its latency; without them it happens at the next microtask. */
  readonly timers?: Timers
  /** Called before each operation: the place to count, to trace, to take a {@link SimDisk.state}, to cut the power. */
  readonly observe?: (operation: DiskOperation) => void
  /** What lies on it. Default: an empty root folder. */
  readonly image?: DiskImage
}

/**
 * A disk with a page cache. A file is what the disk holds durably and an ordered list of unsynced operations; folders
 * likewise. Processes work on it asynchronously and see everything written; a power cut keeps a drawn part of what was not
 * synced. Everything drawn follows from `random`.
 *
 * It is harsher than ext4: names are durable only after a sync of their folder, files lose unsynced writes independently,
 * in any order, and torn at any byte.
 */
export class SimDisk {
  readonly counters: DiskCounters = noCounts()
  readonly #random: SeededRandom
  readonly #timers: Timers | undefined
  readonly #observe: ((operation: DiskOperation) => void) | undefined
  readonly #faults = new FaultPlan()
  readonly #processes = new Set<DiskProcess>()
  #folders = new Map<number, FolderNode>()
  #files = new Map<number, FileNode>()
  #nextId = ROOT + 1
  /** POSIX locks: which process holds a file. */
  readonly #locks = new Map<number, DiskProcess>()

  constructor(init: SimDiskInit) {
    this.#random = init.random.fork('disk')
    this.#timers = init.timers
    this.#observe = init.observe
    this.#load(init.image ?? { folders: new Map([[ROOT, new Map()]]), files: new Map() })
  }

  /** Starts a process that uses the disk. */
  process(): DiskProcess {
    const process = new DiskProcess({
      turn: (process, kind, text, act) => this.#turn(process, kind, text, act),
      folder: id => this.#folder(id),
      file: id => this.#file(id),
      addFile: () => this.#addFile(),
      addFolder: () => this.#addFolder(),
      write: (file, at, bytes, path) => this.#write(file, at, bytes, path),
      sync: (file, path) => this.#sync(file, path),
      changing: path => this.#changing(path),
      locks: this.#locks,
      ended: process => this.#ended(process)
    })
    this.#processes.add(process)
    return process
  }

  inject(fault: DiskFault): void {
    this.#faults.inject(fault)
  }

  /** Ends all faults, and those that were injected and have not hit. */
  heal(): void {
    this.#faults.heal()
  }

  /** What is durable and what is not, now. Later operations do not change it. */
  state(): DiskState {
    return {
      folders: new Map(
        [...this.#folders].map(([id, folder]) => [
          id,
          { durable: folder.durable, pending: folder.pending.slice() }
        ])
      ),
      files: new Map(
        [...this.#files].map(([id, file]) => [id, { durable: file.durable, pending: file.pending.slice() }])
      )
    }
  }

  /** Everything that readers see, as after a clean unmount. */
  image(): DiskImage {
    const { folders, files } = reachable(id => this.#folders.get(id)?.entries)
    return {
      folders: new Map([...folders].map(([id, names]) => [id, new Map(names)])),
      files: new Map([...files].map(id => [id, this.#file(id).content.slice()]))
    }
  }

  /** Ends every process at once and leaves a drawn image, or the one given. */
  powerCut(image: DiskImage = drawCrashImage(this.state(), this.#random)): void {
    this.counters.powerCuts++
    for (const [id, content] of image.files) {
      const file = this.#files.get(id)
      if (file !== undefined && contentWords(content).join() !== contentWords(file.content.slice()).join()) {
        this.counters.filesCut++
      }
    }
    this.#stop()
    this.#load(image)
  }

  /** Ends every process and puts an older image in place of what is there. */
  restore(image: DiskImage): void {
    this.counters.restores++
    this.#stop()
    this.#load(image)
  }

  /** Ends every process and empties the disk. */
  wipe(): void {
    this.counters.wipes++
    this.#stop()
    this.#load({ folders: new Map([[ROOT, new Map()]]), files: new Map() })
  }

  /** Flips one bit of a file at rest, counted from the file's first bit; a drawn one unless given. False: it is empty. */
  flipBit(path: string, bit?: number): boolean {
    const entry = this.#lookUp(path)
    if (entry?.type !== 'file') throw new DiskError('ENOENT', path)
    const file = this.#file(entry.id)
    if (file.size === 0) return false
    const at = bit ?? this.#random.below(file.size * 8)
    if (!(at >= 0 && at < file.size * 8)) throw new RangeError(`${path} has ${file.size * 8} bits, got ${at}`)
    this.counters.bitFlips++
    file.damage(at >> 3, byte => byte ^ (1 << (at & 7)), 1)
    return true
  }

  /** Paths and sizes of all files, in order of their paths. */
  files(): readonly { readonly path: string; readonly size: number }[] {
    const found: { path: string; size: number }[] = []
    const visit = (folder: number, prefix: string): void => {
      for (const [name, entry] of this.#folder(folder).entries) {
        if (entry.type === 'folder') visit(entry.id, `${prefix}${name}/`)
        else found.push({ path: prefix + name, size: this.#file(entry.id).size })
      }
    }
    visit(ROOT, '/')
    return found.sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  async #turn<T>(process: DiskProcess, kind: DiskOperation['kind'], text: string, act: () => T): Promise<T> {
    if (process.alive) await this.#delay()
    if (process.alive) this.#observe?.({ number: ++this.counters.operations, kind, text })
    // A dead process never learns anything more: its calls stay open for ever, like those of a machine without power.
    if (!process.alive) return new Promise<T>(() => {})
    if (kind === 'read' && this.#faults.strikes('readError')) {
      this.counters.readErrors++
      throw new DiskError('EIO', text)
    }
    return act()
  }

  #delay(): Promise<void> {
    const timers = this.#timers
    if (timers === undefined) return Promise.resolve()
    const latency = this.#faults.latencyMsMax * (this.#faults.latencyMsMax > 0 ? this.#random.float() : 0)
    return new Promise<void>(resolve => void timers.schedule(latency, resolve))
  }

  #write(file: FileNode, at: number, bytes: Uint8Array, path: string): void {
    this.#changing(path)
    if (this.#faults.strikes('writeError')) {
      this.counters.writeErrors++
      this.#put(file, at, bytes.slice(0, this.#random.below(bytes.length + 1)))
      throw new DiskError('EIO', path)
    }
    if (this.#faults.strikes('misdirectedWrite') && this.#misdirect(file, at, bytes)) return
    const grows = Math.max(0, at + bytes.length - file.size)
    if (grows > this.#faults.freeBytes) {
      this.counters.fullErrors++
      this.#put(file, at, bytes.slice(0, bytes.length - (grows - this.#faults.freeBytes)))
      throw new DiskError('ENOSPC', path)
    }
    this.#put(file, at, bytes.slice())
  }

  #put(file: FileNode, at: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#faults.freeBytes -= Math.max(0, at + bytes.length - file.size)
    file.apply({ type: 'write', at, bytes })
  }

  /** Writes over a drawn place of another file. False when there is no other place to hit. */
  #misdirect(file: FileNode, at: number, bytes: Uint8Array): boolean {
    const { files } = reachable(id => this.#folders.get(id)?.entries)
    const targets = [...files].map(id => this.#file(id)).filter(one => one !== file && one.durable.length > 0)
    const target = targets[targets.length === 0 ? 0 : this.#random.below(targets.length)]
    if (target === undefined) return false
    this.counters.misdirectedWrites++
    target.damage(this.#random.below(target.durable.length), (_, i) => bytes[i] as number, bytes.length)
    file.applyUnwritten({ type: 'write', at, bytes: bytes.slice() })
    return true
  }

  #sync(file: FileNode, path: string): void {
    if (this.#faults.strikes('syncError')) {
      this.counters.syncErrors++
      file.dropPending(this.#random)
      throw new DiskError('EIO', path)
    }
    if (this.#faults.lyingSync && file.pending.length > 0) {
      this.counters.syncLies++
      return
    }
    file.sync()
  }

  #changing(path: string): void {
    if (!this.#faults.readOnly) return
    this.counters.readOnlyErrors++
    throw new DiskError('EROFS', path)
  }

  #ended(process: DiskProcess): void {
    this.counters.kills++
    this.#forget(process)
  }

  #forget(process: DiskProcess): void {
    this.#processes.delete(process)
    for (const [file, holder] of this.#locks) if (holder === process) this.#locks.delete(file)
  }

  #stop(): void {
    for (const process of this.#processes) {
      process.alive = false
      this.#forget(process)
    }
  }

  #load(image: DiskImage): void {
    this.#folders = new Map([...image.folders].map(([id, names]) => [id, new FolderNode(names)]))
    this.#files = new Map([...image.files].map(([id, content]) => [id, new FileNode(id, content)]))
    const ids = [...this.#folders.keys(), ...this.#files.keys()]
    this.#nextId = ids.reduce((most, id) => Math.max(most, id + 1), this.#nextId)
  }

  #lookUp(path: string): FolderEntry | undefined {
    let entry: FolderEntry | undefined = { type: 'folder', id: ROOT }
    for (const name of path.split('/')) {
      if (name === '') continue
      const names: Names | undefined =
        entry?.type === 'folder' ? this.#folders.get(entry.id)?.entries : undefined
      entry = names?.get(name)
    }
    return entry
  }

  #folder(id: number): FolderNode {
    const folder = this.#folders.get(id)
    if (folder === undefined) throw new RangeError(`there is no folder ${id}`)
    return folder
  }

  #file(id: number): FileNode {
    const file = this.#files.get(id)
    if (file === undefined) throw new RangeError(`there is no file ${id}`)
    return file
  }

  #addFile(): FileNode {
    const file = new FileNode(this.#nextId++)
    this.#files.set(file.id, file)
    return file
  }

  #addFolder(): number {
    const id = this.#nextId++
    this.#folders.set(id, new FolderNode())
    return id
  }
}
