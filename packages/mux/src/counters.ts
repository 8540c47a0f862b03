import { RESERVED_PREFIX } from './config.ts'
import type { LimitName, Refusal } from './types.ts'

/** Whole messages and their bytes, either way. */
export interface Traffic {
  messagesSent: number
  messagesReceived: number
  bytesSent: number
  bytesReceived: number
}

/** Under which the tags of applications are counted. */
const OTHER_TAGS = 'other'

/** What has happened since construction, and the most there was of each thing at one time. */
export class Counters {
  opened = 0
  received = 0
  accepted = 0
  abandoned = 0
  handlersFailed = 0
  channelsTruncated = 0
  readonly #traffic = new Map<string, Traffic>()
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

  /** What is counted for the channels of a tag: Starling's own apart, all others together, since an application may have any number. */
  trafficOf(tag: string): Traffic {
    const name = tag.startsWith(RESERVED_PREFIX) ? tag : OTHER_TAGS
    let traffic = this.#traffic.get(name)
    if (traffic === undefined) {
      traffic = { messagesSent: 0, messagesReceived: 0, bytesSent: 0, bytesReceived: 0 }
      this.#traffic.set(name, traffic)
    }
    return traffic
  }

  /** Whole messages of channels, and their bytes, by tag. */
  get traffic(): Record<string, Traffic> {
    return Object.fromEntries([...this.#traffic].map(([tag, traffic]) => [tag, { ...traffic }]))
  }

  /** Notes that there are now so many. */
  reached(what: keyof Counters['peak'], count: number): void {
    if (count > this.peak[what]) this.peak[what] = count
  }
}

function noRefusals(): Record<Refusal, number> {
  return { unknownTag: 0, busy: 0, malformed: 0, timeout: 0, closing: 0 }
}
