import { describe, expect, test } from 'vitest'
import {
  CHANNEL_QUEUE_BYTES,
  ConnectionNetwork,
  createSimulation,
  type ConnectionNetworkInit,
  type SimChannel,
  type SimConnection,
  type SimHost,
  type Simulation
} from '../src/index.ts'

const host = { hop: () => new Promise<void>(resolve => setImmediate(resolve)) }

interface World {
  readonly simulation: Simulation
  readonly network: ConnectionNetwork<string>
  readonly hosts: SimHost<string>[]
  /** What happened to connections, in order. */
  readonly story: string[]
  /** Resolves after so much virtual time. */
  sleep(ms: number): Promise<void>
  connect(from?: number, to?: number): Promise<SimConnection<string>>
  run<T>(program: () => Promise<T>): Promise<T>
}

function world(init: ConnectionNetworkInit = {}, seed = 1, size = 3): World {
  const simulation = createSimulation({ seed })
  const network = new ConnectionNetwork<string>(simulation, { latencyMs: { min: 10, max: 10 }, ...init })
  const story: string[] = []
  const hosts = Array.from({ length: size }, (_, i) => network.attach(`p${i}`, `/sim/${i}`))
  for (const { index } of hosts) watch(index)
  function watch(index: number): void {
    const note = (event: { type: string; detail: SimConnection<string> }): void => {
      const at = Math.round(simulation.nowMs)
      story.push(
        `${at} ${index} ${event.type.slice(11)} ${event.detail.remotePeer} ${event.detail.direction}`
      )
    }
    network.host(index).addEventListener('connection:open', note)
    network.host(index).addEventListener('connection:close', note)
  }
  return {
    simulation,
    network,
    hosts,
    story,
    sleep: ms => new Promise(resolve => void simulation.schedule(ms, resolve)),
    connect: (from = 0, to = 1) => network.host(from).openConnection(`/sim/${to}/p2p/p${to}`),
    run: program => simulation.runAsync(program, host, 1_000_000)
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (message: Uint8Array): string => new TextDecoder().decode(message)

/** What a promise came to. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    value => value,
    (error: unknown) => error
  )
}

async function readAll(channel: SimChannel): Promise<string[]> {
  const got: string[] = []
  for await (const message of channel) got.push(text(message))
  return got
}

describe('a dial', () => {
  test('connects after a round trip, and the other end half a one later; both see the proven identity', async () => {
    const { run, connect, sleep, story, hosts } = world()
    await run(async () => {
      const connection = await connect()
      expect(connection).toMatchObject({
        status: 'open',
        direction: 'outbound',
        remotePeer: 'p1',
        remoteAddr: '/sim/1'
      })
      expect(hosts[0]?.getConnections('p1')).toEqual([connection])
      expect(hosts[0]?.getConnections('p2')).toEqual([])
      await sleep(100)
    })
    expect(story).toEqual(['20 0 open p1 outbound', '30 1 open p0 inbound'])
  })

  test('is refused where it is told to be, where another peer lives and where too many come at once', async () => {
    const { run, network, hosts, connect, sleep } = world({ inboundPerSecondMax: 2 })
    await run(async () => {
      network.setDialOutcome(() => 'refuse')
      expect(await outcome(connect())).toMatchObject({ name: 'DialFailedError', address: '/sim/1/p2p/p1' })
      network.setDialOutcome(undefined)
      expect(String(await outcome((hosts[0] as SimHost<string>).openConnection('/sim/1/p2p/p2')))).toContain(
        'another peer is there'
      )
      await sleep(1_000)
      const results = await Promise.all([connect(), connect(2), connect(), connect(2)].map(outcome))
      expect(results.map(result => result instanceof Error)).toEqual([false, false, true, true])
      await sleep(1_000)
      expect(await outcome(connect())).toMatchObject({ status: 'open' })
    })
  })

  test.each(['told to', 'down', 'unknown'])(
    'hangs until it is given up where the target is %s',
    async why => {
      const { run, network, hosts, simulation } = world()
      if (why === 'told to') network.setDialOutcome(() => 'hang')
      if (why === 'down') network.crash(1)
      const address = why === 'unknown' ? '/sim/9' : '/sim/1'
      await run(async () => {
        const giveUp = new AbortController()
        simulation.schedule(5_000, () => giveUp.abort(new Error('gave up')))
        const result = await outcome(
          (hosts[0] as SimHost<string>).openConnection(address, { signal: giveUp.signal })
        )
        expect(String(result)).toContain('gave up')
        expect(simulation.nowMs).toBe(5_000)
      })
    }
  )

  test('from both sides at once makes two connections, and through a cut that heals it comes late', async () => {
    const { run, connect, network, sleep, simulation } = world()
    await run(async () => {
      await Promise.all([connect(0, 1), connect(1, 0)])
      await sleep(100)
      expect(network.host(0).getConnections()).toHaveLength(2)
      network.partition((from, to) => from + to === 2)
      simulation.schedule(1_500, () => network.partition(undefined))
      await connect(0, 2)
      expect(simulation.nowMs).toBeGreaterThan(1_600)
    })
  })
})

describe('a connection', () => {
  test('closed by one end is closed at the other a delay later; closing again changes nothing', async () => {
    const { run, connect, sleep, story } = world()
    await run(async () => {
      const connection = await connect()
      await sleep(80)
      await connection.close()
      await connection.close()
      connection.abort(new Error('too late'))
      expect(connection.status).toBe('closed')
      await sleep(100)
    })
    expect(story.slice(2)).toEqual(['100 0 close p1 outbound', '110 1 close p0 inbound'])
  })

  test('over which nothing passes dies at both ends after the idle time, not at the same moment', async () => {
    const { run, connect, network, sleep, story, simulation } = world({ idleMs: 10_000 })
    await run(async () => {
      await connect()
      await sleep(80)
      network.partition(() => true)
      await sleep(9_900)
      network.partition(undefined)
      await sleep(200)
      expect(story).toHaveLength(2)
      network.partition(() => true)
      await sleep(30_000)
    })
    const deaths = story.slice(2).map(line => Number(line.split(' ')[0]) - 10_200)
    expect(deaths).toHaveLength(2)
    for (const death of deaths) {
      expect(death).toBeGreaterThanOrEqual(10_000)
      expect(death).toBeLessThanOrEqual(12_000)
    }
    expect(deaths[0]).not.toBe(deaths[1])
    expect(simulation.nowMs).toBeGreaterThan(30_000)
  })

  test('cut in one direction dies at the deaf end first, and at the other an idle time after that', async () => {
    const { run, connect, network, sleep, story } = world({ idleMs: 10_000 })
    await run(async () => {
      await connect()
      await sleep(80)
      network.partition((from, to) => from === 0 && to === 1)
      await sleep(60_000)
    })
    const [deaf, dumb] = story.slice(2).map(line => line.split(' '))
    expect(deaf?.[1]).toBe('1')
    expect(Number(deaf?.[0])).toBeLessThanOrEqual(12_100)
    expect(dumb?.[1]).toBe('0')
    // The deaf end could still say that it closes: its own direction is open.
    expect(Number(dumb?.[0]) - Number(deaf?.[0])).toBeGreaterThanOrEqual(10_000)
  })

  test('that one end has forgotten lives on at the other, which sends into nothing, until it is idle', async () => {
    const { run, connect, network, sleep, story, hosts } = world({ idleMs: 10_000 })
    await run(async () => {
      hosts[1]?.handleChannel('t', channel => readAll(channel).then(() => {}))
      const connection = await connect()
      const channel = await network.host(0).openChannel(connection, 't')
      network.halve(1, 0)
      expect(channel.send(bytes('into nothing'))).toBe(true)
      await sleep(9_000)
      expect(connection.status).toBe('open')
      await sleep(4_000)
      expect(connection.status).toBe('aborted')
      expect(await outcome(channel.drained())).toMatchObject({ name: 'ChannelClosedError' })
    })
    expect(story.at(-1)).toContain('0 close p1')
  })

  test('with a crashed process is idle; with the next one it is a new connection', async () => {
    const { run, connect, network, sleep, story } = world({ idleMs: 10_000 })
    await run(async () => {
      const old = await connect()
      await sleep(80)
      network.crash(1)
      network.crash(1)
      network.restart(1)
      const fresh = await connect()
      await sleep(13_000)
      expect(old.status).toBe('aborted')
      expect(fresh.status).toBe('open')
    })
    expect(story.filter(line => line.includes('close'))).toHaveLength(1)
    expect(() => network.restart(1)).toThrow(RangeError)
  })

  test('of a paused process outlives a short pause and no long one; what came meanwhile comes in a burst', async () => {
    const { run, connect, network, sleep, story, hosts, simulation } = world({ idleMs: 10_000 })
    await run(async () => {
      const got: [string, number][] = []
      hosts[1]?.handleChannel('t', async channel => {
        for await (const message of channel) got.push([text(message), simulation.nowMs])
      })
      const connection = await connect()
      const channel = await network.host(0).openChannel(connection, 't')
      network.pause(1)
      for (const word of ['a', 'b']) channel.send(bytes(word))
      await sleep(5_000)
      expect(got).toEqual([])
      network.resume(1)
      const resumedMs = simulation.nowMs
      await sleep(100)
      expect(got).toEqual([
        ['a', resumedMs],
        ['b', resumedMs]
      ])
      network.pause(1)
      await sleep(13_000)
      expect(story.filter(line => line.includes('close'))).toHaveLength(1)
      network.resume(1)
      await sleep(100)
      expect(story.filter(line => line.includes('close'))).toHaveLength(2)
      expect(await outcome(Promise.resolve(connection.status))).toBe('aborted')
    })
  })

  test('lets whoever taps it notice what arrives, until the tap is taken away', async () => {
    const { run, connect, hosts, sleep } = world()
    const [a, b] = hosts as [SimHost<string>, SimHost<string>]
    await run(async () => {
      b.handleChannel('t', channel => readAll(channel).then(() => {}))
      const channel = await a.openChannel(await connect(), 't')
      const [tap] = b.getConnections()[0]?.streams ?? []
      let heard = 0
      const listener = (): void => void heard++
      tap?.addEventListener('message', listener)
      expect(tap?.listenerCount('message')).toBe(2)
      channel.send(bytes('x'))
      await sleep(50)
      expect(heard).toBe(1)
      tap?.removeEventListener('message', listener)
      channel.send(bytes('y'))
      await sleep(50)
      expect(heard).toBe(1)
    })
  })

  test('that is reset ends at both ends at once', async () => {
    const { run, connect, network, sleep, story } = world()
    await run(async () => {
      await connect()
      await sleep(80)
      network.reset(1, 0)
    })
    expect(story.slice(2)).toEqual(['100 0 close p1 outbound', '100 1 close p0 inbound'])
  })
})

describe('a channel', () => {
  test('carries messages in order, each end ends on its own, and END is acknowledged after the last was dealt with', async () => {
    const { run, connect, hosts, sleep } = world()
    await run(async () => {
      const served: string[][] = []
      hosts[1]?.handleChannel('echo', async (channel, info) => {
        expect(info).toMatchObject({ peer: 'p0', tag: 'echo' })
        served.push(await readAll(channel))
        channel.send(bytes('thanks'))
        await channel.end()
      })
      const channel = await (hosts[0] as SimHost<string>).openChannel(await connect(), 'echo')
      for (let i = 0; i < 100; i++) channel.send(bytes(String(i)))
      await channel.end()
      expect(served).toEqual([Array.from({ length: 100 }, (_, i) => String(i))])
      expect(await readAll(channel)).toEqual(['thanks'])
      await channel.closed
      await channel.end()
      expect(() => channel.send(bytes('more'))).toThrow(
        expect.objectContaining({ name: 'ChannelClosedError' })
      )
      await sleep(100)
    })
  })

  test('is refused for an unknown tag, by a rule, by one that throws, and lost with its connection', async () => {
    const { run, connect, hosts, network } = world()
    const [a, b] = hosts as [SimHost<string>, SimHost<string>]
    await run(async () => {
      const connection = await connect()
      b.handleChannel('closed', () => {}, { accept: () => 'closing' })
      b.handleChannel('later', () => {}, { accept: () => Promise.resolve('timeout' as const) })
      b.handleChannel('faulty', () => {}, { accept: () => Promise.reject(new Error('oops')) })
      for (const [tag, reason] of [
        ['nothing', 'unknownTag'],
        ['closed', 'closing'],
        ['later', 'timeout'],
        ['faulty', 'busy']
      ] as const) {
        expect(await outcome(a.openChannel(connection, tag))).toMatchObject({
          name: 'StreamRefusedError',
          reason
        })
      }
      const opening = outcome(a.openChannel(connection, 'closed'))
      network.reset(0, 1)
      expect(await opening).toMatchObject({ name: 'StreamLostError' })
      expect(await outcome(a.openChannel(connection, 'closed'))).toMatchObject({ name: 'StreamLostError' })
    })
  })

  test('given up while it is opened reaches the handler, whose reader finds it truncated', async () => {
    const { run, connect, hosts, sleep } = world()
    const [a, b] = hosts as [SimHost<string>, SimHost<string>]
    await run(async () => {
      const seen: unknown[] = []
      b.handleChannel('t', async channel => void seen.push(await outcome(readAll(channel))))
      const giveUp = new AbortController()
      const opening = outcome(a.openChannel(await connect(), 't', { signal: giveUp.signal }))
      giveUp.abort(new Error('changed my mind'))
      expect(String(await opening)).toContain('changed my mind')
      await sleep(100)
      expect(seen).toMatchObject([{ name: 'ChannelTruncatedError', reason: 'aborted' }])
    })
  })

  test('a tag has one handler; disposing of it frees the tag and no other', () => {
    const { hosts } = world()
    const [a] = hosts as [SimHost<string>]
    const registration = a.handleChannel(['x', 'y'], () => {})
    expect(() => a.handleChannel('y', () => {})).toThrow(expect.objectContaining({ name: 'TagTakenError' }))
    registration.dispose()
    a.handleChannel('y', () => {})
    registration.dispose()
    expect(() => a.handleChannel('y', () => {})).toThrow(expect.objectContaining({ name: 'TagTakenError' }))
  })

  test('whose reader does not read holds the sender at the window, and goes on when it reads', async () => {
    const { run, connect, hosts, sleep } = world()
    const [a, b] = hosts as [SimHost<string>, SimHost<string>]
    await run(async () => {
      let go: () => void = () => {}
      const waiting = new Promise<void>(resolve => (go = resolve))
      let received = 0
      b.handleChannel(
        't',
        async channel => {
          await waiting
          for await (const message of channel) received += message.length
        },
        { windowBytes: 65_536 }
      )
      const channel = await a.openChannel(await connect(), 't')
      expect(channel.messageBytesMax).toBe(65_536 - 128)
      expect(() => channel.send(new Uint8Array(65_536))).toThrow(RangeError)
      let sent = 0
      const fill = (): boolean => {
        sent += 60_000
        return channel.send(new Uint8Array(60_000))
      }
      while (fill()) {}
      await sleep(1_000)
      expect(channel.queuedBytes).toBe(sent - 60_000)
      expect(channel.queuedBytes).toBeGreaterThanOrEqual(CHANNEL_QUEUE_BYTES)
      const drained = channel.drained()
      expect(await Promise.race([drained.then(() => 'drained'), sleep(5_000).then(() => 'still full')])).toBe(
        'still full'
      )
      go()
      await drained
      await channel.end()
      expect(received).toBe(sent)
    })
  })

  test('a full queue that is not heeded is an error, and nothing is queued', async () => {
    const { run, connect, hosts } = world()
    const [a, b] = hosts as [SimHost<string>, SimHost<string>]
    await run(async () => {
      b.handleChannel('t', () => {}, { windowBytes: 16_384 })
      const channel = await a.openChannel(await connect(), 't')
      const fill = (): void => {
        for (let i = 0; i < 1_000; i++) channel.send(new Uint8Array(16_000))
      }
      expect(fill).toThrow(expect.objectContaining({ name: 'ChannelQueueFullError' }))
      expect(channel.queuedBytes).toBeLessThan(2 * CHANNEL_QUEUE_BYTES + 16_000)
    })
  })

  test('to a host whose credits are held back stalls until they are let go', async () => {
    const { run, connect, hosts, network, sleep } = world()
    const [a, b] = hosts as [SimHost<string>, SimHost<string>]
    await run(async () => {
      let received = 0
      b.handleChannel(
        't',
        async channel => {
          for await (const _ of channel) received++
        },
        { windowBytes: 16_384 }
      )
      const channel = await a.openChannel(await connect(), 't')
      network.setStalled(reader => reader === 1)
      for (let i = 0; i < 10; i++) channel.send(new Uint8Array(8_000))
      await sleep(60_000)
      expect(received).toBe(2)
      network.setStalled(undefined)
      await sleep(1_000)
      expect(received).toBe(10)
    })
  })

  test('aborted by one end is truncated at the other; what had come is still read', async () => {
    const { run, connect, hosts, sleep } = world()
    const [a, b] = hosts as [SimHost<string>, SimHost<string>]
    await run(async () => {
      const taken: SimChannel[] = []
      b.handleChannel('t', channel => void taken.push(channel))
      const channel = await a.openChannel(await connect(), 't')
      channel.send(bytes('one'))
      await sleep(50)
      channel.abort(new Error('enough'))
      channel.abort(new Error('again'))
      expect(await outcome(channel.end())).toMatchObject({ name: 'ChannelClosedError' })
      expect(String(await outcome(readAll(channel)))).toContain('enough')
      await sleep(50)
      const reader = (taken[0] as SimChannel)[Symbol.asyncIterator]()
      expect((await reader.next()).value).toEqual(bytes('one'))
      expect(await outcome(reader.next())).toMatchObject({ name: 'ChannelTruncatedError', reason: 'aborted' })
      await taken[0]?.closed
    })
  })

  test('a loop left early leaves the channel alone; two readers at once are one too many', async () => {
    const { run, connect, hosts } = world()
    const [a, b] = hosts as [SimHost<string>, SimHost<string>]
    await run(async () => {
      b.handleChannel('t', channel => {
        for (const word of ['one', 'two']) channel.send(bytes(word))
        void channel.end().catch(() => {})
      })
      const channel = await a.openChannel(await connect(), 't')
      for await (const message of channel) {
        expect(text(message)).toBe('one')
        break
      }
      expect(await readAll(channel)).toEqual(['two'])
      const other = await a.openChannel(await connect(), 't')
      const reader = other[Symbol.asyncIterator]()
      await reader.next()
      await reader.next()
      const last = reader.next()
      expect(await last).toEqual({ done: true, value: undefined })
      expect(await reader.next()).toEqual({ done: true, value: undefined })
    })
  })

  test('keeps its order while packets overtake each other; another channel does not wait for it', async () => {
    const { run, connect, hosts, network, sleep } = world({}, 5)
    const [a, b] = hosts as [SimHost<string>, SimHost<string>]
    await run(async () => {
      const got = new Map<string, string[]>()
      b.handleChannel(['x', 'y'], async channel => {
        const list: string[] = []
        got.set(channel.tag, list)
        for await (const message of channel) list.push(text(message))
      })
      const connection = await connect()
      const [x, y] = await Promise.all([a.openChannel(connection, 'x'), a.openChannel(connection, 'y')])
      network.setExtraDelay(() => 500)
      x.send(bytes('1'))
      network.setExtraDelay(undefined)
      x.send(bytes('2'))
      y.send(bytes('1'))
      await sleep(100)
      expect(got.get('x')).toEqual([])
      expect(got.get('y')).toEqual(['1'])
      await sleep(500)
      expect(got.get('x')).toEqual(['1', '2'])
      network.setLoss(0.5)
      for (let i = 3; i < 50; i++) x.send(bytes(String(i)))
      await sleep(30_000)
      expect(got.get('x')).toEqual(['1', '2', ...Array.from({ length: 47 }, (_, i) => String(i + 3))])
    })
  })

  test('takes as long as its host’s bandwidth makes it', async () => {
    const { run, connect, hosts, simulation } = world({ bytesPerSecond: 100_000 })
    const [a, b] = hosts as [SimHost<string>, SimHost<string>]
    await run(async () => {
      b.handleChannel('t', channel => readAll(channel).then(() => {}))
      const channel = await a.openChannel(await connect(), 't')
      const startMs = simulation.nowMs
      for (let i = 0; i < 20; i++) channel.send(new Uint8Array(10_000))
      await channel.end()
      expect(simulation.nowMs - startMs).toBeGreaterThan(2_000)
      expect(simulation.nowMs - startMs).toBeLessThan(2_100)
    })
  })
})

describe('a run on connections', () => {
  test('with one seed has one trace, with another another', async () => {
    const trace = async (seed: number): Promise<string> => {
      const { run, connect, hosts, simulation, network, sleep } = world(
        { latencyMs: { min: 10, max: 50 }, loss: 0.2 },
        seed
      )
      const [a, b] = hosts as [SimHost<string>, SimHost<string>]
      await run(async () => {
        b.handleChannel('t', channel => readAll(channel).then(() => {}))
        const channel = await a.openChannel(await connect(), 't')
        for (let i = 0; i < 20; i++) channel.send(bytes(String(i)))
        await channel.end()
        network.crash(1)
        await sleep(20_000)
      })
      return simulation.trace.hash
    }
    const [first, again, other] = [await trace(1), await trace(1), await trace(2)]
    expect(first).toBe(again)
    expect(first).not.toBe(other)
  })

  test('refuses what cannot be: a taken address, an unknown host, a loss of everything', () => {
    const { network } = world()
    expect(() => network.attach('p9', '/sim/0')).toThrow(RangeError)
    expect(() => network.host(7)).toThrow(RangeError)
    expect(() => network.setLoss(1)).toThrow(RangeError)
  })
})
