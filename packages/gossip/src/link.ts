import { GossipChannelError } from './errors.ts'
import { decodeBatch } from './frames.ts'
import { receiveFrame } from './inbound.ts'
import { Lane } from './lane.ts'
import type { LinkInit } from './link-init.ts'
import { Offences } from './offences.ts'
import { Opener } from './opener.ts'
import { Outbox, type Parcel } from './outbox.ts'
import type { FramedChannel, PeerKey, Session } from './ports.ts'
import { SessionWish } from './session-wish.ts'

/** Two, because both sides may open one at the same moment; a third displaces the first. */
const LANES_MAX = 2

/** One peer: its session, its channels, what waits for it, and for how long its session is wanted. */
export class Link {
  readonly peer: PeerKey
  readonly lanes: Lane[] = []
  readonly #init: LinkInit
  readonly #outbox: Outbox
  readonly #wish: SessionWish
  #session: Session | undefined
  readonly #opener: Opener
  /** A channel of the present session was open before. */
  #opened = false
  #trafficMs: number
  readonly #offences: Offences

  constructor(init: LinkInit) {
    this.#init = init
    this.peer = init.peer
    this.#wish = new SessionWish(init)
    this.#outbox = new Outbox(init.config, init.counters, init.token)
    this.#offences = new Offences(init.config.strikesMax)
    this.#opener = new Opener(
      init,
      channel => this.#adopt(channel),
      () => this.#open()
    )
    this.#trafficMs = init.nowMs()
  }

  get session(): Session | undefined {
    return this.#session
  }

  get queuedBytes(): number {
    return this.#outbox.bytes
  }

  /** Nothing would be lost by forgetting this link. */
  get spare(): boolean {
    return this.#session === undefined && !this.#wish.held && !this.#offences.shut(this.#init.nowMs())
  }

  /** A session is there. A channel is opened by the side that dialled, so that there is one. */
  up(session: Session): void {
    if (this.#session === session) return
    if (this.#session !== undefined) this.down()
    this.#session = session
    this.#trafficMs = this.#init.nowMs()
    if (session.initiator) this.#open()
  }

  /** The session is gone, and with it everything that was on its way. Whoever wants another one says so again. */
  down(): void {
    this.#session = undefined
    this.#wish.clear()
    this.#wish.release()
    this.#opened = false
    this.#opener.reset()
    this.#outbox.clear()
    for (const lane of this.lanes.splice(0))
      lane.channel.abort(new GossipChannelError(this.peer, 'the session ended'))
  }

  /** A dial came to nothing: what waited for it is dropped, and the next message deserves a new one. */
  dialFailed(): void {
    this.#outbox.clear()
    this.#wish.dialFailed()
  }

  /**
   * Wants the session on behalf of a topic until then; `Infinity` as long as the peer is a neighbour. False when it cannot be
   * had: the session port takes no such wish, for ids come from other peers and may be nonsense, or says at once that the dial
   * came to nothing.
   */
  hold(topic: string, untilMs: number, addresses: readonly string[]): boolean {
    return this.#wish.hold(topic, untilMs, addresses)
  }

  /** Ends the holds whose time has come, except one that became permanent meanwhile. */
  expire(): void {
    const nowMs = this.#init.nowMs()
    this.#wish.expire(nowMs)
    const idleMs = nowMs - this.#trafficMs
    if (!this.#wish.held && this.#outbox.size === 0 && idleMs >= this.#init.config.channelIdleMs) this.#end()
    // The side that did not dial opens a channel too, when it has something to say and the other does not come.
    const waiting = this.#outbox.size > 0 || (this.#wish.held && this.#session?.initiator === true)
    if (waiting) this.#open()
  }

  /** Shortens a topic's hold, if it has one. */
  letGo(topic: string, untilMs: number): void {
    this.#wish.letGo(topic, untilMs)
  }

  topicLeft(topic: string, untilMs: number): void {
    this.letGo(topic, untilMs)
    for (const lane of this.lanes) {
      const handle = lane.unbind(topic)
      // Else the peer would keep a place for every topic there ever was, and have none left one day.
      if (handle !== undefined) this.send({ type: 'unbind', lane, handle })
      for (const inbound of lane.inbound.values()) if (inbound.topic === topic) inbound.topic = undefined
    }
  }

  /** Topics the peer has named before and this node has joined since. Whether this is one of them. */
  topicJoined(topic: string, token: string): boolean {
    let found = false
    for (const lane of this.lanes) {
      for (const inbound of lane.inbound.values()) {
        if (inbound.topic !== undefined || inbound.token !== token) continue
        inbound.topic = topic
        found = true
      }
    }
    return found
  }

  send(parcel: Parcel): void {
    if (this.#outbox.push(parcel, this.#current !== undefined)) {
      // The first channel of a session is for the side that dialled to open; a later one for whoever needs it.
      if (this.#opened || this.#session?.initiator === true) this.#open()
      return this.#flush()
    }
    this.#init.counters.queueOverflows++
    this.#break('its queue is full')
  }

  /** A channel the peer opened. */
  accept(channel: FramedChannel): void {
    if (this.#offences.shut(this.#init.nowMs())) {
      channel.abort(new GossipChannelError(this.peer, 'it sent too many bad frames'))
      return
    }
    this.#adopt(channel)
  }

  /** A frame no honest peer sends. Too many in a minute shut the peer out for a minute. */
  strike(weight = 1): void {
    if (!this.#offences.strike(this.#init.nowMs(), weight)) return
    this.#init.counters.offendersClosed++
    this.#break('it sent too many bad frames')
  }

  /** Resolves when nothing waits for this peer and our END is acknowledged, or the signal gives up. */
  async close(signal: AbortSignal): Promise<void> {
    this.#wish.clear()
    await Promise.all(
      this.lanes.map(async lane => {
        try {
          if (lane.blocked) await lane.channel.drained({ signal })
          await lane.channel.end({ signal })
        } catch {
          lane.channel.abort(new GossipChannelError(this.peer, 'gossip stopped'))
        }
      })
    )
    this.#wish.release()
  }

  /** Resolves when what waits for this peer has been handed to its channel, or there is none. */
  async drained(signal: AbortSignal): Promise<void> {
    try {
      for (let lane = this.#current; lane !== undefined && this.#outbox.size > 0; lane = this.#current) {
        await lane.channel.drained({ signal })
      }
    } catch {
      // The channel ended or time is up: there is nothing more to wait for.
    }
  }

  /** The channel to send over: the oldest that we have not ended. */
  get #current(): Lane | undefined {
    return this.lanes.find(lane => !lane.ended)
  }

  #open(): void {
    const session = this.#session
    if (session === undefined || this.#current !== undefined || this.#offences.shut(this.#init.nowMs()))
      return
    this.#opener.open(session)
  }

  #adopt(channel: FramedChannel): void {
    this.#opened = true
    const lane = new Lane(channel)
    this.lanes.push(lane)
    if (this.lanes.length > LANES_MAX) {
      this.lanes.shift()?.channel.abort(new GossipChannelError(this.peer, 'it opened too many channels'))
    }
    this.#trafficMs = this.#init.nowMs()
    void this.#read(lane)
    this.#flush()
  }

  async #read(lane: Lane): Promise<void> {
    let clean = false
    try {
      for await (const message of lane.channel) {
        if (!this.lanes.includes(lane)) return
        this.#receive(lane, message)
      }
      clean = true
    } catch {
      // The channel ended without an END: a crash, a reset, or our own abort. What matters follows below.
    }
    const index = this.lanes.indexOf(lane)
    if (index < 0) return
    this.lanes.splice(index, 1)
    if (clean) lane.channel.end().catch(() => undefined)
    if (!clean && this.lanes.length === 0 && this.#session !== undefined) this.#break('its channel broke')
    else this.#flush()
  }

  #receive(lane: Lane, message: Uint8Array): void {
    const { counters, nowMs } = this.#init
    counters.bytesReceived += message.length
    this.#trafficMs = nowMs()
    for (const frame of decodeBatch(message)) {
      counters.framesReceived++
      if (frame === undefined || !receiveFrame(this, lane, frame, this.#init)) {
        counters.malformed++
        this.strike()
      }
      if (!this.lanes.includes(lane)) return
    }
  }

  #flush(): void {
    const lane = this.#current
    if (lane === undefined) return
    try {
      this.#outbox.flush(lane)
    } catch {
      // The channel has ended; its reader notices and says so.
      return
    }
    if (lane.blocked && !lane.draining) void this.#drain(lane)
  }

  async #drain(lane: Lane): Promise<void> {
    lane.draining = true
    try {
      await lane.channel.drained()
    } catch {
      return
    }
    lane.draining = false
    lane.blocked = false
    if (this.#current === lane) this.#flush()
  }

  /** The peer does not keep up or does not behave: nothing more is sent over its channels, and the topics look elsewhere. */
  #break(reason: string): void {
    this.#outbox.clear()
    for (const lane of this.lanes.splice(0)) lane.channel.abort(new GossipChannelError(this.peer, reason))
    this.#init.log?.('the channel of %s was closed: %s', this.peer, reason)
    this.#init.events.broken(this)
  }

  #end(): void {
    for (const lane of this.lanes) {
      if (lane.ended) continue
      lane.ended = true
      lane.channel.end().catch(() => undefined)
    }
  }
}
