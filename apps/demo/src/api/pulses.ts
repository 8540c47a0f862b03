import type { PeerEvent, StarlingNode } from '@starling/node'
import type { HttpLimits } from './config.ts'
import { EventFeed, type State } from './event-feed.ts'
import type { ServerEvent } from './event-stream.ts'
import { pulseOf } from './pulse.ts'
import type { BroadcastSeen, Pulse } from './types.ts'

/** What of a node the pulses are made of. */
export type PulsingNode = Pick<StarlingNode, 'inspect' | 'onPeer' | 'onBroadcast'>

/** What a node meets, in the words of the log. */
function textOf(event: PeerEvent): string {
  switch (event.type) {
    case 'peer:join':
      return `is in session with ${event.peer}`
    case 'peer:leave':
      return `has parted from ${event.peer} (${event.reason})`
    case 'peer:suspect':
      return `has heard nothing from ${event.peer} for ${event.silentMs.toFixed(0)} ms`
    case 'peer:alive':
      return `hears ${event.peer} again`
    case 'self:stalled':
      return `stood still for ${event.lateMs.toFixed(0)} ms`
  }
}

/** A node that tells how it is: a pulse a second while anybody listens, and what happened as lines of a log. */
export class Pulses {
  readonly #node: PulsingNode
  readonly #name: string
  readonly #limits: HttpLimits
  readonly #feed: EventFeed
  readonly #stopListening: () => void
  #timer: NodeJS.Timeout | undefined
  #stopTap: (() => void) | undefined
  #broadcasts: BroadcastSeen[] = []
  #leftOff = 0
  #health = new Map<string, string>()

  constructor(node: PulsingNode, name: string, limits: HttpLimits) {
    this.#node = node
    this.#name = name
    this.#limits = limits
    this.#feed = new EventFeed(limits)
    this.#stopListening = node.onPeer(event => this.log(event.type, textOf(event)))
  }

  /** Adds a line to the log of events. */
  log(type: string, text: string): void {
    this.#feed.log({ atMs: Date.now(), node: this.#name, type, text })
  }

  read(lastEventId: string | undefined): AsyncIterator<ServerEvent> {
    this.#timer ??= setInterval(() => this.#beat(), this.#limits.pulseMs)
    this.#stopTap ??= this.#node.onBroadcast(seen => this.#seen(seen))
    return this.#feed.read(lastEventId, [pulseState(this.#pulse([], 0))])
  }

  #seen(seen: BroadcastSeen): void {
    if (this.#broadcasts.length < this.#limits.pulseBroadcastsMax) this.#broadcasts.push(seen)
    else this.#leftOff++
  }

  close(): void {
    this.#rest()
    this.#stopListening()
  }

  /** Nobody reads: nothing is collected. */
  #rest(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#stopTap?.()
    this.#stopTap = undefined
  }

  #beat(): void {
    const [broadcasts, leftOff] = [this.#broadcasts, this.#leftOff]
    this.#broadcasts = []
    this.#leftOff = 0
    if (this.#feed.readers === 0) {
      this.#rest()
      return
    }
    const pulse = this.#pulse(broadcasts, leftOff)
    for (const { name, health } of pulse.maps) this.#tellHealth(name, health)
    this.#feed.publish(pulseState(pulse))
  }

  #pulse(broadcasts: readonly BroadcastSeen[], broadcastsLeftOff: number): Pulse {
    const atMs = Date.now()
    return pulseOf(this.#node.inspect(), { name: this.#name, atMs, broadcasts, broadcastsLeftOff })
  }

  #tellHealth(map: string, health: readonly string[]): void {
    const states = health.join(', ')
    const before = this.#health.get(map) ?? ''
    this.#health.set(map, states)
    if (states === before) return
    this.log('map:health', states === '' ? `map "${map}" is well` : `map "${map}" is ${states}`)
  }
}

/** An unread pulse gives way to a newer one; its broadcasts count as left off. */
function pulseState(data: Pulse): State<Pulse> {
  return {
    name: 'pulse',
    data,
    merge: (unread, newer) => ({
      ...newer,
      broadcastsLeftOff: newer.broadcastsLeftOff + unread.broadcastsLeftOff + unread.broadcasts.length
    })
  }
}
