import type { ReplicatedMap } from '@starling/node'
import type { ServedMap } from '../api/served-map.ts'
import { namesOf, type LiveValue, type Reply } from './worker-protocol.ts'

/** Errors after which a write may have taken effect all the same. */
const UNCERTAIN: ReadonlySet<string> = new Set(['IndeterminateWriteError', 'ReplicationTimeoutError'])

/**
 * All writes on this node's map, told to the launcher before they are made, with what they have seen: the live values here, and this
 * process's own writes in flight.
 */
export class TrackedWrites {
  readonly #map: ReplicatedMap<unknown>
  readonly #send: (reply: Reply) => void
  /** Own writes not yet settled, per key: whoever writes next in this process has seen them. */
  readonly #inFlight = new Map<string, Set<string>>()
  #outside = 0

  constructor(map: ReplicatedMap<unknown>, send: (reply: Reply) => void) {
    this.#map = map
    this.#send = send
  }

  /** A write of the launcher's: its value is its name, and some substance. */
  async set(key: string, write: string): Promise<void> {
    this.#send({ type: 'issued', write, seen: this.#seen(key) })
    const value = { write, note: `written by process ${process.pid}` }
    await this.#flying(key, write, () => this.#map.set(key, value))
  }

  async delete(key: string, write: string): Promise<void> {
    this.#send({ type: 'issued', write, seen: this.#seen(key) })
    await this.#flying(key, write, () => this.#map.delete(key))
  }

  /** Every live value of a key, in the map's order, which is the same on all nodes. */
  live(key: string): readonly LiveValue[] {
    return this.#map
      .conflicts(key)
      .map(({ value, stamp }) => ({ write: writeOf(value), stamp: stamp.toString() }))
  }

  /** The map for people who write on this node's page. */
  served(): ServedMap {
    const map = this.#map
    return {
      get size() {
        return map.size
      },
      getWithVersion: key => map.getWithVersion(key),
      conflicts: key => map.conflicts(key),
      presence: key => map.presence(key),
      range: options => map.range(options),
      watch: options => map.watch(options),
      health: () => map.health(),
      set: (key, value, options) => this.#outsideWrite(key, 'set', () => map.set(key, value, options)),
      setIf: (key, value, version, options) =>
        this.#outsideWrite(key, 'set', () => map.setIf(key, value, version, options)),
      delete: (key, options) => this.#outsideWrite(key, 'delete', () => map.delete(key, options)),
      deleteIf: (key, version, options) =>
        this.#outsideWrite(key, 'delete', () => map.deleteIf(key, version, options))
    }
  }

  async #outsideWrite<T>(key: string, kind: 'set' | 'delete', hand: () => Promise<T>): Promise<T> {
    const write = `${process.pid}-${++this.#outside}`
    this.#send({ type: 'outside', write, key, kind, seen: this.#seen(key) })
    try {
      const result = await this.#flying(key, write, hand)
      const stamp =
        typeof result === 'object' && result !== null && 'stamp' in result ? result.stamp : undefined
      this.#send({
        type: 'outsideSettled',
        write,
        outcome: 'acknowledged',
        ...(typeof stamp === 'bigint' ? { stamp: stamp.toString() } : {})
      })
      return result
    } catch (error) {
      const uncertain = error instanceof Error && UNCERTAIN.has(error.name)
      this.#send({ type: 'outsideSettled', write, outcome: uncertain ? 'unknown' : 'refused' })
      throw error
    }
  }

  #seen(key: string): readonly string[] {
    return [...this.live(key).flatMap(namesOf), ...(this.#inFlight.get(key) ?? [])]
  }

  async #flying<T>(key: string, write: string, hand: () => Promise<T>): Promise<T> {
    const own = this.#inFlight.get(key) ?? new Set()
    this.#inFlight.set(key, own)
    own.add(write)
    try {
      return await hand()
    } finally {
      own.delete(write)
      if (own.size === 0) this.#inFlight.delete(key)
    }
  }
}

/** The name of the launcher's write that made this value. */
function writeOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('write' in value)) return undefined
  return typeof value.write === 'string' && /^w\d+$/u.test(value.write) ? value.write : undefined
}
