import type { Contact } from '@starling/gossip'
import type { PeersComponents } from '@starling/peers'
import type { Ports } from '@starling/ports'
import { systemHash, systemHmac } from '@starling/ports/system'
import type { MapLimits } from '@starling/map'
import type { ReplicaEvent, ReplicaInit, SyncProtocol } from '@starling/replica'
import { SimDisk, type DiskImage, type DiskProcess, type NodePorts, type Simulation } from '@starling/sim'
import { ClusterProcess } from './cluster-process.ts'
import type { ClusterAction } from './cluster-plan.ts'
import type { History, Operation } from './history.ts'
import { timersWhile, transportWhile } from './living.ts'

/** The network of a cluster, as a node takes part in it. */
export interface NodeTransport {
  /** What a new process of the node stands on. */
  attach(ports: Ports): Omit<PeersComponents, keyof Ports>
  /** The process is gone, without a word. */
  detach(): void
}

/** What a node of a simulated cluster is made of. */
export interface ClusterNodeInit {
  readonly index: number
  readonly simulation: Simulation
  readonly transport: NodeTransport
  readonly contacts: readonly Contact[]
  readonly history: History
  readonly replica: Partial<ReplicaInit>
  readonly limits: Partial<MapLimits>
  readonly hostilePeer: string
  readonly protocol?: ((honest: SyncProtocol) => SyncProtocol) | undefined
  readonly onEvent: (event: ReplicaEvent) => void
  readonly onFailure: (what: string) => void
}

/** Failed starts after which nobody hopes for the disk any more. */
const FAILED_STARTS_MAX = 40

type Write = Extract<ClusterAction, { readonly type: 'set' | 'remove' | 'setIf' | 'removeIf' | 'batch' }>

/** One machine: a disk that stays, and one process after another. */
export class ClusterNode {
  readonly disk: SimDisk
  readonly #init: ClusterNodeInit
  readonly #ports: NodePorts
  #diskProcess: DiskProcess | undefined
  #process: ClusterProcess | undefined
  #starting: Promise<void> | undefined
  #backup: { readonly image: DiskImage; readonly atMs: number } | undefined
  #values = 0
  #processes = 0
  #failedStarts = 0
  #wrongMs = 0

  constructor(init: ClusterNodeInit) {
    this.#init = init
    const label = `node ${init.index}`
    this.#ports = init.simulation.ports(label, { node: init.index })
    const { random, timers } = init.simulation.ports(`disk of ${label}`)
    this.disk = new SimDisk({ random, timers })
  }

  /** The running process; `undefined` while there is none, or while it starts. */
  get process(): ClusterProcess | undefined {
    return this.#process
  }

  get ports(): NodePorts {
    return this.#ports
  }

  /** Starts a process, unless there is one. A store that does not open is tried again every second. */
  start(): void {
    if (this.#process !== undefined || this.#starting !== undefined) return
    const number = ++this.#processes
    const disk = this.disk.process()
    this.#diskProcess = disk
    const lives = (): boolean => number === this.#processes
    const { clock, random } = this.#ports
    const timers = timersWhile(lives, this.#ports.timers)
    const ports = { clock, timers, random, hash: systemHash, hmac: systemHmac }
    const { transport, contacts, replica, limits, hostilePeer, protocol, onEvent } = this.#init
    const starting = ClusterProcess.start({
      ports,
      disk,
      transport: transportWhile(lives, transport.attach(ports)),
      contacts,
      replica,
      limits,
      hostilePeer,
      protocol,
      onEvent
    }).then(
      process => {
        if (number !== this.#processes) return
        this.#starting = undefined
        this.#process = process
        this.#failedStarts = 0
      },
      (error: unknown) => {
        if (number !== this.#processes) return
        this.kill()
        this.#startAgain(error)
      }
    )
    this.#starting = starting
  }

  /** A store that does not open is tried again, and in the end given up: its folder is moved aside, as an operator would. */
  #startAgain(error: unknown): void {
    const { simulation, history, index, onFailure } = this.#init
    if (!(error instanceof Error) || error.name !== 'StoreOpenError') {
      onFailure(`I20: node ${index} did not start: ${String(error)}`)
    }
    if (++this.#failedStarts === FAILED_STARTS_MAX) {
      this.disk.wipe()
      history.diskLost(index, -Infinity)
    }
    const ended = this.#processes
    simulation.schedule(1_000, () => {
      if (ended === this.#processes) this.start()
    })
  }

  /** The process ends without a word. What it wrote stays readable. */
  kill(): void {
    this.#diskProcess?.kill()
    this.#end()
  }

  /** The machine ends: of what was not synced a drawn part is kept. */
  powerCut(): void {
    this.disk.powerCut()
    this.#end()
  }

  /** The process ends politely. */
  async stop(): Promise<void> {
    const process = this.#process
    if (process === undefined) return this.kill()
    await process.stop()
    if (process === this.#process) this.kill()
  }

  wipe(): void {
    this.kill()
    this.disk.wipe()
    this.#init.history.diskLost(this.#init.index, -Infinity)
  }

  /** A bit flips at rest. What it hits is known to be damaged, and may have been nowhere else. */
  flip(place: number): void {
    this.kill()
    const files = this.disk.files()
    let at = Math.floor(place * files.reduce((sum, { size }) => sum + size, 0))
    for (const { path, size } of files) {
      if (at < size) {
        this.disk.flipBit(path, at * 8 + (at % 8))
        break
      }
      at -= size
    }
    this.#init.history.diskLost(this.#init.index, -Infinity)
  }

  backup(): void {
    this.#backup = { image: this.disk.image(), atMs: this.#init.simulation.nowMs }
  }

  restore(): void {
    this.kill()
    if (this.#backup === undefined) return
    this.disk.restore(this.#backup.image)
    this.#init.history.diskLost(this.#init.index, this.#backup.atMs)
  }

  /** Goes on with what another node's disk holds now. */
  copyFrom(other: ClusterNode): void {
    this.kill()
    this.disk.restore(other.disk.image())
    this.#init.history.diskLost(this.#init.index, -Infinity)
  }

  /** Somebody sets the clock wrong by so much. */
  setClockWrong(byMs: number): void {
    this.#ports.jumpWall(byMs)
    this.#wrongMs += byMs
  }

  /** Somebody sets it right. */
  setClockRight(): void {
    this.#ports.jumpWall(-this.#wrongMs)
    this.#wrongMs = 0
  }

  /** What an operator does who has set a clock that was far ahead; a disk that fails meanwhile makes them try again. */
  repairClock(): void {
    const map = this.#process?.map
    if (map === undefined || this.#wrongMs !== 0 || map.health().clockAheadMs === 0) return
    this.#init.history.clockRepaired(this.#init.index)
    this.#init.history.doubted(this.#init.index)
    map.repairClock().catch(() => this.#init.simulation.schedule(1_000, () => this.repairClock()))
  }

  /** What an operator does whose sessions stop over values that are long dead, and who trusts the others. */
  decideStale(): void {
    this.#process?.map.decideStale('set-aside')
  }

  /** Asks for a write, and takes down what becomes of it. */
  write(action: Write): void {
    const process = this.#process
    if (process === undefined) return
    const { map } = process
    const seenOf = (key: string): Set<string> => this.#seen(process, key)
    switch (action.type) {
      case 'set': {
        const value = this.#value()
        const operation = this.#ask(action.key, value, seenOf(action.key))
        return this.#follow([operation], map.set(action.key, value))
      }
      case 'remove':
        return this.#follow([this.#ask(action.key, undefined, seenOf(action.key))], map.delete(action.key))
      case 'removeIf': {
        const version = map.getWithVersion(action.key)?.version
        const operation = this.#ask(action.key, undefined, seenOf(action.key))
        return this.#follow([operation], map.deleteIf(action.key, version))
      }
      case 'setIf': {
        const value = this.#value()
        const version = map.getWithVersion(action.key)?.version
        const operation = this.#ask(action.key, value, seenOf(action.key))
        return this.#follow([operation], map.setIf(action.key, value, version))
      }
      case 'batch': {
        const value = this.#value()
        const operations = [
          this.#ask(action.key, value, seenOf(action.key)),
          this.#ask(action.other, undefined, seenOf(action.other))
        ]
        const done = map.batch([
          { type: 'set', key: action.key, value },
          { type: 'delete', key: action.other }
        ])
        return this.#follow(operations, done)
      }
    }
  }

  #end(): void {
    this.#processes++
    this.#process = undefined
    this.#starting = undefined
    this.#diskProcess = undefined
    this.#ports.halt()
    this.#init.transport.detach()
    this.#init.history.processEnded(this.#init.index)
  }

  #value(): string {
    return `n${this.#init.index}v${this.#values++}`
  }

  /** What a caller here can know of a key: what is shown, joined with its own writes on their way. */
  #seen(process: ClusterProcess, key: string): Set<string> {
    const seen = new Set(process.map.conflicts(key).map(({ value }) => value))
    for (const own of this.#init.history.inFlight(this.#init.index, key)) {
      for (const value of own.seen) seen.add(value)
      if (own.value !== undefined) seen.add(own.value)
    }
    return seen
  }

  #ask(key: string, value: string | undefined, seen: ReadonlySet<string>): Operation {
    const { history, index: node, simulation } = this.#init
    return history.add({ node, key, value, seen, atMs: simulation.nowMs, clockWrong: this.#wrongMs !== 0 })
  }

  /** I5: who wrote reads what it wrote, or what came after. */
  #readBack({ key, value, number }: Operation): void {
    const shown = this.#process?.map.conflicts(key).map(({ value: each }) => each)
    if (shown === undefined || value === undefined || shown.includes(value)) return
    const over = this.#init.history.of(key).some(({ seen }) => seen.has(value))
    if (!over)
      this.#init.onFailure(`I5: operation ${number} was acknowledged, and ${key} reads [${shown.join(' ')}]`)
  }

  #follow(operations: readonly Operation[], done: Promise<unknown>): void {
    const settle = (outcome: Operation['outcome'], error: string | undefined, stamp?: bigint): void => {
      for (const operation of operations) {
        // An answer that a dead process would have given is heard by nobody.
        if (operation.outcome !== 'pending') continue
        operation.outcome = outcome
        operation.error = error
        operation.stamp = stamp
        operation.answeredMs = this.#init.simulation.nowMs
        if (outcome === 'acknowledged') this.#readBack(operation)
      }
    }
    done.then(
      written => settle('acknowledged', undefined, stampIn(written)),
      (error: unknown) => {
        const { name, message } = error instanceof Error ? error : { name: String(error), message: '' }
        if (name === 'RangeError' || name === 'TypeError') this.#init.onFailure(`I20: ${name}: ${message}`)
        settle(name === 'IndeterminateWriteError' ? 'indeterminate' : 'refused', name)
      }
    )
  }
}

function stampIn(written: unknown): bigint | undefined {
  return (written as { readonly stamp?: bigint } | undefined)?.stamp
}
