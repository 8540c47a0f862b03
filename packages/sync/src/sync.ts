import type { Log } from '@starling/ports'
import { guardedLog } from '@starling/ports/guarded'
import { registerFigures } from '@starling/ports/metrics'
import { toString } from 'uint8arrays'
import { PUSH_TAG, SYNC_TAG, WIRE_VERSION, resolveConfig, type SyncConfig } from './config.ts'
import { Deadline } from './deadline.ts'
import { SyncClosedError, SyncHandshakeError } from './errors.ts'
import { SYNC_FIGURES } from './figures.ts'
import { receiveHello, refuse } from './handshake.ts'
import type { FramedChannel, PeerKey, Session, SessionEvent } from './ports.ts'
import { Pushes } from './pushes.ts'
import { RoundSlots } from './round-slots.ts'
import { RoundTally } from './round-tally.ts'
import { checkTopic, topicToken } from './token.ts'
import { Topic, type TopicHost } from './topic.ts'
import type { Sync, SyncComponents, SyncHandle, SyncInit, SyncStats, TopicOptions } from './types.ts'
import type { Link } from './link.ts'
import type { Verdict } from './wire.ts'

type Refused = keyof SyncStats['refused']

/**
 * Makes the sync manager of a node. It listens for peers' channels at once and opens none before a topic is open.
 *
 * @throws RangeError when a setting is no duration or count
 */
export function createSync(components: SyncComponents, init?: SyncInit): Sync {
  return new SyncManager(components, resolveConfig(init))
}

class SyncManager implements Sync {
  readonly #components: SyncComponents
  readonly #config: SyncConfig
  readonly #topics: Map<string, Topic> = new Map()
  readonly #ending: Set<Promise<void>> = new Set()
  /** Inbound handshakes that are not finished, with their channels' deadlines. */
  readonly #inbound: Map<Deadline, PeerKey> = new Map()
  /** Rounds that peers have running with us. */
  readonly #inboundRounds: Map<PeerKey, number> = new Map()
  readonly #slots: RoundSlots
  readonly #pushes: Pushes
  /** Which topic a peer's token stands for; made when it first asks, dropped when anything about it changes. */
  readonly #tokens: Map<PeerKey, Map<string, Topic>> = new Map()
  readonly #stopListening: (() => void)[]
  readonly #refused: Record<Refused, number> = {
    unknownTopic: 0,
    busy: 0,
    malformed: 0,
    timeout: 0,
    version: 0
  }
  #sessionsStarted = 0
  readonly #rounds: RoundTally
  readonly #log: Log | undefined
  #listenersFailed = 0
  #closing: Promise<void> | undefined

  constructor(components: SyncComponents, config: SyncConfig) {
    this.#components = components
    this.#config = config
    const { metrics, logger } = components
    this.#log = logger === undefined ? undefined : guardedLog(logger, 'starling:sync')
    this.#rounds = new RoundTally(this.#log, components)
    this.#slots = new RoundSlots(config.roundsPerPeerMax)
    this.#pushes = new Pushes({
      components,
      config,
      transport: peer => this.#transport(peer),
      protocolOf: (peer, token) => this.#topicOf(peer, token)?.options.protocol
    })
    const { sessions } = components
    this.#stopListening = [
      sessions.onSession(event => this.#onSession(event)),
      sessions.handleChannel(SYNC_TAG, (channel, session) => void this.#onChannel(channel, session)),
      sessions.handleChannel(PUSH_TAG, (channel, session) => this.#pushes.onChannel(channel, session))
    ]
    if (metrics !== undefined) registerFigures(metrics, () => this.stats(), SYNC_FIGURES)
  }

  open(name: string, options: TopicOptions): SyncHandle {
    checkTopic(name)
    if (this.#closing !== undefined) throw new SyncClosedError('the sync manager')
    const known = this.#topics.get(name)
    if (known !== undefined) {
      if (known.options.protocol !== options.protocol || known.options.neighbors !== options.neighbors) {
        throw new TypeError(
          `the topic ${JSON.stringify(name)} is open with another protocol or neighbour source; use the same`
        )
      }
      return known.handle()
    }
    if (this.#topics.size >= this.#config.topicsMax) {
      throw new RangeError(`at most ${this.#config.topicsMax} topics can be open; close one first`)
    }
    const topic = new Topic(name, options, this.#topicHost())
    this.#topics.set(name, topic)
    this.#tokens.clear()
    return topic.handle()
  }

  stats(): SyncStats {
    const links = [...this.#topics.values()].flatMap(topic => topic.links)
    const since = links.flatMap(({ info }) => info.differsSinceMs ?? [])
    return {
      topics: this.#topics.size,
      links: links.length,
      sessions: links.filter(link => link.hasSession).length,
      roundsRunning: links.filter(link => link.syncing).length,
      roundsWaiting: this.#slots.waiting,
      handshakesPending: this.#inbound.size,
      sessionsStarted: this.#sessionsStarted,
      lagging: since.length,
      lagMs: Math.max(0, ...since.map(sinceMs => this.#components.clock.monotonicMs() - sinceMs)),
      ...this.#rounds.counts,
      refused: { ...this.#refused },
      pushes: this.#pushes.stats(),
      listenersFailed: this.#listenersFailed
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    for (const stop of this.#stopListening) stop()
    for (const deadline of this.#inbound.keys()) deadline.abort(new SyncClosedError('the sync manager'))
    const pushes = this.#pushes.close()
    for (const topic of this.#topics.values()) void topic.close()
    await Promise.all([...this.#ending, pushes])
    this.#tokens.clear()
  }

  #topicHost(): TopicHost {
    return {
      components: this.#components,
      config: this.#config,
      slots: this.#slots,
      transport: peer => this.#transport(peer),
      push: (topic, peer, payload, signal) => this.#pushes.push(topic.name, peer, payload, signal),
      counted: event => {
        if (event === 'session') this.#sessionsStarted++
        else this.#listenersFailed++
      },
      roundEnded: (topic, event) => this.#rounds.add(topic.name, event),
      ended: topic => this.#onTopicEnded(topic)
    }
  }

  #onTopicEnded(topic: Topic): void {
    this.#topics.delete(topic.name)
    this.#tokens.clear()
    const ended = Promise.resolve().then(() => topic.close())
    this.#ending.add(ended)
    void ended.finally(() => this.#ending.delete(ended))
  }

  #onSession(event: SessionEvent): void {
    if (event.type === 'failed') return
    const { peer } = event.session
    this.#tokens.delete(peer)
    this.#pushes.transportChanged(peer)
    for (const topic of this.#topics.values()) topic.transportChanged(peer, event.type === 'up')
  }

  /** Reads who is meant and answers. Owns every failure: nothing a peer does here reaches anything but its channel. */
  async #onChannel(channel: FramedChannel, transport: Session): Promise<void> {
    const { peer } = transport
    if (this.#closing !== undefined || !this.#mayReceive(peer)) {
      this.#refused.busy++
      channel.abort(new SyncHandshakeError(peer, 'busy'))
      return
    }
    const { timers } = this.#components
    const deadline = new Deadline(
      timers,
      this.#config.handshakeMs,
      () => new SyncHandshakeError(peer, 'timeout')
    )
    this.#inbound.set(deadline, peer)
    try {
      const { hello, messages } = await receiveHello(channel, deadline.signal)
      // The session may have gone while its first message was on the way.
      if (this.#transport(peer) !== transport) throw new SyncHandshakeError(peer, 'lost')
      const link = this.#judge(hello.version, hello.token, peer)
      const round =
        typeof link === 'string'
          ? undefined
          : await link.accept({ channel, messages }, transport, deadline.signal)
      if (round !== undefined) {
        this.#countInbound(peer, round.gone)
        return
      }
      deadline.signal.throwIfAborted()
      const verdict = typeof link === 'string' ? link : 'busy'
      this.#refused[verdict]++
      this.#log?.('a round of %s was refused: %s', peer, verdict)
      await refuse(channel, verdict, deadline.signal)
    } catch (error) {
      if (error instanceof SyncHandshakeError) {
        if (error.reason === 'timeout') this.#refused.timeout++
        else if (error.reason === 'malformed') this.#refused.malformed++
      }
      channel.abort(error as Error)
    } finally {
      deadline.cancel()
      this.#inbound.delete(deadline)
    }
  }

  #judge(version: number, token: Uint8Array | undefined, peer: PeerKey): Link | Exclude<Verdict, 'accepted'> {
    if (token === undefined || version !== WIRE_VERSION) return 'version'
    const topic = this.#topicOf(peer, token)
    if (topic === undefined) return 'unknownTopic'
    if ((this.#inboundRounds.get(peer) ?? 0) >= this.#config.inboundRoundsPerPeerMax) return 'busy'
    return topic.linkFor(peer) ?? 'busy'
  }

  #countInbound(peer: PeerKey, gone: Promise<void>): void {
    this.#inboundRounds.set(peer, (this.#inboundRounds.get(peer) ?? 0) + 1)
    void gone.then(() => {
      const left = (this.#inboundRounds.get(peer) ?? 1) - 1
      if (left > 0) this.#inboundRounds.set(peer, left)
      else this.#inboundRounds.delete(peer)
    })
  }

  #transport(peer: PeerKey): Session | undefined {
    return this.#components.sessions.sessions().find(session => session.peer === peer)
  }

  #topicOf(peer: PeerKey, token: Uint8Array): Topic | undefined {
    let byToken = this.#tokens.get(peer)
    if (byToken === undefined) {
      const { hmac, sessions } = this.#components
      byToken = new Map()
      for (const topic of this.#topics.values()) {
        byToken.set(toString(topicToken(hmac, topic.name, peer, sessions.self), 'base64'), topic)
      }
      this.#tokens.set(peer, byToken)
    }
    return byToken.get(toString(token, 'base64'))
  }

  #mayReceive(peer: PeerKey): boolean {
    if (this.#inbound.size >= this.#config.handshakesMax) return false
    let ofPeer = 0
    for (const one of this.#inbound.values()) if (one === peer) ofPeer++
    return ofPeer < this.#config.handshakesPerPeerMax
  }
}
