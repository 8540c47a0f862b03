import { DEFAULT_CONFIG } from '@starling/hyparview'
import { defaultConfig } from '@starling/plumtree'
import type { BroadcastWorld } from '../broadcast-world.ts'
import type { Plan } from '../plan.ts'
import type { Metrics } from '../report.ts'
import type { Violations } from '../violations.ts'
import type { Checker } from './checker.ts'

export type Gauge =
  | 'pendingRequests'
  | 'savedPeers'
  | 'cached'
  | 'cachedBytes'
  | 'seen'
  | 'missing'
  | 'queued'
  | 'unsent'

/** What a node holds at most, by the limits that its parts name. */
export const CAPS: Readonly<Record<Gauge, number>> = {
  /** Requests in flight. Source: the limit of `@starling/hyparview`, whatever they are for. */
  pendingRequests: 64,
  /** Both views and the address book, with its contacts and lost peers. */
  savedPeers:
    DEFAULT_CONFIG.activeViewCapacity +
    DEFAULT_CONFIG.passiveViewCapacity +
    DEFAULT_CONFIG.bookCapacity * 1.25 +
    DEFAULT_CONFIG.contactsMax,
  cached: defaultConfig.cacheCountMax,
  cachedBytes: defaultConfig.cacheBytesMax,
  seen: defaultConfig.seenCountMax,
  missing: defaultConfig.missingCountMax,
  queued: defaultConfig.announceQueueMax * DEFAULT_CONFIG.activeViewCapacity,
  unsent: defaultConfig.unsentCountMax
}

/** Peers of a book are counted every so many steps: the only gauge that costs more than a look. */
const BOOK_EVERY = 64

/** I17, at every step: whatever a node holds is within its cap. Keeps the peaks. */
export class Bounds implements Checker {
  readonly #world: BroadcastWorld
  readonly #violations: Violations
  readonly #caps: Readonly<Record<Gauge, number>>
  readonly #peaks = new Map<Gauge, number>()
  #steps = 0

  constructor(
    world: BroadcastWorld,
    _plan: Plan,
    violations: Violations,
    caps: Readonly<Record<Gauge, number>> = CAPS
  ) {
    this.#world = world
    this.#violations = violations
    this.#caps = caps
  }

  step(node: number): void {
    const machine = this.#world.overlay.machine(node)
    const { cached, cachedBytes, seen, missing, queued, unsent } = this.#world.tree(node).stats()
    this.#look(node, 'pendingRequests', machine.pendingRequests.length)
    this.#look(node, 'cached', cached)
    this.#look(node, 'cachedBytes', cachedBytes)
    this.#look(node, 'seen', seen)
    this.#look(node, 'missing', missing)
    this.#look(node, 'queued', queued)
    this.#look(node, 'unsent', unsent)
    if (this.#steps++ % BOOK_EVERY === 0) this.#look(node, 'savedPeers', machine.savedPeers().length)
  }

  end(): Metrics {
    return Object.fromEntries(
      (['pendingRequests', 'missing', 'queued'] as const).map(name => [
        `${name}Peak`,
        this.#peaks.get(name) ?? 0
      ])
    )
  }

  #look(node: number, gauge: Gauge, value: number): void {
    if (value > (this.#peaks.get(gauge) ?? -1)) this.#peaks.set(gauge, value)
    if (value > this.#caps[gauge]) {
      this.#violations.add(
        'I17',
        `bounds: node ${node} holds ${value} ${gauge}, more than ${this.#caps[gauge]}`
      )
    }
  }
}
