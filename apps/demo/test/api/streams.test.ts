import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { Change, LogLine, Pulse } from '../../src/api/types.ts'
import { HTTP_LIMITS, type HttpLimits } from '../../src/api/config.ts'
import { Pulses } from '../../src/api/pulses.ts'
import { ask } from './support/ask.ts'
import { Reader, servedNode, type ServedNode } from './support/served-node.ts'

// Goal: a watch and the node's events reach a reader over a real connection, say where a snapshot ends and when something was missed, and
// a reader that is slow, stuck or gone holds nothing for ever.

let served: ServedNode | undefined
const readers: Reader[] = []
afterEach(async () => {
  for (const reader of readers.splice(0)) reader.leave()
  await served?.end()
  served = undefined
})

async function begin(limits: Partial<HttpLimits> = {}): Promise<ServedNode> {
  served = await servedNode(limits)
  return served
}

async function read(
  { url }: ServedNode,
  path: string,
  headers: Record<string, string> = {}
): Promise<Reader> {
  const reader = await Reader.open(url, path, headers)
  readers.push(reader)
  return reader
}

const watch = '/api/v1/maps/things/watch'
const changeOf = async (reader: Reader): Promise<Change> => (await reader.named('change')).data as Change

describe('a watch', () => {
  test('sends the snapshot, says where it ends, then what changes', async () => {
    const node = await begin()
    await node.map.set('a', 1)
    await node.map.set('b', { $bytes: 'AQID' })
    const reader = await read(node, watch)
    expect(reader.response.headers.get('content-type')).toBe('text/event-stream')
    const [first, second, end] = [await reader.next(), await reader.next(), await reader.next()]
    expect([first.data, second.data]).toMatchObject([
      { type: 'set', key: 'a', value: 1, origin: 'snapshot' },
      { type: 'set', key: 'b', value: { $object: { $bytes: 'AQID' } }, origin: 'snapshot' }
    ])
    expect(end).toMatchObject({ name: 'snapshot', data: { size: 2 } })
    await node.map.set('c', 3)
    expect(await changeOf(reader)).toMatchObject({ type: 'set', key: 'c', value: 3, origin: 'local' })
    await node.map.delete('a')
    const removed = await changeOf(reader)
    expect(removed).toEqual({ type: 'delete', key: 'a', origin: 'local' })
  })

  test('of an empty map says at once that the snapshot has ended', async () => {
    const reader = await read(await begin(), watch)
    expect(await reader.next()).toMatchObject({ name: 'snapshot', data: { size: 0 } })
  })

  test('from now sends no snapshot', async () => {
    const node = await begin()
    await node.map.set('a', 1)
    const reader = await read(node, `${watch}?from=now`)
    await expect.poll(() => node.map.stats().watchers).toBe(1)
    await node.map.set('b', 2)
    expect(await reader.next()).toMatchObject({ name: 'change', data: { key: 'b' } })
  })

  test('that comes back is told to forget what it has read', async () => {
    const node = await begin()
    await node.map.set('a', 1)
    const reader = await read(node, watch, { 'last-event-id': '7' })
    expect((await reader.next()).data).toEqual({ type: 'resync' })
    expect((await reader.next()).data).toMatchObject({ key: 'a', origin: 'snapshot' })
    expect((await reader.next()).name).toBe('snapshot')
  })

  test('ends when its reader leaves', async () => {
    const node = await begin()
    const reader = await read(node, watch)
    await reader.next()
    expect(node.map.stats().watchers).toBe(1)
    reader.leave()
    await expect.poll(() => node.map.stats().watchers).toBe(0)
  })

  test('from nowhere is a mistake', async () => {
    const { url } = await begin()
    expect((await ask(url, `${watch}?from=yesterday`)).json).toMatchObject({ status: 400 })
  })
})

describe('the node’s events', () => {
  test('begin with a pulse, go on with one a beat, and tell broadcasts and lines', async () => {
    const node = await begin({ pulseMs: 20 })
    const reader = await read(node, '/api/v1/events')
    const first = (await reader.next()).data as Pulse
    expect(first).toMatchObject({
      id: node.node.id,
      name: 'one',
      broadcasts: [],
      maps: [{ name: 'things', size: 0 }]
    })
    await node.map.set('a', 1)
    let pulse: Pulse
    do pulse = (await reader.named('pulse')).data as Pulse
    while (pulse.broadcasts.length === 0)
    expect(pulse.broadcasts[0]).toMatchObject({ topic: 'things', hops: 0 })
    expect(pulse.maps[0]?.fingerprint).not.toBe(first.maps[0]?.fingerprint)
    node.server.log('test', 'something happened')
    const event = await reader.named('event')
    expect(event.data as LogLine).toMatchObject({ node: 'one', type: 'test', text: 'something happened' })
    const again = await read(node, '/api/v1/events', { 'last-event-id': event.id ?? '' })
    node.server.log('test', 'something else')
    expect((await again.named('event')).data).toMatchObject({ text: 'something else' })
  })

  test('are collected only while somebody reads', async () => {
    const { node } = await begin()
    let taps = 0
    const counted = {
      inspect: () => node.inspect(),
      onPeer: (listener: Parameters<typeof node.onPeer>[0]) => node.onPeer(listener),
      onBroadcast: (listener: Parameters<typeof node.onBroadcast>[0]) => {
        const stop = node.onBroadcast(listener)
        taps++
        return () => {
          taps--
          stop()
        }
      }
    }
    const pulses = new Pulses(counted, 'one', { ...HTTP_LIMITS, pulseMs: 5 })
    expect(taps).toBe(0)
    const reader = pulses.read(undefined)
    expect(taps).toBe(1)
    await reader.return?.()
    await expect.poll(() => taps).toBe(0)
    const again = pulses.read(undefined)
    expect(taps).toBe(1)
    expect((await again.next()).value).toMatchObject({ name: 'pulse' })
    pulses.close()
    expect(taps).toBe(0)
  })
})

describe('readers', () => {
  test('more than the limit are refused, and a place that is free again is taken', async () => {
    const node = await begin({ readersMax: 2 })
    const first = await read(node, watch)
    await read(node, '/api/v1/events')
    const refused = await ask(node.url, watch)
    expect(refused).toMatchObject({ status: 503, json: { name: 'ReaderLimitError' } })
    expect(refused.headers['retry-after']).toBe('5')
    first.leave()
    await expect.poll(async () => (await read(node, watch)).response.status).toBe(200)
  })

  test('that ask for the headers alone take no place', async () => {
    const node = await begin({ readersMax: 1 })
    for (const path of [watch, '/api/v1/events']) {
      const { status, headers } = await ask(node.url, path, { method: 'HEAD' })
      expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: 'text/event-stream' })
    }
    expect((await read(node, watch)).response.status).toBe(200)
  })

  test('hear a heartbeat when there is nothing to say', async () => {
    const node = await begin({ heartbeatMs: 10, pulseMs: 3_600_000 })
    const { body } = await fetch(new URL(`${watch}?from=now`, node.url))
    let text = ''
    for await (const chunk of (body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
      text += chunk
      if (text.split(': heartbeat\n\n').length > 3) break
    }
    expect(text).toMatch(/^: this stream sends heartbeats\nretry: \d+\n\n(?:: heartbeat\n\n)+$/u)
  })

  test('one that takes nothing is ended, and meanwhile holds no more than its map keeps for it', async () => {
    const node = await begin({ stalledReaderMs: 300, heartbeatMs: 50 })
    const { hostname, port } = new URL(node.url)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    const closed = new Promise(resolve => socket.once('close', resolve))
    socket.write(`GET ${watch}?from=now HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
    await expect.poll(() => node.map.stats().watchers).toBe(1)
    socket.pause()
    // Far more than the buffers of the connection hold.
    const value = 'x'.repeat(900)
    let round = 0
    while (node.map.stats().watchers > 0 && round < 400) {
      round++
      await Promise.all(Array.from({ length: 100 }, (_, index) => node.map.set(`k${index}`, value + round)))
    }
    expect(node.map.stats().watchers).toBe(0)
    socket.resume()
    await closed
    expect((await ask(node.url, '/health')).status).toBe(200)
  })

  test('one that takes nothing of a long answer loses its connection, and the place is free again', async () => {
    const node = await begin({ stalledReaderMs: 200, connectionsMax: 1, pageCharactersMax: 64 * 1024 * 1024 })
    const value = '\u0001'.repeat(900)
    const keys = Array.from({ length: 1000 }, (_, index) => `k${index}`)
    await Promise.all(keys.map(key => node.map.set(key, value)))
    const { hostname, port } = new URL(node.url)
    const socket = connect({ port: Number(port), host: hostname })
    socket.on('error', () => {})
    const page = `GET /api/v1/maps/things/entries?limit=1000 HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`
    socket.pause()
    // Far more than the buffers of the connection hold.
    socket.write(page.repeat(8))
    const statusOf = (): Promise<number> =>
      ask(node.url, '/health').then(
        ({ status }) => status,
        () => 0
      )
    await expect.poll(statusOf).toBe(0)
    await expect.poll(statusOf, { timeout: 10_000 }).toBe(200)
    socket.destroy()
  })

  test('all end with the server', async () => {
    const node = await begin()
    const reader = await read(node, watch)
    await reader.next()
    await node.server.close()
    await expect(reader.next()).rejects.toThrow()
  })
})
