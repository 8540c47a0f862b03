import { describe, expect, test } from 'vitest'
import { systemHmac } from '@starling/ports/system'
import { SYNC_TAG, type FramedChannel } from '../src/index.ts'
import { topicToken } from '../src/token.ts'
import { encodeHello } from '../src/wire.ts'
import { FakeNetwork } from './fake-network.ts'
import { DONE, closeAll, protocol, testNode, type TestNode } from './fixtures.ts'

/** A hand-driven peer that has just been accepted for a round on topic `t` of node `b`. */
async function mallory(network: FakeNetwork, topic = 't'): Promise<FramedChannel> {
  const opening = network.node('mallory').sessions()[0]?.openChannel(SYNC_TAG)
  await network.time.advance(10)
  const channel = await opening
  if (channel === undefined) throw new Error('no channel')
  channel.send(encodeHello(topicToken(systemHmac, topic, 'mallory', 'b')))
  const reply = channel[Symbol.asyncIterator]().next()
  await network.time.advance(10)
  expect((await reply).value).toEqual(Uint8Array.of(2, 0))
  return channel
}

const hangs = protocol(
  (_exchange, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error))
    })
)

/** `b` has a round with `c` under way, and mallory is connected. */
async function busyNode(network: FakeNetwork, init = {}): Promise<readonly [TestNode, TestNode]> {
  const [b, c] = [testNode(network, 'b', ['c'], init), testNode(network, 'c', ['b'], init)]
  b.open('t', hangs)
  c.open('t', hangs)
  network.connect('b', 'c')
  network.connect('mallory', 'b')
  await network.time.advance(50)
  return [b, c]
}

describe('a peer that breaks the rules', () => {
  test.each<[string, (channel: FramedChannel) => void, string]>([
    ['an end in the middle', channel => channel.abort(new Error('gone')), 'peerFailed'],
    ['silence', () => {}, 'stalled']
  ])('%s ends its round with the reason, and nobody else’s', async (_name, break_, reason) => {
    const network = new FakeNetwork()
    const [b, c] = await busyNode(network, { roundStallMs: 60_000 })
    const channel = await mallory(network)
    await network.time.advance(1_000)
    break_(channel)
    await network.time.advance(reason === 'stalled' ? 59_500 : 10)
    expect(b.rounds.filter(event => event.peer === 'mallory')).toMatchObject([{ error: { reason } }])
    if (reason !== 'stalled') expect(network.openChannels('b', 'c')).toBe(1)
    await closeAll(network, b, c)
  })

  test('rounds that come to nothing again and again wait longer each time, whoever starts them', async () => {
    const network = new FakeNetwork()
    const [b, c] = [testNode(network, 'b', ['c']), testNode(network, 'c', ['b'])]
    let rounds = 0
    let isVain = true
    const vain = protocol(async () => {
      rounds++
      return { complete: true, entriesSent: 0, entriesReceived: 100, vain: isVain }
    })
    const lies = protocol(async () => DONE)
    b.open('t', vain)
    const liar = c.open('t', lies)
    network.connect('b', 'c')
    for (let second = 0; second < 600; second++) {
      liar.reconcile('b')
      await network.time.advance(1_000)
    }
    // Without waiting there would be one a second.
    expect(rounds).toBeGreaterThan(3)
    expect(rounds).toBeLessThan(15)
    expect(b.sync.stats().refused.busy).toBeGreaterThan(50)
    // One that is worth something ends it.
    isVain = false
    await network.time.advance(400_000)
    rounds = 0
    for (let second = 0; second < 60; second++) {
      liar.reconcile('b')
      await network.time.advance(1_000)
    }
    expect(rounds).toBeGreaterThan(50)
    await closeAll(network, b, c)
  })

  test('rounds that come to nothing leave no timer, in whatever turn the topic is closed', async () => {
    for (let timer = 0; timer < 6; timer++) {
      for (let turns = 0; turns < 8; turns++) expect(await timersAfterClose(timer, turns)).toBe(0)
    }
  })

  test('what comes after our protocol has returned is dropped, up to a limit', async () => {
    const network = new FakeNetwork()
    const b = testNode(network, 'b', [], { strayMessagesMax: 100 })
    b.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('mallory', 'b')
    for (const count of [100, 102]) {
      const channel = await mallory(network)
      for (let i = 0; i < count; i++) channel.send(new Uint8Array(10))
      if (count === 100) void channel.end()
      await network.time.advance(100)
    }
    expect(b.rounds).toMatchObject([{ peer: 'mallory', outcome: DONE }, { error: { reason: 'peerFailed' } }])
    await network.time.advance(2_000)
    expect(network.openChannels('b', 'mallory')).toBe(0)
    await closeAll(network, b)
  })

  test('the next round may follow at once on the end of the one before, however that ended', async () => {
    const network = new FakeNetwork()
    const b = testNode(network, 'b')
    let running = 0
    let overlaps = 0
    let calls = 0
    b.open(
      't',
      protocol(async (_exchange, { signal }) => {
        const kind = ++calls % 3
        if (++running > 1) overlaps++
        try {
          if (kind === 0) throw new Error('defect')
          // Comes to rest a while after its signal.
          if (kind === 1) await new Promise<void>(resolve => void network.time.schedule(50, resolve))
          signal.throwIfAborted()
          return DONE
        } finally {
          running--
        }
      })
    )
    network.connect('mallory', 'b')
    for (let number = 1; number <= 30; number++) {
      const opening = network.node('mallory').sessions()[0]?.openChannel(SYNC_TAG)
      await network.time.advance(10)
      const channel = await opening
      channel?.send(encodeHello(topicToken(systemHmac, 't', 'mallory', 'b')))
      await network.time.advance(number % 3 === 1 ? 5 : 120)
      // The first of three is given up by its starter, the second ends well, the third has failed at the other end.
      if (number % 3 === 1) channel?.abort(new Error('enough'))
      else if (number % 3 === 2) void channel?.end()
      // After a defect on our side the peer has to wait for a while.
      if (number % 3 === 0) await network.time.advance(2_000)
    }
    await network.time.advance(1_000)
    expect(calls).toBe(30)
    expect(overlaps).toBe(0)
    expect(b.rounds.map(event => event.outcome?.complete ?? event.error?.message).slice(0, 3)).toEqual([
      expect.stringContaining('peerFailed'),
      true,
      'defect'
    ])
    expect(b.rounds.length).toBe(30)
    await closeAll(network, b)
  })

  test('whose round broke the protocol’s rules waits for the next, longer each time, and costs nobody else', async () => {
    const network = new FakeNetwork()
    const b = testNode(network, 'b')
    let calls = 0
    const strict = protocol(() => {
      calls++
      return Promise.reject(new Error('it broke the rules'))
    })
    b.open('t', strict)
    b.open(
      'u',
      protocol(async () => DONE)
    )
    network.connect('mallory', 'b')
    for (let i = 0; i < 500; i++) {
      const opening = network.node('mallory').sessions()[0]?.openChannel(SYNC_TAG)
      await network.time.advance(50)
      const channel = await opening
      channel?.send(encodeHello(topicToken(systemHmac, 't', 'mallory', 'b')))
      await network.time.advance(50)
      channel?.abort(new Error('again'))
    }
    // 50 seconds: after 0, 2, 6, 14, 30 at most, the upper half of each wait drawn.
    expect(calls).toBeGreaterThan(3)
    expect(calls).toBeLessThanOrEqual(7)
    expect(b.sync.stats().refused.busy).toBeGreaterThan(400)
    await mallory(network, 'u')
    await closeAll(network, b)
  })

  test('has so many rounds running with us and no more, over all topics', async () => {
    const network = new FakeNetwork()
    const b = testNode(network, 'b', [], { inboundRoundsPerPeerMax: 3 })
    for (const topic of ['t', 'u', 'v', 'w']) b.open(topic, hangs)
    network.connect('mallory', 'b')
    for (const topic of ['t', 'u', 'v']) await mallory(network, topic)
    await expect(mallory(network, 'w')).rejects.toThrow()
    expect(b.sync.stats()).toMatchObject({ roundsRunning: 3, refused: { busy: 1 } })
    await closeAll(network, b)
  })
})

test('a peer that goes while its offer waits for a round to rest does not cost us our own next try', async () => {
  const network = new FakeNetwork()
  const a = testNode(network, 'a', ['mallory'], { reconcileIntervalMs: 3_600_000, graceMs: 3_600_000 })
  a.open(
    't',
    protocol(
      (_exchange, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        })
    )
  )
  const mallory = network.node('mallory')
  let offers = 0
  mallory.handleChannel(SYNC_TAG, () => void offers++)
  network.connect('a', 'mallory')
  const offer = async (): Promise<FramedChannel | undefined> => {
    const opening = mallory.sessions()[0]?.openChannel(SYNC_TAG)
    await network.time.advance(10)
    const channel = await opening
    channel?.send(encodeHello(topicToken(systemHmac, 't', 'mallory', 'a')))
    await network.time.advance(10)
    return channel
  }
  const first = await offer()
  expect(a.sync.stats().roundsRunning).toBe(1)
  const second = await offer()
  second?.abort(new Error('gone'))
  await network.time.advance(10)
  first?.abort(new Error('gone'))
  await network.time.advance(60_000)
  expect(offers).toBeGreaterThan(0)
  await closeAll(network, a)
})

/** Closes a topic so many turns after one of the timers that follow the start of the second round in vain. */
async function timersAfterClose(timer: number, turns: number): Promise<number> {
  const network = new FakeNetwork()
  const init = { backoffMsMin: 100_000, backoffMsMax: 400_000 }
  const [b, c] = [testNode(network, 'b', ['c'], init), testNode(network, 'c', ['b'])]
  let rounds = 0
  let timers = 0
  const schedule = network.time.schedule.bind(network.time)
  network.time.schedule = (delayMs, run) =>
    schedule(delayMs, () => {
      run()
      if (rounds === 2 && timers++ === timer) void closeLater()
    })
  const vain = protocol(async () => {
    rounds++
    return { complete: true, entriesSent: 0, entriesReceived: 100, vain: true }
  })
  const handle = b.open('t', vain)
  const liar = c.open(
    't',
    protocol(async () => DONE)
  )
  const closeLater = async (): Promise<void> => {
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    await handle.close()
  }
  network.connect('b', 'c')
  for (let second = 0; second < 4; second++) {
    liar.reconcile('b')
    await network.time.advance(1_000)
  }
  await Promise.all([b.sync.close(), c.sync.close(), network.time.advance(20_000)])
  return network.time.pending
}
