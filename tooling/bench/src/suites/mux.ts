import { bytesInUse } from '../memory.ts'
import type { Transport } from '../muxes/host.ts'
import { openLink, type Link } from '../muxes/link.ts'
import {
  lostRefusals,
  openChannels,
  openRaws,
  pingRaw,
  pinger,
  sendMessages,
  writeRaw,
  type Sink
} from '../muxes/work.ts'
import { interleave, type TimedContender } from '../rounds.ts'
import {
  FLOOR,
  measurement,
  OURS,
  type Better,
  type Measurement,
  type Metric,
  type Suite,
  type SuiteContext
} from '../suite.ts'

/** As many raw streams as there are channels. */
const FOUR_STREAMS = 'four-streams'

/** The raw stream when libp2p is left to gather small writes by itself. */
const COALESCED = 'coalesced'

const MIB = 1_048_576
const BULK_BYTES = 65_536
const SMALL_BYTES = 100
const PING_BYTES = 64
const CHANNELS = 4
const STALLED_CHANNELS = 8
const STALLED_BYTES = 1024 * MIB
const REFUSALS = 1000
/** Messages and opens of one round, where the case's name does not say. */
const SMALL_MESSAGES = 100_000
const UNGATHERED_MESSAGES = 5000
const PINGS = 1000
const OPENS = 100

const metrics = {
  bulk: throughput('bulk-64k', '64 KiB messages over QUIC, window 1 MiB'),
  bulkTcp: throughput('bulk-64k-tcp', '64 KiB messages over TCP, noise and yamux, window 1 MiB'),
  bulkTcpWide: throughput('bulk-64k-tcp-2mib', 'the same with a window of 2 MiB'),
  bulkIterated: throughput(
    'bulk-64k-iterated',
    'over QUIC, for a consumer that iterates and keeps its messages'
  ),
  bulkParallel: throughput(
    'bulk-4-channels',
    'four channels over QUIC, against one raw stream and four of them'
  ),
  small: smallMessages('small-100b', '100-byte messages over QUIC'),
  smallIterated: smallMessages('small-100b-iterated', 'over QUIC, for a consumer that iterates'),
  smallTcp: smallMessages('small-100b-tcp', '100-byte messages over TCP, noise and yamux'),
  roundTrip: micros('round-trip', '64 bytes there and back on an open channel, QUIC'),
  roundTripTcp: micros('round-trip-tcp', 'the same over TCP, noise and yamux'),
  besideBulk: micros('round-trip-beside-bulk', 'the same while another channel sends; against the idle link'),
  open: micros('open-accepted', 'until a channel is accepted; against newStream and a byte there and back'),
  openTcp: micros('open-accepted-tcp', 'the same over TCP, noise and yamux'),
  stalled: metric('stalled-receiver', 'bytes', 'bytes', 'lower', 'what a channel nobody reads costs an end'),
  stalledTiny: metric('stalled-receiver-1b', 'bytes', 'bytes', 'lower', 'the same with one-byte messages'),
  refusals: metric('refusals-lost', 'count', 'refusals', 'lower', 'refusals of 1,000 that are not told')
} as const

/** The multiplexer over two transports, each link to a process of its own. */
export const muxSuite: Suite = {
  name: 'mux',
  about: 'framed channels beside raw libp2p streams',
  references: [FLOOR, COALESCED, FOUR_STREAMS],
  metrics: Object.values(metrics),
  run
}

async function* run(context: SuiteContext): AsyncIterable<Measurement> {
  yield* onLink('quic', MIB, async function* (link) {
    const bulkMib = context.effort.quick ? 8 : 32
    yield await bulk(context, link, metrics.bulk, bulkMib)
    yield await bulk(context, link, metrics.bulkIterated, bulkMib, 'iterated-sink')
    yield await parallel(context, link, bulkMib)
    yield await small(context, link, metrics.small)
    yield await small(context, link, metrics.smallIterated, 'iterated-sink')
    yield await roundTrip(context, link, metrics.roundTrip)
    yield await besideBulk(context, link)
    yield await open(context, link, metrics.open)
    context.progress(metrics.refusals.case)
    yield measurement(metrics.refusals, new Map([[OURS, await lostRefusals(link, REFUSALS)]]))
  })
  for (const [metric, bytes] of [
    [metrics.stalled, BULK_BYTES],
    [metrics.stalledTiny, 1]
  ] as const) {
    yield* onLink('quic', MIB, async function* (link) {
      context.progress(metric.case)
      yield measurement(metric, new Map([[OURS, await stall(link, new Uint8Array(bytes))]]))
    })
  }
  const tcpMib = context.effort.quick ? 32 : 128
  yield* onLink('tcp', MIB, async function* (link) {
    yield await bulk(context, link, metrics.bulkTcp, tcpMib)
    yield await small(context, link, metrics.smallTcp)
    yield await roundTrip(context, link, metrics.roundTripTcp)
    yield await open(context, link, metrics.openTcp)
  })
  yield* onLink('tcp', 2 * MIB, async function* (link) {
    yield await bulk(context, link, metrics.bulkTcpWide, tcpMib)
  })
}

async function* onLink(
  transport: Transport,
  windowBytes: number,
  work: (link: Link) => AsyncIterable<Measurement>
): AsyncIterable<Measurement> {
  const link = await openLink(transport, windowBytes)
  try {
    yield* work(link)
  } finally {
    await link.close()
  }
}

function bulk(
  context: SuiteContext,
  link: Link,
  metric: Metric,
  mib: number,
  sink: Sink = 'sink'
): Promise<Measurement> {
  const message = new Uint8Array(BULK_BYTES).fill(7)
  const count = (mib * MIB) / BULK_BYTES
  return perSecond(context, metric, [
    timed(OURS, mib, () => sendMessages(link, message, count, sink)),
    timed(FLOOR, mib, () => writeRaw(link, message, count))
  ])
}

function parallel(context: SuiteContext, link: Link, mib: number): Promise<Measurement> {
  const message = new Uint8Array(BULK_BYTES).fill(7)
  const count = (mib * MIB) / BULK_BYTES
  const four = async (work: () => Promise<number>): Promise<number> => {
    const startMs = performance.now()
    await Promise.all(Array.from({ length: CHANNELS }, work))
    return performance.now() - startMs
  }
  const contenders = [
    timed(OURS, mib, () => four(() => sendMessages(link, message, count / CHANNELS))),
    timed(FLOOR, mib, () => writeRaw(link, message, count))
  ]
  if (context.wants(FOUR_STREAMS)) {
    contenders.push(timed(FOUR_STREAMS, mib, () => four(() => writeRaw(link, message, count / CHANNELS))))
  }
  return perSecond(context, metrics.bulkParallel, contenders)
}

function small(context: SuiteContext, link: Link, metric: Metric, sink: Sink = 'sink'): Promise<Measurement> {
  const message = new Uint8Array(SMALL_BYTES).fill(7)
  const contenders = [
    timed(OURS, SMALL_MESSAGES, () => sendMessages(link, message, SMALL_MESSAGES, sink)),
    timed(FLOOR, UNGATHERED_MESSAGES, () => writeRaw(link, message, UNGATHERED_MESSAGES))
  ]
  if (context.wants(COALESCED)) {
    contenders.push(
      timed(COALESCED, SMALL_MESSAGES, () => writeRaw(link, message, SMALL_MESSAGES, BULK_BYTES))
    )
  }
  return perSecond(context, metric, contenders)
}

async function roundTrip(context: SuiteContext, link: Link, metric: Metric): Promise<Measurement> {
  const message = new Uint8Array(PING_BYTES)
  const channel = await link.openChannel('echo')
  const ping = pinger(channel)
  const figures = await perOperation(context, metric, [
    timed(OURS, 1, () => ping(message, PINGS)),
    timed(FLOOR, 1, () => pingRaw(link, message, PINGS))
  ])
  channel.abort(new Error('measured'))
  return figures
}

async function besideBulk(context: SuiteContext, link: Link): Promise<Measurement> {
  const message = new Uint8Array(PING_BYTES)
  const large = new Uint8Array(BULK_BYTES).fill(7)
  const channel = await link.openChannel('echo')
  const ping = pinger(channel)
  const figures = await perOperation(context, metrics.besideBulk, [
    timed(OURS, 1, async () => {
      let going = true
      const bulk = (async () => {
        while (going) await sendMessages(link, large, MIB / BULK_BYTES)
      })()
      const ms = await ping(message, PINGS / 2)
      going = false
      await bulk
      return ms
    }),
    timed(FLOOR, 1, () => ping(message, PINGS / 2))
  ])
  channel.abort(new Error('measured'))
  return figures
}

function open(context: SuiteContext, link: Link, metric: Metric): Promise<Measurement> {
  return perOperation(context, metric, [
    timed(OURS, 1, () => openChannels(link, OPENS)),
    timed(FLOOR, 1, () => openRaws(link, OPENS))
  ])
}

/**
 * What one channel costs the end that pays more, when nobody reads and 1 GiB is offered for as long as it is taken. Several
 * channels and their mean, because one drowns in what else comes and goes.
 */
async function stall(link: Link, message: Uint8Array): Promise<number> {
  const before = { near: bytesInUse(), far: await link.farMemory() }
  const channels = await Promise.all(
    Array.from({ length: STALLED_CHANNELS }, () => link.openChannel('stalled'))
  )
  for (const channel of channels) {
    for (let offered = 0; offered < STALLED_BYTES; offered += message.length) {
      if (!channel.send(message) && !(await drainsWithin(200, channel))) break
    }
  }
  const growth = [bytesInUse() - before.near, (await link.farMemory()) - before.far]
  for (const channel of channels) channel.abort(new Error('measured'))
  return Math.max(...growth) / STALLED_CHANNELS
}

async function drainsWithin(
  ms: number,
  channel: { drained(options: { signal: AbortSignal }): Promise<void> }
): Promise<boolean> {
  try {
    await channel.drained({ signal: AbortSignal.timeout(ms) })
    return true
  } catch {
    return false
  }
}

function timed(name: string, operations: number, work: () => Promise<number>): TimedContender {
  return { name, run: async () => ({ elapsedMs: await work(), operations }) }
}

async function perOperation(
  context: SuiteContext,
  metric: Metric,
  contenders: readonly TimedContender[],
  figure: (ms: number) => number = ms => ms * 1000
): Promise<Measurement> {
  context.progress(metric.case)
  const times = await interleave(contenders, {
    rounds: context.effort.rounds,
    onFailure: context.missing
  })
  return measurement(metric, new Map([...times].map(([name, ms]) => [name, figure(ms)])))
}

function perSecond(
  context: SuiteContext,
  metric: Metric,
  contenders: readonly TimedContender[]
): Promise<Measurement> {
  return perOperation(context, metric, contenders, ms => 1000 / ms)
}

function throughput(name: string, about: string): Metric {
  return metric(name, 'mibPerSecond', 'MiB/s', 'higher', about)
}

function smallMessages(name: string, about: string): Metric {
  return metric(name, 'messagesPerSecond', 'messages/s', 'higher', about)
}

function micros(name: string, about: string): Metric {
  return metric(name, 'us', 'us', 'lower', about)
}

function metric(name: string, metric: string, unit: string, better: Better, about: string): Metric {
  return { case: name, metric, unit, better, about }
}
