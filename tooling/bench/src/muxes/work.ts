import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import type { FramedChannel } from '@starling/mux'
import { median } from '../statistics.ts'
import type { Stream } from './host.ts'
import type { Link } from './link.ts'
import { RAW_ECHO, RAW_ONE, RAW_SINK } from './raw-protocols.ts'

/** How the far end takes what it is sent: by a call for each message, or by iterating. */
export type Sink = 'sink' | 'iterated-sink'

/** Sends `count` messages and waits until the far consumer has dealt with them all; ms from the first send. */
export async function sendMessages(
  link: Link,
  message: Uint8Array,
  count: number,
  sink: Sink = 'sink'
): Promise<number> {
  const channel = await link.openChannel(sink)
  const startMs = performance.now()
  for (let i = 0; i < count; i++) if (!channel.send(message)) await channel.drained()
  await channel.end()
  const elapsedMs = performance.now() - startMs
  await finish(channel)
  return elapsedMs
}

/**
 * Writes the same to a raw stream and waits until the far end has counted it; ms from the first write. Waits for a drain as
 * soon as the stream asks for one, or, with `gatherBytes`, when it has been given so much more since: libp2p gathers that
 * into one write.
 */
export async function writeRaw(
  link: Link,
  message: Uint8Array,
  count: number,
  gatherBytes = 0
): Promise<number> {
  const stream = await link.openRaw(RAW_SINK)
  const answer = nextMessage(stream)
  const header = new Uint8Array(8)
  new DataView(header.buffer).setBigUint64(0, BigInt(message.length * count))
  if (!stream.send(header)) await drain(stream)
  const startMs = performance.now()
  let gathered = 0
  for (let i = 0; i < count; i++) {
    const room = stream.send(message)
    gathered += message.length
    if (room || gathered < gatherBytes) continue
    gathered = 0
    if (stream.writableNeedsDrain) await drain(stream)
  }
  await answer
  const elapsedMs = performance.now() - startMs
  await closeRaw(stream)
  return elapsedMs
}

/** Measures the typical time of so many messages there and back on an open channel, ms. */
export type Pinger = (message: Uint8Array, count: number) => Promise<number>

/** Takes a channel to an echo for itself, until whoever opened it aborts it. */
export function pinger(channel: FramedChannel): Pinger {
  let answered: () => void = () => {}
  channel.consume(() => answered()).catch(() => {})
  return (message, count) =>
    typical(count, async () => {
      const answer = new Promise<void>(resolve => (answered = resolve))
      channel.send(message)
      await answer
    })
}

/** The same on a raw stream. */
export async function pingRaw(link: Link, message: Uint8Array, count: number): Promise<number> {
  const stream = await link.openRaw(RAW_ECHO)
  const ms = await typical(count, async () => {
    const answer = nextMessage(stream)
    stream.send(message)
    await answer
  })
  await closeRaw(stream)
  return ms
}

/** Between two opens, so that what closing leaves to do at the far end is not charged to the next one, ms. */
const BETWEEN_OPENS_MS = 4

/** Typical time until a channel is open and accepted, ms; closing it is not timed. */
export async function openChannels(link: Link, count: number): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const startMs = performance.now()
    const channel = await link.openChannel('sink')
    times.push(performance.now() - startMs)
    await channel.end()
    await finish(channel)
    await wait(BETWEEN_OPENS_MS)
  }
  return median(times)
}

/** Typical time until a raw stream is open and one byte has gone there and another has come back, ms. */
export async function openRaws(link: Link, count: number): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const startMs = performance.now()
    const stream = await link.openRaw(RAW_ONE)
    const answer = nextMessage(stream)
    stream.send(Uint8Array.of(1))
    await answer
    times.push(performance.now() - startMs)
    await closeRaw(stream)
    await wait(BETWEEN_OPENS_MS)
  }
  return median(times)
}

/** How many of `count` refusals were not told. */
export async function lostRefusals(link: Link, count: number): Promise<number> {
  let lost = 0
  for (let asked = 0; asked < count; asked += 10) {
    const opened = await Promise.allSettled(Array.from({ length: 10 }, () => link.openChannel('nobody')))
    for (const result of opened) {
      const error = result.status === 'rejected' ? (result.reason as { name: string }) : undefined
      if (error?.name !== 'StreamRefusedError') lost++
    }
  }
  // Refusals that kept a place would leave none for this one.
  await openChannels(link, 1)
  return lost
}

/** Reads a channel to its end, so that both sides close it. */
async function finish(channel: FramedChannel): Promise<void> {
  for await (const _ of channel);
  await channel.closed
}

async function typical(count: number, act: () => Promise<void>): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const startMs = performance.now()
    await act()
    times.push(performance.now() - startMs)
  }
  return median(times)
}

/** An own listener each time: the promise of the stream's own `onDrain` is kept once only. */
async function drain(stream: Stream): Promise<void> {
  await new Promise(resolve => stream.addEventListener('drain', resolve, { once: true }))
}

function nextMessage(stream: Stream): Promise<unknown> {
  return new Promise(resolve => stream.addEventListener('message', resolve, { once: true }))
}

async function closeRaw(stream: Stream): Promise<void> {
  await stream.close()
  if (stream.status === 'open') await once(stream, 'close')
}
