import { encodeUtf8 } from '@starling/codec'
import type { Clock, Hash, Hmac, Log, Observers, Random, Timers } from '@starling/ports'
import { guardedLog } from '@starling/ports/guarded'
import { registerFigures } from '@starling/ports/metrics'
import { BroadcastTap } from './broadcast-tap.ts'
import { addBroadcasts, NO_BROADCASTS } from './broadcast-totals.ts'
import { gossipConfig, type GossipConfig, type GossipInit } from './config.ts'
import { newCounters } from './counters.ts'
import { GossipStoppedError, TopicLimitError } from './errors.ts'
import { GOSSIP_FIGURES, type Gathered } from './figures.ts'
import { Links } from './links.ts'
import type { SessionPort } from './ports.ts'
import { TimerQueue } from './timer-queue.ts'
import { SwarmTopic } from './topic.ts'
import type { BroadcastSeen, BroadcastTotals, Gossip, GossipStats, JoinOptions, Topic } from './types.ts'

/** What gossip is made of. */
export interface GossipComponents extends Observers {
  readonly sessions: SessionPort
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly hash: Hash
  readonly hmac: Hmac
}

/** Starts gossip without a topic. Throws `RangeError` for a setting out of bounds. */
export function createGossip(components: GossipComponents, init: GossipInit = {}): Gossip {
  return new TopicSwarms(components, gossipConfig(init))
}

class TopicSwarms implements Gossip {
  readonly #components: GossipComponents
  readonly #config: GossipConfig
  readonly #counters = newCounters()
  readonly #queue: TimerQueue
  readonly #links: Links
  readonly #tap: BroadcastTap
  readonly #topics = new Map<string, SwarmTopic>()
  readonly #unsubscribe: () => void
  readonly #log: Log | undefined
  /** What topics that were left have done. */
  #past: BroadcastTotals = NO_BROADCASTS
  #stopping: Promise<void> | undefined

  constructor(components: GossipComponents, config: GossipConfig) {
    this.#components = components
    this.#config = config
    const { clock, timers, sessions, hmac, metrics, logger } = components
    this.#log = logger === undefined ? undefined : guardedLog(logger, 'starling:gossip')
    this.#queue = new TimerQueue(clock, timers)
    this.#tap = new BroadcastTap(clock, this.#counters, this.#log)
    this.#links = new Links({
      config,
      counters: this.#counters,
      sessions,
      clock,
      hmac,
      timers: this.#queue,
      log: this.#log
    })
    this.#unsubscribe = sessions.onSession(() => {
      for (const topic of [...this.#topics.values()]) topic.refreshAddresses()
    })
    if (metrics === undefined) return
    const gathered = (): Gathered => ({
      stats: this.stats(),
      topics: this.topics().map(topic => topic.stats())
    })
    registerFigures(metrics, gathered, GOSSIP_FIGURES)
  }

  join(name: string, options: JoinOptions): Topic {
    if (this.#stopping !== undefined) throw new GossipStoppedError()
    if (typeof name !== 'string' || name.length === 0)
      throw new TypeError('a topic name must be a text that is not empty')
    if (this.#topics.has(name)) {
      throw new TypeError(
        `the topic ${JSON.stringify(name)} is joined already: share it, or leave it and wait for that`
      )
    }
    const { topicNameBytesMax, topicsMax } = this.#config
    if (encodeUtf8(name).length > topicNameBytesMax) {
      throw new RangeError(`a topic name has at most ${topicNameBytesMax} bytes of UTF-8`)
    }
    if (this.#topics.size >= topicsMax) throw new TopicLimitError(topicsMax)
    const { sessions, clock, random, hash } = this.#components
    const topic: SwarmTopic = new SwarmTopic({
      name,
      config: this.#config,
      links: this.#links,
      tap: this.#tap,
      log: this.#log,
      sessions,
      clock,
      timers: this.#queue,
      random,
      hash,
      drained: peers => this.#withDeadline(signal => this.#links.drained(peers, signal)),
      left: () => {
        this.#links.remove(name)
        if (this.#topics.delete(name)) this.#past = addBroadcasts(this.#past, topic.stats().tree)
      }
    })
    this.#topics.set(name, topic)
    topic.start(options)
    this.#links.add(topic)
    return topic
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  onBroadcast(listener: (seen: BroadcastSeen) => void): () => void {
    return this.#tap.listen(listener)
  }

  topics(): readonly Topic[] {
    return [...this.#topics.values()]
  }

  stats(): GossipStats {
    let totals = this.#past
    for (const topic of this.#topics.values()) totals = addBroadcasts(totals, topic.stats().tree)
    return {
      ...this.#counters,
      ...totals,
      topics: this.#topics.size,
      links: this.#links.size,
      channels: this.#links.channels,
      queuedBytes: this.#links.queuedBytes
    }
  }

  async #stop(): Promise<void> {
    await Promise.all([...this.#topics.values()].map(topic => topic.leave()))
    this.#unsubscribe()
    await this.#withDeadline(signal => this.#links.close(signal))
    this.#queue.stop()
    this.#tap.close()
  }

  async #withDeadline(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const controller = new AbortController()
    const timer = this.#components.timers.schedule(this.#config.leaveTimeoutMs, () => controller.abort())
    try {
      await work(controller.signal)
    } finally {
      timer.cancel()
    }
  }
}
