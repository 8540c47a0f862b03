import type { Clock, Hmac, Log } from '@starling/ports'
import { GOSSIP_TAG, type GossipConfig } from './config.ts'
import type { Counters } from './counters.ts'
import type { LinkEvents } from './inbound.ts'
import { Link } from './link.ts'
import type { PeerKey, SessionEvent, SessionPort } from './ports.ts'
import type { TimerQueue } from './timer-queue.ts'
import { topicToken, tokenText } from './topic-token.ts'

/** How often holds, idle channels and spare links are looked at, in ms. */
const SWEEP_MS = 1_000

/** What a topic does with what comes from a peer. */
export interface TopicReceiver {
  readonly name: string
  frame(link: Link, type: 'overlay' | 'tree', body: Uint8Array, answer: () => void): void
  refused(peer: PeerKey, type: 'unknown' | 'stranger'): void
  peerLost(peer: PeerKey): void
  /** A peer that is known to hold the topic. */
  peerFound(peer: PeerKey): void
}

export interface LinksInit {
  readonly config: GossipConfig
  readonly counters: Counters
  readonly sessions: SessionPort
  readonly clock: Clock
  readonly hmac: Hmac
  readonly timers: TimerQueue
  readonly log: Log | undefined
}

/** All links, and the way from a frame to its topic. */
export class Links implements LinkEvents {
  readonly #init: LinksInit
  readonly #links = new Map<PeerKey, Link>()
  readonly #topics = new Map<string, TopicReceiver>()
  /** The tokens each peer would name our topics by: made once, so that naming others costs us no more than looking them up. */
  readonly #tokens = new Map<PeerKey, ReadonlyMap<string, string>>()
  readonly #closing = new AbortController()
  readonly #unsubscribe: (() => void)[] = []
  #sweeping = false

  constructor(init: LinksInit) {
    this.#init = init
    const { sessions } = init
    this.#unsubscribe.push(sessions.onSession(event => this.#onSession(event)))
    this.#unsubscribe.push(
      sessions.handleChannel(GOSSIP_TAG, (channel, session) => {
        const link = this.#get(session.peer)
        if (link === undefined) return channel.abort(new RangeError('too many peers'))
        if (link.session !== session) link.up(session)
        link.accept(channel)
      })
    )
    for (const session of sessions.sessions()) this.#get(session.peer)?.up(session)
  }

  get size(): number {
    return this.#links.size
  }

  get channels(): number {
    let open = 0
    for (const link of this.#links.values()) if (link.lanes.length > 0) open++
    return open
  }

  get queuedBytes(): number {
    let bytes = 0
    for (const link of this.#links.values()) bytes += link.queuedBytes
    return bytes
  }

  add(topic: TopicReceiver): void {
    this.#topics.set(topic.name, topic)
    this.#tokens.clear()
    for (const link of [...this.#links.values()]) {
      if (link.topicJoined(topic.name, tokenText(this.#token(topic.name, link.peer, true))))
        topic.peerFound(link.peer)
    }
  }

  remove(name: string): void {
    this.#topics.delete(name)
    this.#tokens.clear()
    const untilMs = this.#init.clock.monotonicMs() + SWEEP_MS
    for (const link of this.#links.values()) link.topicLeft(name, untilMs)
  }

  find(peer: PeerKey): Link | undefined {
    return this.#links.get(peer)
  }

  /** The link to a peer, its session wanted by the topic until then. Undefined when that cannot be had. */
  want(peer: PeerKey, topic: string, untilMs: number, addresses: readonly string[]): Link | undefined {
    const link = this.#get(peer)
    return link?.hold(topic, untilMs, addresses) === true ? link : undefined
  }

  /** Resolves when what waits for these peers has left, or the signal gives up. */
  async drained(peers: readonly PeerKey[], signal: AbortSignal): Promise<void> {
    const links = peers.flatMap(peer => this.#links.get(peer) ?? [])
    await Promise.all(links.map(link => link.drained(signal)))
  }

  async close(signal: AbortSignal): Promise<void> {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe()
    this.#closing.abort()
    const links = [...this.#links.values()]
    this.#links.clear()
    this.#tokens.clear()
    await Promise.all(links.map(link => link.close(signal)))
  }

  resolve(peer: PeerKey, token: Uint8Array): string | undefined {
    let topics = this.#tokens.get(peer)
    if (topics === undefined) {
      topics = new Map(
        Array.from(this.#topics.keys(), name => [tokenText(this.#token(name, peer, true)), name])
      )
      this.#tokens.set(peer, topics)
    }
    return topics.get(tokenText(token))
  }

  frame(link: Link, topic: string, type: 'overlay' | 'tree', body: Uint8Array, answer: () => void): void {
    this.#topics.get(topic)?.frame(link, type, body, answer)
  }

  refused(link: Link, topic: string, type: 'unknown' | 'stranger'): void {
    this.#topics.get(topic)?.refused(link.peer, type)
  }

  broken(link: Link): void {
    for (const topic of [...this.#topics.values()]) topic.peerLost(link.peer)
  }

  #onSession(event: SessionEvent): void {
    if (event.type === 'up') {
      this.#get(event.session.peer)?.up(event.session)
      return
    }
    const peer = event.type === 'down' ? event.session.peer : event.peer
    const link = this.#links.get(peer)
    if (link === undefined) return
    if (event.type === 'down') {
      if (link.session !== event.session) return
      link.down()
    } else {
      if (link.session !== undefined) return
      link.dialFailed()
    }
    this.broken(link)
  }

  #get(peer: PeerKey): Link | undefined {
    const known = this.#links.get(peer)
    if (known !== undefined) return known
    const { config, counters, sessions, timers, clock, log } = this.#init
    if (this.#links.size >= config.linksMax || this.#closing.signal.aborted) return undefined
    const link = new Link({
      peer,
      config,
      counters,
      sessions,
      timers,
      log,
      nowMs: () => clock.monotonicMs(),
      signal: this.#closing.signal,
      events: this,
      token: topic => this.#token(topic, peer, false)
    })
    this.#links.set(peer, link)
    const session = sessions.sessions().find(candidate => candidate.peer === peer)
    if (session !== undefined) link.up(session)
    if (!this.#sweeping) this.#scheduleSweep()
    return link
  }

  #scheduleSweep(): void {
    this.#sweeping = this.#links.size > 0
    if (!this.#sweeping) return
    this.#init.timers.schedule(SWEEP_MS, () => {
      for (const [peer, link] of this.#links) {
        link.expire()
        if (!link.spare) continue
        this.#links.delete(peer)
        this.#tokens.delete(peer)
      }
      this.#scheduleSweep()
    })
  }

  #token(topic: string, peer: PeerKey, inbound: boolean): Uint8Array {
    const { hmac, sessions } = this.#init
    return inbound
      ? topicToken(hmac, topic, peer, sessions.self)
      : topicToken(hmac, topic, sessions.self, peer)
  }
}
