import { DecodeError } from '@starling/codec'
import type { Clock, Hmac, Random, TimerHandle, Timers } from '@starling/ports'
import { HOST_FINDER_DEFAULTS, type HostFinderConfig } from './config.ts'
import { SyncClosedError } from './errors.ts'
import { decodeAnnouncement, encodeAnnouncement, HOST_TAGS_MAX } from './host-wire.ts'
import type { NeighborSource, PeerKey } from './ports.ts'
import { checkTopic, hostTag } from './token.ts'

/** Where a host of a topic may be reached. */
export interface HostContact {
  readonly peer: PeerKey
  readonly addresses: readonly string[]
}

/** A broadcast in which every node of the cluster takes part, whatever it hosts. A topic of `@starling/gossip` fits it. */
export interface AnnouncePort {
  broadcast(payload: Uint8Array): void
  /** Returns the function that stops listening. */
  onMessage(listener: (payload: Uint8Array, from: PeerKey) => void): () => void
}

/** A topic whose other hosts are sought. A topic of `@starling/gossip` fits it. */
export interface HostedTopic extends NeighborSource {
  addContacts(contacts: readonly HostContact[]): void
}

export interface HostFinderComponents {
  readonly announce: AnnouncePort
  /** This node, as others may reach it now. */
  readonly self: () => HostContact
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly hmac: Hmac
}

/** Counters since the start. */
export interface HostFinderStats {
  readonly topics: number
  readonly announced: number
  readonly heard: number
  /** Contacts handed to topics. */
  readonly found: number
  readonly malformed: number
}

/** Brings the hosts of a topic together, in a cluster in which few nodes host it. */
export interface HostFinder {
  /**
   * Seeks other hosts of a topic and gives them to it as contacts. Returns the function that stops it.
   *
   * @throws RangeError, TypeError when the name is no topic. SyncClosedError after `close`.
   */
  find(name: string, topic: HostedTopic): () => void
  stats(): HostFinderStats
  close(): void
}

/**
 * Makes a host finder. A topic's own contacts are of use only if they host it; where most nodes do not, its hosts would never
 * meet. So each says on a broadcast that reaches every node that it hosts a topic, by a tag that only other hosts can tell the
 * topic from, and where it is reached: soon and often while it is alone, and about once a minute for all hosts together
 * otherwise, which brings separated groups of them together.
 */
export function createHostFinder(
  components: HostFinderComponents,
  init?: Partial<HostFinderConfig>
): HostFinder {
  return new Finder(components, { ...HOST_FINDER_DEFAULTS, ...init })
}

interface Sought {
  readonly topic: HostedTopic
  readonly tag: string
  readonly bytes: Uint8Array
  /** Announcements made in a row while it was alone. */
  alone: number
  dueMs: number
  /** When it was last given a contact. */
  foundMs: number
}

class Finder implements HostFinder {
  readonly #components: HostFinderComponents
  readonly #config: HostFinderConfig
  readonly #sought = new Map<string, Set<Sought>>()
  readonly #stopListening: () => void
  readonly #counted = { announced: 0, heard: 0, found: 0, malformed: 0 }
  #timer: TimerHandle | undefined
  #closed = false

  constructor(components: HostFinderComponents, config: HostFinderConfig) {
    this.#components = components
    this.#config = config
    this.#stopListening = components.announce.onMessage(payload => this.#onMessage(payload))
  }

  find(name: string, topic: HostedTopic): () => void {
    checkTopic(name)
    if (this.#closed) throw new SyncClosedError('the host finder')
    const bytes = hostTag(this.#components.hmac, name)
    const tag = nameOf(bytes)
    const sought: Sought = {
      topic,
      tag,
      bytes,
      alone: 0,
      dueMs: this.#within(this.#config.firstMs),
      foundMs: -Infinity
    }
    const same = this.#sought.get(tag) ?? new Set()
    this.#sought.set(tag, same.add(sought))
    this.#arm()
    return () => {
      same.delete(sought)
      if (same.size === 0) this.#sought.delete(tag)
      this.#arm()
    }
  }

  stats(): HostFinderStats {
    return { topics: this.#sought.size, ...this.#counted }
  }

  close(): void {
    this.#closed = true
    this.#stopListening()
    this.#timer?.cancel()
    this.#sought.clear()
  }

  /** Now or later, by up to so much. */
  #within(ms: number): number {
    return this.#components.clock.monotonicMs() + ms * this.#components.random.float()
  }

  #arm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    let nextMs = Infinity
    for (const { dueMs } of this.#all()) nextMs = Math.min(nextMs, dueMs)
    if (this.#closed || nextMs === Infinity) return
    const delayMs = Math.max(0, nextMs - this.#components.clock.monotonicMs())
    this.#timer = this.#components.timers.schedule(delayMs, () => this.#announce())
  }

  *#all(): Generator<Sought, void, undefined> {
    for (const same of this.#sought.values()) yield* same
  }

  /** Says at once what is due, and what would soon be: one message costs the cluster as much as many tags in it. */
  #announce(): void {
    const soonMs = this.#components.clock.monotonicMs() + this.#config.gatherMs
    const due = [...this.#all()].filter(({ dueMs }) => dueMs <= soonMs).slice(0, HOST_TAGS_MAX)
    for (const sought of due) this.#postpone(sought)
    this.#arm()
    try {
      this.#components.announce.broadcast(
        encodeAnnouncement(
          due.map(({ bytes }) => bytes),
          this.#components.self()
        )
      )
      this.#counted.announced++
    } catch {
      // The broadcast has been left, or takes nothing now: the next announcement is due anyway.
    }
  }

  #postpone(sought: Sought): void {
    const { aloneMsMin, everyMs } = this.#config
    if (sought.topic.neighbors().length > 0) {
      sought.alone = 0
      sought.dueMs = this.#within(everyMs) + everyMs
    } else {
      const pauseMs = Math.min(everyMs, aloneMsMin * 2 ** Math.min(sought.alone++, 32))
      sought.dueMs = this.#within(pauseMs / 2) + pauseMs / 2
    }
  }

  #onMessage(payload: Uint8Array): void {
    let announcement: ReturnType<typeof decodeAnnouncement>
    try {
      announcement = decodeAnnouncement(payload)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#counted.malformed++
      return
    }
    if (announcement.contact.peer === this.#components.self().peer) return
    this.#counted.heard++
    for (const tag of announcement.tags) {
      for (const sought of this.#sought.get(nameOf(tag)) ?? []) this.#onHost(sought, announcement.contact)
    }
    this.#arm()
  }

  /** Another host of the topic: we need not announce it soon, unless we are alone, and may have met it now. */
  #onHost(sought: Sought, contact: HostContact): void {
    const { clock, random } = this.#components
    const nowMs = clock.monotonicMs()
    const count = sought.topic.neighbors().length
    if (count > 0) this.#postpone(sought)
    if (nowMs < sought.foundMs + this.#config.foundMs) return
    // All hosts hear it. Where they are many, few of them are to turn to the one that speaks.
    if (count > 1 && random.float() >= 8 / count ** 3) return
    sought.foundMs = nowMs
    this.#counted.found++
    sought.topic.addContacts([contact])
  }
}

function nameOf(tag: Uint8Array): string {
  return String.fromCharCode(...tag)
}
