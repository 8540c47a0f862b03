import type { ComponentLogger, Connection, Stream } from '@libp2p/interface'
import { serviceCapabilities } from '@libp2p/interface'
import {
  MuxStoppedError,
  NotConnectedError,
  OpenTimeoutError,
  StreamLostError,
  TagTakenError,
  createMux,
  mux,
  type Refusal
} from '@starling/mux'
import { describe, expect, test } from 'vitest'
import { encodeCredit } from '../src/frame.ts'
import { encodePreamble } from '../src/preamble.ts'
import { Recorder, drain, receive, turns, until } from '../src/contract/probes.ts'
import { ManualTimers } from '../src/contract/manual-timers.ts'
import { InMemoryConnection, inMemoryHost, type InMemoryHost } from './support/in-memory-network.ts'
import { throwingObservers } from '../../../tooling/vitest/throwing-observers.ts'
import { halfOpen, openChannel, world } from './support/world.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe('registrations', () => {
  test('one handler owns many tags, and disposing one registration frees its tags only (MUX-A3, MUX-D1, MUX-D2)', async () => {
    const w = await world()
    const { mux } = w.acceptor
    const got: string[] = []
    const handler = (_: unknown, info: { tag: string }): void => void got.push(info.tag)
    const xz = mux.handleChannel(['x', 'z'], handler)
    const y = mux.handleChannel('y', handler)
    expect(() => mux.handleChannel(['free', 'y'], handler)).toThrow(TagTakenError)
    y.dispose()
    y.dispose()
    await Promise.all(['x', 'z'].map(tag => openChannel(w, tag)))
    // A registration that failed took none of its tags.
    for (const tag of ['y', 'free'])
      await expect(openChannel(w, tag)).rejects.toMatchObject({ reason: 'unknownTag' })
    expect(got).toEqual(['x', 'z'])
    xz.dispose()
    const again = mux.handleChannel(['x', 'y', 'z', 'free'], () => void got.push('again'))
    xz.dispose()
    await openChannel(w, 'x')
    expect(got).toEqual(['x', 'z', 'again'])
    again.dispose()
    await expect(openChannel(w, 'free')).rejects.toMatchObject({ reason: 'unknownTag' })
  })

  test('a handler that failed keeps its tags (MUX-D1)', async () => {
    const w = await world()
    w.acceptor.mux.handleChannel(['a', 'b'], () => {
      throw new Error('first')
    })
    for (const tag of ['a', 'b', 'a']) {
      const channel = await openChannel(w, tag)
      await expect(receive(channel)).rejects.toMatchObject({ reason: 'handlerFailed' })
    }
  })

  test('bad and reserved tags are refused in both roles (MUX-D8)', async () => {
    const w = await world()
    const { mux } = w.acceptor
    const bad = ['', 'x'.repeat(256), 'é'.repeat(128), '\ud800', 'starling:session', 'starling:']
    for (const tag of bad) {
      expect(() => mux.handle(tag, () => {}), tag).toThrow(TypeError)
      expect(() => mux.handleChannel(['fine', tag], () => {}), tag).toThrow(TypeError)
      await expect(openChannel(w, tag)).rejects.toThrow(TypeError)
    }
    expect(() => mux.handle([], () => {})).toThrow(TypeError)
    expect(() => mux.handle('a', undefined as unknown as () => void)).toThrow(TypeError)
    expect(() => mux.handleChannel('a', () => {}, { windowBytes: 100 })).toThrow(RangeError)
    mux.handleChannel(['starling:session', 'x'.repeat(255)], () => {}, { internal: true })
    await openChannel(w, 'x'.repeat(255))
    const { dialler, connection } = w
    await dialler.mux.openChannel(connection.asConnection, 'starling:session', { internal: true })
  })

  test('tags are compared byte by byte, and no name is special', async () => {
    const w = await world()
    const odd = ['__proto__', 'constructor', 'a\0b', 'a\nb', '\ufffd']
    const got: string[] = []
    w.acceptor.mux.handle(odd, (_, info) => void got.push(info.tag))
    await expect(openChannel(w, 'toString')).rejects.toMatchObject({ reason: 'unknownTag' })
    for (const tag of odd) await w.dialler.mux.open(w.connection.asConnection, tag)
    expect(got).toEqual(odd)
    // Ill-formed UTF-8 reads as the replacement character, which is a tag here; the bytes are not the same.
    const stream = await w.connection.newStream()
    const recorder = new Recorder(stream)
    stream.send(encodePreamble(Uint8Array.of(0xff)))
    expect(await recorder.atLeast(1)).toEqual(Uint8Array.of(1))
    expect(got.length).toBe(odd.length)
  })
})

test('a tag from outside is escaped in the log', async () => {
  const lines: string[] = []
  const log = Object.assign((...parts: unknown[]) => void lines.push(parts.join(' ')), {
    error: (...parts: unknown[]) => void lines.push(parts.join(' '))
  })
  const logger = { forComponent: () => log } as unknown as ComponentLogger
  const timers = new ManualTimers()
  const acceptor = await inMemoryHost('acceptor', {}, timers, undefined, { logger })
  const dialler = await inMemoryHost('dialler', {}, timers)
  const [connection] = InMemoryConnection.pair(dialler, acceptor, { manner: 'quic' })
  const stream = await connection.newStream()
  const recorder = new Recorder(stream)
  stream.send(encodePreamble(Uint8Array.of(0, 10, 27, 34, 0xff, 97)))
  await recorder.atLeast(1)
  expect(lines.find(line => line.includes('no handler'))).toContain(String.raw`"\x00\x0a\x1b\x22\xffa"`)
  expect(lines.join('')).not.toMatch(/[^\x20-\x7e]/u)
})

test('a logger that throws leaves no stream unanswered', async () => {
  const { logger, calls } = throwingObservers()
  const timers = new ManualTimers()
  const acceptor = await inMemoryHost('acceptor', {}, timers, undefined, {
    logger: logger as unknown as ComponentLogger
  })
  const dialler = await inMemoryHost('dialler', {}, timers)
  const [connection] = InMemoryConnection.pair(dialler, acceptor, { manner: 'quic' })
  await expect(dialler.mux.open(connection.asConnection, 'nobody')).rejects.toMatchObject({
    reason: 'unknownTag'
  })
  acceptor.mux.handle('broken', () => {
    throw new Error('a handler')
  })
  await new Recorder(await dialler.mux.open(connection.asConnection, 'broken')).ended
  expect(calls).toEqual(['log', 'log', 'log.error'])
})

describe('parked streams', () => {
  test('are bounded for each peer, and one peer keeps no other out (MUX-A2)', async () => {
    const w = await world({ parkedPerPeerMax: 3, preambleTimeoutMs: 5000 })
    w.acceptor.mux.handleChannel('ok', () => {})
    const slow = await Promise.all([1, 2, 3].map(() => halfOpen(w.connection)))
    const over = await halfOpen(w.connection)
    expect(await over.recorder.atLeast(1)).toEqual(Uint8Array.of(2))
    const stranger = await w.stranger('good')
    const good = await halfOpen(stranger)
    await turns()
    expect(w.acceptor.mux.stats().parked).toBe(4)
    good.stream.send(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
    expect(await good.recorder.atLeast(1)).toEqual(Uint8Array.of(1))
    w.timers.advance(4999)
    await turns()
    expect(w.acceptor.mux.stats().parked).toBe(3)
    // A byte now and then moves no deadline.
    for (const { stream } of slow) stream.send(Uint8Array.of(97))
    await turns()
    w.timers.advance(1)
    for (const { recorder } of slow) expect(await recorder.atLeast(1)).toEqual(Uint8Array.of(4))
    expect(w.acceptor.mux.stats()).toMatchObject({
      parked: 0,
      refused: { timeout: 3, busy: 1, unknownTag: 1 }
    })
  })

  test('are bounded overall, and the newest of the peer with most gives way', async () => {
    const w = await world({ parkedPerPeerMax: 3, parkedMax: 4 })
    const greedy = await Promise.all([1, 2, 3].map(() => halfOpen(w.connection)))
    const first = await halfOpen(await w.stranger('first'))
    const second = await halfOpen(await w.stranger('second'))
    expect(await greedy[2]?.recorder.atLeast(1)).toEqual(Uint8Array.of(2))
    const third = await halfOpen(await w.stranger('third'))
    expect(await greedy[1]?.recorder.atLeast(1)).toEqual(Uint8Array.of(2))
    // Now nobody has more than a newcomer would have, so nobody gives way.
    const fourth = await halfOpen(await w.stranger('fourth'))
    expect(await fourth.recorder.atLeast(1)).toEqual(Uint8Array.of(2))
    await turns()
    expect(w.acceptor.mux.stats()).toMatchObject({ parked: 4, refused: { busy: 3 } })
    for (const { recorder } of [first, second, third]) expect(recorder.bytes().length).toBe(0)
  })

  test('are given up when they are reset, or their connection is', async () => {
    const w = await world({ parkedPerPeerMax: 3 })
    const { stream } = await halfOpen(w.connection)
    await halfOpen(w.connection)
    await turns()
    expect(w.acceptor.mux.stats().parked).toBe(2)
    stream.abort(new Error('never mind'))
    await turns()
    expect(w.acceptor.mux.stats()).toMatchObject({ parked: 1, refused: { malformed: 1 } })
    await w.connection.close()
    await turns()
    expect(w.acceptor.mux.stats()).toMatchObject({ parked: 0, streams: { inbound: 0 } })
    // The rate's timer is the last.
    w.timers.advance(1000)
    expect(w.timers.pending).toBe(0)
  })
})

describe('accept rules', () => {
  test('decide, at once or later, and see who asks', async () => {
    const w = await world()
    const asked: string[] = []
    let answer: (refusal: Refusal | undefined) => void = () => {}
    w.acceptor.mux.handleChannel(['now', 'later'], channel => void channel.send(text('hello')), {
      accept: info => {
        asked.push(`${info.peer} ${info.tag}`)
        if (info.tag === 'now') return 'closing'
        return new Promise(resolve => (answer = resolve))
      }
    })
    await expect(openChannel(w, 'now')).rejects.toMatchObject({ reason: 'closing' })
    const later = openChannel(w, 'later')
    await until(() => asked.length === 2)
    expect(w.acceptor.mux.stats().parked).toBe(1)
    answer(undefined)
    expect(await receive(await later)).toEqual(text('hello'))
    expect(asked).toEqual(['dialler now', 'dialler later'])
    const refused = openChannel(w, 'later')
    await until(() => asked.length === 3)
    answer('busy')
    await expect(refused).rejects.toMatchObject({ reason: 'busy' })
  })

  test('that throw, reject or never answer refuse', async () => {
    const w = await world({ acceptTimeoutMs: 3000 })
    w.acceptor.mux.handleChannel('t', () => {}, {
      accept: () => {
        throw new Error('no')
      }
    })
    w.acceptor.mux.handleChannel('r', () => {}, { accept: () => Promise.reject(new Error('no')) })
    let late: ((refusal: undefined) => void) | undefined
    let handled = 0
    w.acceptor.mux.handleChannel('n', () => void handled++, {
      accept: () => new Promise(resolve => (late = resolve))
    })
    await expect(openChannel(w, 't')).rejects.toMatchObject({ reason: 'busy' })
    await expect(openChannel(w, 'r')).rejects.toMatchObject({ reason: 'busy' })
    const never = openChannel(w, 'n')
    await until(() => late !== undefined)
    w.timers.advance(3000)
    await expect(never).rejects.toMatchObject({ reason: 'timeout' })
    late?.(undefined)
    await turns()
    expect(handled).toBe(0)
  })

  test('that accept after the registration is gone come too late', async () => {
    const w = await world()
    let answer: (refusal: undefined) => void = () => {}
    const registration = w.acceptor.mux.handleChannel('gone', () => {}, {
      accept: () => new Promise(resolve => (answer = resolve))
    })
    const opening = openChannel(w, 'gone')
    await until(() => w.acceptor.mux.stats().parked === 1)
    registration.dispose()
    answer(undefined)
    await expect(opening).rejects.toMatchObject({ reason: 'unknownTag' })
  })

  test('a raw handler sees one end also when it was accepted after the other side had closed', async () => {
    const w = await world()
    let answer: (refusal: undefined) => void = () => {}
    const recorder = new Promise<Recorder>(resolve => {
      w.acceptor.mux.handle('raw', stream => resolve(new Recorder(stream)), {
        accept: () => new Promise(resolve => (answer = resolve))
      })
    })
    const stream = await w.connection.newStream()
    stream.send(encodePreamble(text('raw')))
    await stream.close()
    await until(() => w.acceptor.mux.stats().parked === 1)
    await turns()
    answer(undefined)
    const seen = await recorder
    await seen.ended
    await turns()
    expect([seen.ends, seen.bytes().length]).toEqual([1, 0])
  })

  test('bound what a stream may send while they think', async () => {
    const w = await world({ parkedBytesMax: 10_000 })
    w.acceptor.mux.handle('raw', () => {}, { accept: () => new Promise(() => {}) })
    const stream = await w.connection.newStream()
    stream.addEventListener('message', () => {})
    stream.send(encodePreamble(text('raw'), new Uint8Array(9000)))
    await turns()
    expect(w.acceptor.mux.stats().parked).toBe(1)
    stream.send(new Uint8Array(5000))
    await turns()
    expect(w.acceptor.mux.stats()).toMatchObject({ parked: 0 })
  })
})

test('peers that answer nothing hold up no other peer (MUX-D7)', async () => {
  const w = await world()
  w.acceptor.mux.handleChannel('ok', channel => void channel.send(text('fine')))
  w.acceptor.mux.handleChannel('think', () => {}, { accept: () => new Promise(() => {}) })
  for (let i = 0; i < 10; i++) {
    const silent = await w.stranger(`silent ${i}`)
    // One says nothing, one says half, one is thought about, and one never lets our own stream be opened.
    await silent.newStream()
    await halfOpen(silent)
    const thought = await silent.newStream()
    thought.send(encodePreamble(text('think'), encodeCredit(16_384)))
    const back = silent.back
    back.gate = new Promise(() => {})
    void w.acceptor.mux.openChannel(back.asConnection, 'ok').catch(() => {})
  }
  await turns()
  expect(w.acceptor.mux.stats().parked).toBe(30)
  // No timer has moved: nobody waited for anybody's deadline.
  for (const connection of [w.connection, await w.stranger('late')]) {
    const stream = await connection.newStream()
    const recorder = new Recorder(stream)
    stream.send(encodePreamble(text('ok'), encodeCredit(16_384)))
    expect((await recorder.atLeast(1))[0]).toBe(0)
  }
})

describe('handlers', () => {
  test('that pass on how their channel ended have not failed', async () => {
    const w = await world()
    w.acceptor.mux.handleChannel('read', async channel => {
      await drain(channel)
    })
    const channel = await openChannel(w, 'read')
    channel.abort(new Error('no more'))
    await until(() => w.acceptor.mux.stats().channels === 0)
    await turns()
    expect(w.acceptor.mux.stats()).toMatchObject({ handlersFailed: 0, channelsTruncated: 1 })
  })
})

describe('opening', () => {
  test('needs a running mux and an open connection', async () => {
    const w = await world()
    const { mux, peerId } = w.dialler
    await expect(mux.open(w.acceptor.peerId, 'a')).rejects.toThrow(NotConnectedError)
    await w.connection.close()
    await expect(mux.openChannel(w.connection.asConnection, 'a')).rejects.toThrow(NotConnectedError)
    await mux.stop()
    await mux.stop()
    await expect(mux.open(peerId, 'a')).rejects.toThrow(MuxStoppedError)
  })

  test('heeds the signal, before, during and after', async () => {
    const w = await world()
    w.acceptor.mux.handleChannel('think', () => {}, { accept: () => new Promise(() => {}) })
    await expect(openChannel(w, 'think', AbortSignal.abort(new Error('before')))).rejects.toThrow('before')
    const controller = new AbortController()
    const opening = openChannel(w, 'think', controller.signal)
    await until(() => w.acceptor.mux.stats().parked === 1)
    controller.abort(new Error('during'))
    await expect(opening).rejects.toThrow('during')
    await turns()
    expect(w.dialler.mux.stats().channels).toBe(0)
    w.acceptor.mux.handleChannel('ok', channel => void channel.send(text('fine')))
    const late = new AbortController()
    const channel = await openChannel(w, 'ok', late.signal)
    late.abort(new Error('after'))
    expect(await receive(channel)).toEqual(text('fine'))
  })

  test('has a deadline of its own, and closes what libp2p brings after it', async () => {
    const w = await world({ openTimeoutMs: 2000, outboundStreamsMax: 1 })
    w.acceptor.mux.handleChannel('ok', () => {})
    let openGate: () => void = () => {}
    w.connection.gate = new Promise(resolve => (openGate = resolve))
    const opening = openChannel(w, 'ok')
    w.timers.advance(2000)
    await expect(opening).rejects.toThrow(OpenTimeoutError)
    // The attempt is over for the caller, but its stream may still come and take a place.
    const waiting = openChannel(w, 'ok')
    w.timers.advance(2000)
    await expect(waiting).rejects.toMatchObject({ name: 'StreamLimitError', limit: 1 })
    openGate()
    await turns()
    expect(w.connection.opened.length).toBe(1)
    await until(() => w.dialler.mux.stats().streams.outbound === 0)
    expect(w.acceptor.mux.stats()).toMatchObject({ accepted: 0, refused: { malformed: 1 }, parked: 0 })
    w.connection.gate = undefined
    await openChannel(w, 'ok')
  })

  test('fails with the connection, with a stop, and with an acceptor that says nothing', async () => {
    const w = await world()
    w.acceptor.mux.handleChannel('think', () => {}, { accept: () => new Promise(() => {}) })
    const stopped = openChannel(w, 'think')
    await until(() => w.acceptor.mux.stats().parked === 1)
    const stopping = w.dialler.mux.stop()
    await expect(stopped).rejects.toThrow(MuxStoppedError)
    await turns()
    w.timers.advance(1000)
    await stopping
    await w.dialler.mux.start()
    const lost = openChannel(w, 'think')
    await until(() => w.acceptor.mux.stats().parked === 1)
    await w.connection.close()
    await expect(lost).rejects.toThrow(StreamLostError)
  })

  test('fails when the first byte is no status, or the first grant no window', async () => {
    const w = await world()
    const answers: Uint8Array[] = [
      Uint8Array.of(77),
      Uint8Array.of(0, 3, 0, 0, 4, 0, 0, 0, 1),
      Uint8Array.of(0, 1, 0, 0, 4, 0, 0, 0, 1)
    ]
    for (const answer of answers) {
      const impostor: InMemoryHost = {
        ...w.acceptor,
        handler: () => (stream: Stream) => void stream.send(answer)
      }
      const [connection] = InMemoryConnection.pair(w.dialler, impostor, { manner: 'quic' })
      await expect(w.dialler.mux.openChannel(connection.asConnection, 'x')).rejects.toThrow(StreamLostError)
    }
  })
})

describe('the service', () => {
  test('names itself, and takes what libp2p gives', async () => {
    const registrations: unknown[] = []
    const components = {
      registrar: {
        handle: async (...args: unknown[]) => void registrations.push(args),
        unhandle: async (protocol: string) => void registrations.push(protocol)
      },
      connectionManager: { getConnections: (): Connection[] => [] }
    }
    const service = mux({ windowBytes: 65_536 })(components)
    expect((service as unknown as Record<symbol, unknown>)[serviceCapabilities]).toEqual(['@starling/mux'])
    await service.start()
    await service.start()
    await service.stop()
    expect(registrations).toEqual([
      [
        '/starling/mux/2',
        expect.any(Function),
        { maxInboundStreams: 96, maxOutboundStreams: 96, runOnLimitedConnection: false }
      ],
      '/starling/mux/2'
    ])
    for (const init of [
      { parkedMax: 0 },
      { windowBytes: 1.5 },
      { windowBytes: 1 },
      { outboundStreamsMax: 96 },
      // The platform's timers take no longer delay, and fire at once instead.
      { preambleTimeoutMs: Infinity },
      { closeTimeoutMs: 2 ** 31 },
      { openTimeoutMs: 2 ** 30 }
    ]) {
      expect(() => createMux(components, init), JSON.stringify(init)).toThrow(RangeError)
    }
  })
})
