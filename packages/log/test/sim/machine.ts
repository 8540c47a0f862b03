import type { Timers } from '@starling/ports'
import {
  type AsyncHost,
  type Simulation,
  SimDisk,
  SimLevel,
  type DiskImage,
  type DiskOperation,
  type DiskProcess
} from '@starling/sim'
import { seededRandom } from '@starling/ports'
import type { RecoveredLog, ReplicaLog, Store } from '../../src/index.ts'
import type { Level } from '../../src/level.ts'
import { openStoreOn } from '../../src/open-store.ts'
import type { Change, History } from './history.ts'
import { mount } from './sim-files.ts'

export const DIRECTORY = '/data'

/** Small, so that a few appends already fill tables and merge them. */
const WRITE_BUFFER_BYTES = 1_200

export interface MachineInit {
  readonly seed: number | string
  readonly timers?: Timers
  readonly image?: DiskImage
  readonly observe?: (operation: DiskOperation) => void
  /** Default {@link WRITE_BUFFER_BYTES}. */
  readonly writeBufferBytes?: number
  /** Wraps the database, to put a fault between it and the store. */
  readonly wrap?: (level: Level) => Level
}

/** Node.js under the engine; a call that reaches the real file system fails the run. */
const host: AsyncHost = {
  hop: () => new Promise(resolve => void setImmediate(resolve)),
  pending: () => process.getActiveResourcesInfo().filter(name => name.startsWith('FS'))
}

/** Runs a program under a simulation: one that waits for nothing fails at once instead of hanging. */
export function simulated<T>(simulation: Simulation, program: () => Promise<T>): Promise<T> {
  return simulation.runAsync(program, host)
}

/** A machine with one disk, on which one process at a time has the store open. The file that makes it mocks `node:fs/promises`. */
export class Machine {
  readonly disk: SimDisk
  readonly #wrap: (level: Level) => Level
  readonly #writeBufferBytes: number
  #process: DiskProcess | undefined

  constructor(init: MachineInit) {
    this.#wrap = init.wrap ?? (level => level)
    this.#writeBufferBytes = init.writeBufferBytes ?? WRITE_BUFFER_BYTES
    this.disk = new SimDisk({
      random: seededRandom(init.seed),
      ...(init.timers === undefined ? {} : { timers: init.timers }),
      ...(init.image === undefined ? {} : { image: init.image }),
      ...(init.observe === undefined ? {} : { observe: init.observe })
    })
  }

  /** Starts a process, opens the store in it and all logs. */
  async open(names: readonly string[], durability: (log: string) => 'sync' | 'async'): Promise<OpenStore> {
    const process = this.start()
    const store = await openStoreOn({ directory: DIRECTORY }, location =>
      this.#wrap(new SimLevel(process, location, { writeBufferBytes: this.#writeBufferBytes }))
    )
    const logs = new Map<string, ReplicaLog>()
    for (const name of names) logs.set(name, await store.openLog(name, { durability: durability(name) }))
    return new OpenStore(store, logs)
  }

  /** A new process. The one before is gone, so what it held in this process of ours is nobody's. */
  start(): DiskProcess {
    this.#process?.kill()
    const owned = (globalThis as { [key: symbol]: Set<string> | undefined })[Symbol.for('starling.log.owned')]
    owned?.delete(DIRECTORY)
    this.#process = this.disk.process()
    mount(this.#process)
    return this.#process
  }
}

/** A store with its logs. */
export class OpenStore {
  readonly store: Store
  readonly logs: ReadonlyMap<string, ReplicaLog>

  constructor(store: Store, logs: ReadonlyMap<string, ReplicaLog>) {
    this.store = store
    this.logs = logs
  }

  get recovered(): ReadonlyMap<string, RecoveredLog> {
    return new Map([...this.logs].map(([name, log]) => [name, log.recovered]))
  }

  /** Recovers every log in place; nothing is restored, what is on disk stays. */
  async recover(): Promise<ReadonlyMap<string, RecoveredLog>> {
    const found = new Map<string, RecoveredLog>()
    for (const [name, log] of this.logs) found.set(name, (await log.recover(() => {})).found)
    return found
  }

  /** Appends and keeps the history; resolves either way. */
  async append(history: History, name: string, changes: readonly Change[], stamp: bigint): Promise<void> {
    const log = this.logs.get(name)
    if (log === undefined) throw new Error(`there is no log ${name}`)
    const { appended, batch } = history.begin(name, changes, stamp)
    try {
      await log.append(batch)
    } catch (error) {
      history.failed(appended, error)
      return
    }
    history.acknowledged(appended, log.durability === 'sync' ? 'sync' : 'async')
  }
}
