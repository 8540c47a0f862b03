import { BatchBuffers } from '../../src/batch-buffers.ts'
import { Channel } from '../../src/channel.ts'
import { Counters } from '../../src/counters.ts'
import { ManualTimers } from '../../src/contract/manual-timers.ts'
import { inMemoryStreamPair, type InMemoryStream, type PairOptions } from './in-memory-stream.ts'

/** One end of a pair. */
export interface ChannelEnd {
  readonly channel: Channel
  readonly stream: InMemoryStream
}

/** A channel on a stream, with a window and a queue that are quickly full. */
export function channelOn(stream: InMemoryStream, timers: ManualTimers, peer: string): Channel {
  return new Channel({
    stream,
    tag: 'test',
    peer,
    windowBytes: 65_536,
    creditBytes: 65_536,
    queueBytesMax: 16_384,
    closeTimeoutMs: 1000,
    stallTimeoutMs: 60_000,
    timers,
    traffic: new Counters().trafficOf('test'),
    buffers: stream.manner === 'quic' ? new BatchBuffers() : undefined
  })
}

/** Two channels on the ends of one stream. */
export function inMemoryPair(options: PairOptions = { manner: 'quic' }): { a: ChannelEnd; b: ChannelEnd } {
  const [a, b] = inMemoryStreamPair(options)
  const timers = new ManualTimers()
  return {
    a: { channel: channelOn(a, timers, 'b'), stream: a },
    b: { channel: channelOn(b, timers, 'a'), stream: b }
  }
}
