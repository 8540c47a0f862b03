import { describe, expect, test } from 'vitest'
import type { SyncOutcome } from '../src/index.ts'
import { FakeNetwork } from './fake-network.ts'
import { DONE, closeAll, pair, protocol, testNode } from './fixtures.ts'
import { WholeSet } from './protocols.ts'

describe('rounds', () => {
  test('started by both ends at the same moment, one runs and none overlap', async () => {
    for (let seed = 0; seed < 100; seed++) {
      const { network, a, b } = pair(seed)
      network.latencyMs = () => network.random.below(20)
      const running = { a: 0, b: 0 }
      let overlaps = 0
      const counting = (name: 'a' | 'b', set: WholeSet): ReturnType<typeof protocol> =>
        protocol(async exchange => {
          if (++running[name] > 1) overlaps++
          try {
            return await set.reconcile(exchange)
          } finally {
            running[name]--
          }
        })
      const [left, right] = [new WholeSet(), new WholeSet()]
      const handles = [a.open('t', counting('a', left)), b.open('t', counting('b', right))]
      network.connect('a', 'b')
      await network.time.advance(500)
      left.write('x')
      right.write('y')
      for (const handle of handles) handle.reconcile()
      await network.time.advance(1_000)
      expect(left.state()).toEqual(['x', 'y'])
      expect(right.state()).toEqual(['x', 'y'])
      expect(overlaps).toBe(0)
      expect([...a.rounds, ...b.rounds].filter(event => event.error !== undefined)).toEqual([])
      expect(network.openChannels('a', 'b')).toBe(0)
      await closeAll(network, a, b)
    }
  })

  test('a wish during a round is met by one more round after it', async () => {
    const { network, a, b } = pair()
    let finish = (): void => {}
    const outcome = (): Promise<SyncOutcome> => new Promise(resolve => (finish = () => resolve(DONE)))
    const handle = b.open('t', protocol(outcome))
    a.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('a', 'b')
    await network.time.advance(50)
    for (let i = 0; i < 5; i++) handle.reconcile('a')
    finish()
    await network.time.advance(50)
    finish()
    await network.time.advance(50)
    expect(b.rounds.length).toBe(2)
    handle.reconcile('nobody')
    await closeAll(network, a, b)
  })

  test('news from one neighbour is offered to the others at once, in a bounded number of rounds', async () => {
    const network = new FakeNetwork('news')
    // A line: what a has can reach c and d only through b.
    const line = ['a', 'b', 'c', 'd']
    const nodes = line.map((name, i) =>
      testNode(
        network,
        name,
        [line[i - 1], line[i + 1]].filter(n => n !== undefined)
      )
    )
    const sets = line.map(() => new WholeSet())
    const handles = nodes.map((node, i) => {
      const set = sets[i] as WholeSet
      const telling = protocol(async exchange => {
        const before = (set.state() as string[]).length
        const outcome = await set.reconcile(exchange)
        return { ...outcome, news: (set.state() as string[]).length > before }
      })
      return node.open('t', telling)
    })
    for (const i of [0, 1, 2]) network.connect(line[i] as string, line[i + 1] as string)
    await network.time.advance(3_000)
    const before = nodes.map(node => node.rounds.length)
    sets[0]?.write('x')
    handles[0]?.reconcile('b')
    await network.time.advance(200)
    expect(sets.map(set => set.state())).toEqual([['x'], ['x'], ['x'], ['x']])
    await network.time.advance(5_000)
    // One round on each of three links, told at both ends of each.
    expect(nodes.map((node, i) => node.rounds.length - (before[i] as number))).toEqual([1, 2, 2, 1])

    // A neighbour that always claims news costs a round with the others per second, not one per claim.
    const [, b] = handles
    for (let i = 0; i < 50; i++) {
      sets[0]?.write(`y${i}`)
      b?.reconcile('a')
      await network.time.advance(20)
    }
    const rounds = nodes[2]?.rounds.filter(event => event.peer === 'b').length ?? 0
    expect(rounds).toBeLessThanOrEqual(4)
    await network.time.advance(3_000)
    expect(sets[3]?.state()).toEqual(sets[0]?.state())
    await closeAll(network, ...nodes)
  })

  test('what one session brings reaches each other node’s owner once, over however many ways', async () => {
    const network = new FakeNetwork('diamond')
    network.latencyMs = () => 1 + network.random.below(20)
    const links: Readonly<Record<string, readonly string[]>> = {
      a: ['b', 'c'],
      b: ['a', 'd'],
      c: ['a', 'd'],
      d: ['b', 'c']
    }
    const told = new Map<string, string[]>()
    const sets = new Map<string, WholeSet>()
    const nodes = Object.entries(links).map(([name, neighbors]) => {
      const node = testNode(network, name, neighbors)
      const set = new WholeSet()
      const changes: string[] = []
      sets.set(name, set)
      told.set(name, changes)
      node.open(
        't',
        protocol(async exchange => {
          const before = new Set(set.items)
          const outcome = await set.reconcile(exchange)
          const fresh = [...set.items].filter(item => !before.has(item) && !changes.includes(item))
          changes.push(...fresh)
          return { ...outcome, news: fresh.length > 0 }
        })
      )
      return node
    })
    for (const [name, neighbors] of Object.entries(links)) {
      for (const other of neighbors) if (name < other) network.connect(name, other)
    }
    await network.time.advance(3_000)
    for (let i = 0; i < 10; i++) {
      sets.get('a')?.write(`x${i}`)
      await network.time.advance(9_000)
    }
    await network.time.advance(60_000)
    const expected = Array.from({ length: 10 }, (_, i) => `x${i}`)
    expect(told.get('a')).toEqual([])
    for (const name of ['b', 'c', 'd']) expect(told.get(name)?.toSorted()).toEqual(expected)
    await closeAll(network, ...nodes)
  })

  test('each periodic round goes to one random neighbour', async () => {
    const network = new FakeNetwork('periodic')
    const names = ['b', 'c', 'd']
    const hub = testNode(network, 'z', names)
    hub.open(
      't',
      protocol(async () => DONE)
    )
    const others = names.map(name => {
      const node = testNode(network, name)
      node.open(
        't',
        protocol(async () => DONE)
      )
      network.connect('z', name)
      return node
    })
    await network.time.advance(100)
    expect(hub.rounds.map(event => event.peer).toSorted()).toEqual(names)
    await network.time.advance(30 * 30_000)
    // Thirty intervals of the hub's; the others have no neighbours, so they only answer.
    const rounds = hub.rounds.length - names.length
    expect(rounds).toBeGreaterThan(24)
    expect(rounds).toBeLessThan(40)
    expect(new Set(hub.rounds.slice(3).map(event => event.peer)).size).toBe(3)
    await closeAll(network, hub, ...others)
  })

  test('a protocol that throws ends its round at both ends, is reported, and is tried again with backoff', async () => {
    const { network, a, b } = pair()
    let failures = 0
    b.open(
      't',
      protocol(() => {
        if (failures < 3) {
          failures++
          throw new Error(`defect ${failures}`)
        }
        return Promise.resolve(DONE)
      })
    )
    const waits = protocol(async exchange => {
      for await (const _message of exchange) {
        // Reads to the end.
      }
      return DONE
    })
    a.open('t', waits)
    network.connect('a', 'b')
    await network.time.advance(50)
    expect(b.rounds).toMatchObject([{ peer: 'a', error: { message: 'defect 1' } }])
    expect(a.rounds).toMatchObject([{ peer: 'b', error: { name: 'SyncRoundError', reason: 'peerFailed' } }])
    await network.time.advance(900)
    expect(failures).toBe(1)
    await network.time.advance(14_000)
    expect(b.rounds.length).toBe(4)
    expect(b.rounds.at(-1)).toMatchObject({ outcome: DONE })
    // One session all the while.
    expect(b.sync.stats()).toMatchObject({ sessions: 1, sessionsStarted: 1, roundsFailed: 3 })
    await closeAll(network, a, b)
  })

  test('however often rounds have failed, one follows within an interval of the repair, and at once when it is asked for', async () => {
    for (const asked of [false, true]) {
      const { network, a, b } = pair(asked ? 1 : 2)
      let broken = true
      const mending = protocol(() =>
        broken ? Promise.reject(new Error('the disk is full')) : Promise.resolve(DONE)
      )
      const handle = b.open('t', mending)
      a.open(
        't',
        protocol(async () => DONE)
      )
      network.connect('a', 'b')
      await network.time.advance(1_000_000)
      expect(b.rounds.length).toBeGreaterThan(30)
      expect(b.rounds.every(event => event.error !== undefined)).toBe(true)
      broken = false
      if (asked) handle.reconcile()
      await network.time.advance(asked ? 20 : 30_100)
      expect(b.rounds.at(-1)).toMatchObject({ outcome: DONE })
      await closeAll(network, a, b)
    }
  })

  test('a protocol or a listener that throws touches no other topic', async () => {
    const { network, a, b } = pair()
    const bad = a.open(
      'bad',
      protocol(() => Promise.reject(new Error('defect')))
    )
    bad.onRound(() => {
      throw new Error('a listener’s defect')
    })
    b.open(
      'bad',
      protocol(async () => DONE)
    )
    const [left, right] = [new WholeSet(), new WholeSet()]
    left.write('x')
    const good = a.open('good', left)
    b.open('good', right)
    network.connect('a', 'b')
    await network.time.advance(40_000)
    expect(right.state()).toEqual(['x'])
    expect(good.sessions()).toMatchObject([{ state: 'live' }])
    expect(a.sync.stats().listenersFailed).toBeGreaterThan(0)
    expect(a.sync.stats().roundsFailed).toBeGreaterThan(1)

    // The bad topic can be closed and opened again, repaired.
    await Promise.all([bad.close(), network.time.advance(3_000)])
    const again = a.open(
      'bad',
      protocol(async () => DONE)
    )
    await network.time.advance(20_000)
    expect(again.sessions()[0]?.rounds).toBeGreaterThan(0)
    await closeAll(network, a, b)
  })

  test('nothing moves: the round is given up, and another follows', async () => {
    const { network, a, b } = pair()
    let calls = 0
    b.open(
      't',
      protocol((_exchange, { signal }) => {
        calls++
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        })
      })
    )
    a.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('a', 'b')
    await network.time.advance(29_900)
    expect(b.rounds).toEqual([])
    await network.time.advance(300)
    expect(b.rounds).toMatchObject([{ error: { name: 'SyncRoundError', reason: 'stalled' } }])
    expect(network.openChannels('a', 'b')).toBe(0)
    await network.time.advance(5_000)
    expect(network.openChannels('a', 'b')).toBe(1)
    expect(calls).toBe(2)
    await closeAll(network, a, b)
  })

  test('a protocol that ignores its signal is waited for no longer than the limit', async () => {
    const { network, a, b } = pair()
    b.open(
      't',
      protocol(() => new Promise(() => {}))
    )
    a.open(
      't',
      protocol(() => Promise.reject(new Error('no')))
    )
    network.connect('a', 'b')
    await network.time.advance(100)
    expect(a.rounds.length).toBe(1)
    await network.time.advance(5_000)
    expect(b.rounds).toMatchObject([{ error: { reason: 'peerFailed' } }])
    expect(network.ends.length).toBeGreaterThanOrEqual(2)
    await closeAll(network, a, b)
  })

  test('the transport’s end fails the round with its reason', async () => {
    const { network, a, b } = pair()
    const waits = protocol(async exchange => {
      for await (const _message of exchange) {
        // Nothing comes.
      }
      return DONE
    })
    a.open('t', waits)
    b.open('t', waits)
    network.connect('a', 'b')
    await network.time.advance(100)
    network.disconnect('a', 'b')
    await network.time.advance(10)
    for (const node of [a, b]) {
      expect(node.rounds).toMatchObject([{ error: { name: 'SyncRoundError', reason: 'sessionLost' } }])
    }
    await closeAll(network, a, b)
  })
})
