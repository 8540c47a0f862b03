import { describe, expect, test } from 'vitest'
import { NAME_FRESH_MS, NAME_LOOKUPS_MAX, NAMES_CACHE_MAX, TARGETS_MAX } from '../src/config.ts'
import { Counters } from '../src/counters.ts'
import { Names, type NameLookup } from '../src/names.ts'
import { FakeTime } from './fake-time.ts'
import { newNet } from './fake-world.ts'

interface Zone {
  readonly time: FakeTime
  readonly names: Names
  readonly counters: Counters
  readonly asked: string[]
  /** Answers by `4 name`, `6 name`, `txt name`; a missing one rejects, `hang` never comes. */
  readonly records: Map<string, readonly string[] | 'hang'>
  resolve(address: string, ms?: number): Promise<readonly string[]>
}

function zone(): Zone {
  const time = new FakeTime()
  const counters = new Counters()
  const asked: string[] = []
  const records = new Map<string, readonly string[] | 'hang'>()
  const answer = (question: string): Promise<readonly string[]> => {
    asked.push(question)
    const found = records.get(question)
    if (found === 'hang') return new Promise(() => {})
    return found === undefined ? Promise.reject(new Error('no such name')) : Promise.resolve(found)
  }
  const lookup: NameLookup = {
    addresses: (name, family) => answer(`${family} ${name}`),
    texts: name => answer(`txt ${name}`)
  }
  const names = new Names({ lookup, clock: time.clock(), timers: time.timers, counters })
  const resolve = async (address: string, ms = 0): Promise<readonly string[]> => {
    const resolving = names.resolve(address, new AbortController().signal)
    await time.advance(ms)
    return resolving
  }
  return { time, names, counters, asked, records, resolve }
}

describe('names in addresses', () => {
  test('dns4, dns6 and dns become the addresses of their families; others stay as they are', async () => {
    const { records, resolve, asked } = zone()
    records.set('4 a.example', ['10.0.0.1', '10.0.0.2'])
    records.set('6 a.example', ['fd00::1'])
    expect(await resolve('/dns4/a.example/udp/4001/quic-v1')).toEqual([
      '/ip4/10.0.0.1/udp/4001/quic-v1',
      '/ip4/10.0.0.2/udp/4001/quic-v1'
    ])
    expect(await resolve('/dns6/a.example/tcp/1')).toEqual(['/ip6/fd00::1/tcp/1'])
    expect(await resolve('/dns/a.example/tcp/1')).toEqual([
      '/ip4/10.0.0.1/tcp/1',
      '/ip4/10.0.0.2/tcp/1',
      '/ip6/fd00::1/tcp/1'
    ])
    expect(asked).toHaveLength(2)
    for (const plain of ['/ip4/10.0.0.1/udp/1/quic-v1', 'nonsense', '', '/dns4', '/memory/x']) {
      expect(await resolve(plain)).toEqual([plain])
    }
    expect(asked).toHaveLength(2)
  })

  test('where the name is part of the protocol above, it stays', async () => {
    const { resolve, asked } = zone()
    for (const address of [
      '/dns4/a.example/tcp/443/tls/ws',
      '/dns4/a.example/tcp/443/wss',
      '/dns/a/tcp/80/http'
    ]) {
      expect(await resolve(address)).toEqual([address])
    }
    expect(asked).toEqual([])
  })

  test('one family without an address leaves those of the other', async () => {
    const { records, resolve } = zone()
    records.set('4 a.example', ['10.0.0.1'])
    expect(await resolve('/dns/a.example/tcp/1')).toEqual(['/ip4/10.0.0.1/tcp/1'])
  })

  test('dnsaddr: the records that end as the address does, through further names, and never in a circle', async () => {
    const { records, resolve, asked } = zone()
    records.set('txt _dnsaddr.a.example', [
      'dnsaddr=/dnsaddr/b.example/p2p/one',
      'dnsaddr=/ip4/10.0.0.9/udp/1/quic-v1/p2p/two',
      'v=spf1',
      'dnsaddr=/dnsaddr/a.example/p2p/one'
    ])
    records.set('txt _dnsaddr.b.example', ['dnsaddr=/dns4/c.example/udp/4/quic-v1/p2p/one'])
    records.set('4 c.example', ['10.0.0.3'])
    expect(await resolve('/dnsaddr/a.example/p2p/one')).toEqual(['/ip4/10.0.0.3/udp/4/quic-v1/p2p/one'])
    expect(asked.length).toBeLessThan(12)
  })

  test('each dial asks again, but questions at one moment share an answer', async () => {
    const { records, resolve, asked, time } = zone()
    records.set('4 a.example', ['10.0.0.1'])
    const many = await Promise.all(Array.from({ length: 60 }, () => resolve('/dns4/a.example/tcp/1')))
    expect(new Set(many.flat())).toEqual(new Set(['/ip4/10.0.0.1/tcp/1']))
    expect(asked).toHaveLength(1)
    records.set('4 a.example', ['10.0.0.2'])
    await time.advance(NAME_FRESH_MS)
    expect(await resolve('/dns4/a.example/tcp/1')).toEqual(['/ip4/10.0.0.2/tcp/1'])
    expect(asked).toHaveLength(2)
  })

  test('while no answer comes the last one is used, for an hour', async () => {
    const { records, resolve, time, counters } = zone()
    records.set('4 a.example', ['10.0.0.1'])
    await resolve('/dns4/a.example/tcp/1')
    records.set('4 a.example', 'hang')
    await time.advance(60_000)
    expect(await resolve('/dns4/a.example/tcp/1', 1_500)).toEqual(['/ip4/10.0.0.1/tcp/1'])
    records.delete('4 a.example')
    expect(await resolve('/dns4/a.example/tcp/1')).toEqual(['/ip4/10.0.0.1/tcp/1'])
    await time.advance(3_600_000)
    expect(await resolve('/dns4/a.example/tcp/1')).toEqual([])
    expect(counters.read().namesFailed).toBe(3)
    expect(time.pending).toBe(0)
  })

  test('a dial that is given up does not wait, and leaves the question to the others', async () => {
    const { records, names, time, resolve, asked } = zone()
    records.set('4 a.example', 'hang')
    const abort = new AbortController()
    const given = names.resolve('/dns4/a.example/tcp/1', abort.signal)
    const other = resolve('/dns4/a.example/tcp/1', 1_500)
    abort.abort()
    expect(await given).toEqual([])
    expect(await other).toEqual([])
    expect(asked).toHaveLength(1)
    expect(time.pending).toBe(0)
  })

  test('bounded: answers, addresses of one name, and questions at once', async () => {
    const { records, resolve, names, time, asked } = zone()
    records.set(
      '4 many.example',
      Array.from({ length: 100 }, (_, n) => `10.0.0.${n}`)
    )
    expect(await resolve('/dns4/many.example/tcp/1')).toHaveLength(TARGETS_MAX)
    for (let n = 0; n < NAMES_CACHE_MAX + 10; n++) {
      records.set(`4 n${n}.example`, ['10.0.0.1'])
      await names.resolve(`/dns4/n${n}.example/tcp/1`, new AbortController().signal)
    }
    expect(names.size).toBe(NAMES_CACHE_MAX)
    const before = asked.length
    for (let n = 0; n < 2 * NAME_LOOKUPS_MAX; n++) records.set(`4 slow${n}`, 'hang')
    const all = Array.from({ length: 2 * NAME_LOOKUPS_MAX }, (_, n) =>
      names.resolve(`/dns4/slow${n}/tcp/1`, new AbortController().signal)
    )
    await time.advance(1_500)
    expect((await Promise.all(all)).flat()).toEqual([])
    expect(asked.length - before).toBe(NAME_LOOKUPS_MAX)
  })
})

describe('dialling by name', () => {
  test('every address of a headless name gets its turn, although one dial has no time for all', async () => {
    const net = newNet()
    const b = await net.add()
    // Sixteen addresses behind one name; those that swallow packets use up a second each.
    const found = Array.from({ length: 15 }, (_, n) => `10.9.9.${n + 1}`)
    const names: NameLookup = {
      addresses: () => Promise.resolve([...found, '10.0.0.1']),
      texts: () => Promise.resolve([])
    }
    net.swallows = text => text.includes('/10.9.9.')
    const a = await net.add({ names })
    a.peers.want(b.peers.self, { mode: 'continuous', addresses: ['/dns4/pods.example/udp/4001/quic-v1'] })
    await net.time.advance(300_000)
    expect(a.story.at(-1)).toBe('up')
    expect(new Set(net.dials.map(dial => dial.address)).size).toBeGreaterThan(10)
  })

  test('without a resolver a name cannot be dialled, and the error says so', async () => {
    const net = newNet()
    const a = await net.add()
    const b = await net.add()
    a.peers.want(b.peers.self, { mode: 'once', addresses: ['/dns4/b.example/udp/4001/quic-v1'] })
    await net.time.advance(100)
    expect(a.story).toEqual(['failed DialError'])
    expect(net.dials).toEqual([])
    expect(a.peers.stats()).toMatchObject({ namesFailed: 1, namesAsked: 0 })
  })
})
