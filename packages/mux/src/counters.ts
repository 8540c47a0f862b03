import type { LimitName, Refusal } from './types.ts'

/** What has happened since construction, and the most there was of each thing at one time. */
export class Counters {
  opened = 0
  received = 0
  accepted = 0
  abandoned = 0
  handlersFailed = 0
  channelsTruncated = 0
  readonly messages: { sent: number; received: number } = { sent: 0, received: 0 }
  readonly bytes: { sent: number; received: number } = { sent: 0, received: 0 }
  readonly refused: Record<Refusal, number> = noRefusals()
  readonly refusedByPeer: Record<Refusal, number> = noRefusals()
  readonly limited: Record<LimitName, number> = {
    connection: 0,
    peer: 0,
    total: 0,
    rate: 0,
    parked: 0,
    queue: 0
  }
  readonly peak = { inbound: 0, outbound: 0, channels: 0, parked: 0 }

  /** Notes one whole message of a channel. */
  moved(direction: 'sent' | 'received', bytes: number): void {
    this.messages[direction]++
    this.bytes[direction] += bytes
  }

  /** Notes that there are now so many. */
  reached(what: keyof Counters['peak'], count: number): void {
    if (count > this.peak[what]) this.peak[what] = count
  }
}

function noRefusals(): Record<Refusal, number> {
  return { unknownTag: 0, busy: 0, malformed: 0, timeout: 0, closing: 0 }
}
