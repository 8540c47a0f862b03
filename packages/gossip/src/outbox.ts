import type { GossipConfig } from './config.ts'
import type { Counters } from './counters.ts'
import { encodeBatch, encodeFrame, FRAME_OVERHEAD_BYTES } from './frames.ts'
import type { Lane } from './lane.ts'

/** Something to be sent to a peer. What speaks of a handle goes over the channel that the handle belongs to, or not at all. */
export type Parcel =
  | {
      readonly type: 'overlay' | 'tree'
      readonly topic: string
      readonly body: Uint8Array
      /** A broadcast payload: it may be dropped, because reconciliation will deliver it. */
      readonly payload: boolean
    }
  | { readonly type: 'unknown' | 'stranger' | 'unbind'; readonly lane: Lane; readonly handle: number }

/** What waits for one peer, in order, within bounds. Under load what waits is sent together. */
export class Outbox {
  readonly #config: GossipConfig
  readonly #counters: Counters
  readonly #token: (topic: string) => Uint8Array
  #parcels: Parcel[] = []
  #payloadBytes = 0
  #controlBytes = 0

  /** @param token what names a topic to this peer. */
  constructor(config: GossipConfig, counters: Counters, token: (topic: string) => Uint8Array) {
    this.#config = config
    this.#counters = counters
    this.#token = token
  }

  get bytes(): number {
    return this.#payloadBytes + this.#controlBytes
  }

  get size(): number {
    return this.#parcels.length
  }

  /** False when a message that must not be dropped finds no room: the peer is stuck. */
  push(parcel: Parcel, open: boolean): boolean {
    const bytes = sizeOf(parcel)
    if (isPayload(parcel)) {
      if (!open || this.#payloadBytes + bytes > this.#config.payloadQueueBytesMax) {
        this.#counters.payloadsDropped++
        return true
      }
      this.#payloadBytes += bytes
    } else {
      const full = this.#controlBytes + bytes > this.#config.controlQueueBytesMax
      if (full || (!open && this.#parcels.length >= this.#config.unopenedQueueMax)) return false
      this.#controlBytes += bytes
    }
    this.#parcels.push(parcel)
    return true
  }

  /** Sends as much as the channel takes. Throws what the channel throws when it has ended. */
  flush(lane: Lane): void {
    while (this.#parcels.length > 0 && !lane.blocked) {
      const frames: Uint8Array[] = []
      let bytes = 0
      let taken = 0
      for (const parcel of this.#parcels) {
        const size = sizeOf(parcel)
        if (taken > 0 && bytes + size > this.#config.batchBytesMax) break
        taken++
        if (size > lane.channel.messageBytesMax) {
          this.#counters.payloadsDropped++
          continue
        }
        this.#encode(parcel, lane, frames)
        bytes += size
      }
      this.#remove(taken)
      if (frames.length === 0) continue
      const message = encodeBatch(frames)
      this.#counters.framesSent += frames.length
      this.#counters.bytesSent += message.length
      if (!lane.channel.send(message)) lane.blocked = true
    }
  }

  clear(): void {
    this.#remove(this.#parcels.length)
  }

  #encode(parcel: Parcel, lane: Lane, frames: Uint8Array[]): void {
    if ('lane' in parcel) {
      if (parcel.lane === lane) frames.push(encodeFrame({ type: parcel.type, handle: parcel.handle }))
      return
    }
    let handle = lane.handleOf(parcel.topic)
    if (handle === undefined) {
      handle = lane.bind(parcel.topic)
      frames.push(encodeFrame({ type: 'bind', handle, token: this.#token(parcel.topic) }))
    }
    frames.push(encodeFrame({ type: parcel.type, handle, body: parcel.body }))
  }

  #remove(count: number): void {
    for (const parcel of this.#parcels.slice(0, count)) {
      if (isPayload(parcel)) this.#payloadBytes -= sizeOf(parcel)
      else this.#controlBytes -= sizeOf(parcel)
    }
    this.#parcels = count === this.#parcels.length ? [] : this.#parcels.slice(count)
  }
}

function isPayload(parcel: Parcel): boolean {
  return 'payload' in parcel && parcel.payload
}

/** Bytes in a channel message, with a handle that has yet to be bound. */
function sizeOf(parcel: Parcel): number {
  return 'body' in parcel ? parcel.body.length + 3 * FRAME_OVERHEAD_BYTES : FRAME_OVERHEAD_BYTES
}
