import { describe, expect, test } from 'vitest'
import { REQUEST_BUDGET, SEEKER_MS, YOUNG_MS } from '../src/config.ts'
import { DEFAULT_CONFIG, type Message, type ShuffleMessage } from '../src/index.ts'
import { accepted, Driver, idOf, info, neighbor, refused, rejects, sends } from './driver.ts'

const FULL = ['a', 'b', 'c', 'd', 'e']
const noData = new Uint8Array(0)

describe('links are symmetric', () => {
  test('requests that cross make one link, known by both ids', () => {
    const driver = new Driver().link('a')
    driver.receive('a', { type: 'forwardJoin', peer: info('x'), walk: 'open', ttl: 3, spareHops: 6 })
    const [own] = driver.machine.pendingRequests
    expect(own?.peer).toBe('x')
    driver.receive('x', neighbor({ requestId: 50 }))
    expect(driver.events).toEqual(['+a', '+x'])
    expect(driver.machine.pendingRequests).toEqual([])
    // The answer to the own request finds nothing pending, and the link stands already.
    expect(driver.receive('x', accepted(51))).toEqual([])
    driver.receive('x', { type: 'disconnect', links: [50], alive: true, samples: [] })
    expect(driver.events.at(-1)).toBe('-x disconnected')
  })

  test.each([
    ['neighbor', neighbor({ requestId: 50 }), {}],
    ['join', { type: 'join', requestId: 50, data: noData }, {}],
    ['join, by the rule of the paper', { type: 'join', requestId: 50, data: noData }, { joinRule: 'replace' }]
  ] as const)(
    'an acceptance goes out before the link is up here, so that nothing overtakes it (%s)',
    (_, message, config) => {
      const driver = new Driver(config).link('a')
      const outputs = driver.apply({ type: 'message', from: 'x', message })
      const steps = outputs.map(output => (output.type === 'send' ? output.message.type : output.type))
      expect(outputs[0]).toMatchObject({ type: 'send', to: 'x', message: { requestId: 50, accepted: true } })
      expect(steps.slice(0, 2)).toEqual(['neighborReply', 'neighborUp'])
    }
  )

  test('an acceptance that comes too late is answered by ending the link it made', () => {
    const driver = new Driver().link('a')
    const sent = driver.receive('a', {
      type: 'forwardJoin',
      peer: info('x'),
      walk: 'open',
      ttl: 3,
      spareHops: 6
    })
    const request = sent[0]?.message
    if (request?.type !== 'neighbor') throw new Error('no request was sent')
    driver.advance(DEFAULT_CONFIG.requestTimeoutMsMax)
    expect(driver.receive('x', accepted(request.requestId))).toMatchObject([
      { to: 'x', message: { type: 'disconnect', links: [request.requestId], alive: true } }
    ])
    expect(driver.machine.activeView).toEqual(['a'])
  })

  test('a late end of an old link does not end a newer one', () => {
    const driver = new Driver().link('a', 'b')
    driver.receive('a', { type: 'disconnect', links: [idOf('a')], alive: true, samples: [] })
    driver.receive('a', neighbor({ requestId: 60 }))
    const outputs = driver.apply({
      type: 'message',
      from: 'a',
      message: { type: 'disconnect', links: [idOf('a')], alive: true, samples: [] }
    })
    expect(rejects(outputs)).toEqual(['a notNeighbor'])
    expect(driver.machine.activeView).toEqual(['b', 'a'])
  })

  test('a shuffle over a link that does not stand here is answered by ending it there', () => {
    const driver = new Driver().link('a')
    const sent = driver.receive('x', shuffle({ link: 4711, origin: info('x') }))
    expect(sent).toMatchObject([{ to: 'x', message: { type: 'disconnect', links: [4711] } }])
  })

  test('a neighbour that joins again is asked to renew, and nothing changes here', () => {
    const driver = new Driver().link(...FULL)
    const before = driver.events.length
    const sent = driver.receive('c', { type: 'join', requestId: 7, data: noData })
    expect(sent).toMatchObject([
      { to: 'c', message: { type: 'neighbor', requestId: idOf('c'), priority: 'high' } }
    ])
    expect(driver.events.length).toBe(before)
  })

  test('HPV-A3: a full node is not changed by a member that joins a hundred times', () => {
    const driver = new Driver().link(...FULL)
    const before = driver.events.length
    for (let i = 0; i < 100; i++) driver.receive('c', { type: 'join', requestId: i, data: noData })
    expect(driver.machine.activeView).toEqual(FULL)
    expect(driver.events.length).toBe(before)
  })

  test('HPV-A4: messages that name a victim leave its link alone and are counted', () => {
    const driver = new Driver().link('victim', 'b')
    const hostile: Message[] = [
      { type: 'disconnect', links: [idOf('victim')], alive: false, samples: [] },
      { type: 'replaced', links: [idOf('victim')], by: info('evil'), role: 'await' }
    ]
    for (const message of hostile) {
      expect(rejects(driver.apply({ type: 'message', from: 'evil', message }))).toEqual(['evil notNeighbor'])
    }
    driver.receive('evil', neighbor({ requestId: 5, priority: 'low', replaces: 'victim' }))
    expect(driver.machine.activeView).toContain('victim')
    expect(driver.machine.activeView).toContain('b')
  })
})

describe('joins split links', () => {
  const walk = (joiner: string, kind: 'split' | 'open', ttl: number, spareHops = 6): Message => ({
    type: 'forwardJoin',
    peer: info(joiner),
    walk: kind,
    ttl,
    spareHops
  })

  test('a contact with a free slot takes the joiner; a full one keeps its links; both send walks', () => {
    const free = new Driver().link('a', 'b')
    const sent = free.receive('j', { type: 'join', requestId: 3, data: noData })
    expect(free.machine.activeView).toEqual(['a', 'b', 'j'])
    expect(sent.filter(({ message }) => message.type === 'forwardJoin')).toHaveLength(3)
    const full = new Driver().link(...FULL)
    const answer = full.receive('j', { type: 'join', requestId: 3, data: noData })
    expect(full.machine.activeView).toEqual(FULL)
    expect(answer[0]).toMatchObject({ to: 'j', message: { type: 'neighborReply', accepted: false } })
    const kinds = answer.flatMap(({ message }) => (message.type === 'forwardJoin' ? [message.walk] : []))
    expect(kinds).toEqual(['split', 'split', 'open'])
  })

  test('a walk of the other rule is treated as one of this: nobody can order an eviction', () => {
    const driver = new Driver().link(...FULL)
    const replace: Message = { type: 'forwardJoin', peer: info('j'), walk: 'replace', ttl: 0, spareHops: 0 }
    expect(driver.receive('a', replace)).toMatchObject([
      { to: 'j', message: { type: 'neighbor', priority: 'low' } }
    ])
    expect(driver.receive('b', { ...replace, peer: info('k') })).toEqual([])
  })

  test("whoever claims to be alone takes nobody's place where joins split links, and no free slot is kept from it", () => {
    const driver = new Driver().link(...FULL)
    const alone = neighbor({ requestId: 1, priority: 'high' })
    expect(driver.receive('lonely', alone)).toMatchObject([
      { message: { type: 'neighborReply', accepted: false } }
    ])
    expect(driver.machine.activeView).toEqual(FULL)
    const promised = new Driver().link('a', 'b', 'c', 'd')
    promised.receive('a', walk('j', 'open', 4))
    promised.receive('lonely', alone)
    expect(promised.machine.activeView).toEqual(['a', 'b', 'c', 'd', 'lonely'])
  })

  test('a settled node gives up one link for joiners, and the next ten minutes later; walks go on to others', () => {
    const driver = new Driver().link(...FULL)
    const splits = (joiner: string): number =>
      driver
        .receive('a', walk(joiner, 'split', 0))
        .filter(({ message }) => message.type === 'neighbor' && message.split !== undefined).length
    const answered = (joiner: string): number => {
      const found = splits(joiner)
      driver.advance(5_000)
      return found
    }
    expect(['j', 'k', 'l'].map(answered)).toEqual([1, 1, 1])
    driver.nowMs += YOUNG_MS
    expect(['m', 'n'].map(answered)).toEqual([1, 0])
    expect(driver.receive('a', walk('o', 'split', 0))).toMatchObject([
      { message: { type: 'forwardJoin', ttl: 0, spareHops: 5 } }
    ])
    driver.nowMs += 600_000
    expect(['p', 'q'].map(answered)).toEqual([1, 0])
  })

  test('an open walk ends at the first free slot; a promised slot is not free', () => {
    const driver = new Driver().link('a', 'b', 'c', 'd')
    expect(driver.receive('a', walk('j', 'open', 4))).toMatchObject([
      { to: 'j', message: { type: 'neighbor' } }
    ])
    expect(driver.receive('a', walk('k', 'open', 4))).toMatchObject([
      { message: { type: 'forwardJoin', ttl: 3 } }
    ])
    expect(driver.receive('a', walk('k', 'open', 0))).toEqual([])
  })

  test('the end of a split walk puts the joiner between itself and a neighbour, and only once it accepted', () => {
    const driver = new Driver().link(...FULL)
    const [offer] = driver.receive('a', walk('j', 'split', 0))
    const request = offer?.message
    if (request?.type !== 'neighbor' || request.split === undefined) throw new Error('no split was offered')
    expect(driver.machine.activeView).toEqual(FULL)
    const sent = driver.receive('j', accepted(request.requestId))
    expect(sent).toMatchObject([
      {
        to: request.split,
        message: { type: 'replaced', by: { id: 'j' }, role: 'request', links: [idOf(request.split)] }
      }
    ])
    expect(driver.machine.activeView).toContain('j')
    expect(driver.machine.activeView).not.toContain(request.split)
    expect(driver.machine.activeView).toHaveLength(5)
  })

  test('a busy end passes the walk on, at most six times', () => {
    const driver = new Driver().link(...FULL)
    driver.receive('a', walk('j', 'split', 0))
    expect(driver.receive('a', walk('k', 'split', 0, 2))).toMatchObject([
      { message: { type: 'forwardJoin', ttl: 0, spareHops: 1 } }
    ])
    expect(driver.receive('a', walk('k', 'split', 0, 0))).toEqual([])
  })

  test('a joiner accepts a split only with two free slots and keeps the second for the neighbour', () => {
    const driver = new Driver().link('a', 'b', 'c')
    const split = neighbor({ requestId: 7, split: 'f' })
    expect(driver.receive('e', split)).toMatchObject([{ to: 'e', message: { accepted: true } }])
    // The last slot is kept: a stranger is refused, the announced peer is not.
    expect(driver.receive('x', neighbor({ requestId: 8 }))).toMatchObject([{ message: { accepted: false } }])
    expect(driver.receive('f', neighbor({ requestId: 9, replaces: 'e' }))).toMatchObject([
      { message: { accepted: true } }
    ])
    expect(driver.machine.activeView).toEqual(['a', 'b', 'c', 'e', 'f'])
    const other = new Driver().link('a', 'b', 'c', 'd')
    expect(other.receive('e', split)[0]).toMatchObject({ to: 'e', message: { accepted: false } })
  })

  test('a slot kept in vain is free again', () => {
    const driver = new Driver().link('a', 'b', 'c')
    driver.receive('e', neighbor({ requestId: 7, split: 'f' }))
    driver.advance(DEFAULT_CONFIG.reservationMs + 1)
    expect(driver.receive('x', neighbor({ requestId: 8 }))).toMatchObject([{ message: { accepted: true } }])
  })

  test('a replaced neighbour asks the newcomer', () => {
    const driver = new Driver().link('a', 'b')
    const sent = driver.receive('a', { type: 'replaced', links: [idOf('a')], by: info('j'), role: 'request' })
    expect(driver.events.at(-1)).toBe('-a replaced')
    expect(sent).toMatchObject([{ to: 'j', message: { type: 'neighbor', replaces: 'a' } }])
  })
})

describe('shuffles swap links', () => {
  test('the origin offers a neighbour with its first shuffles, and only when its view is full', () => {
    const full = new Driver().link(...FULL)
    const [first] = full
      .advance(60_000)
      .flatMap(({ message }) => (message.type === 'shuffle' ? [message] : []))
    expect(FULL).toContain(first?.swap?.id)
    const short = new Driver().link('a', 'b')
    const [other] = short
      .advance(60_000)
      .flatMap(({ message }) => (message.type === 'shuffle' ? [message] : []))
    expect(other).toBeDefined()
    expect(other?.swap).toBeUndefined()
  })

  test('links that may not be replaced are neither offered nor given', () => {
    const driver = new Driver({ mayReplace: () => false }).link(...FULL)
    const [first] = driver
      .advance(60_000)
      .flatMap(({ message }) => (message.type === 'shuffle' ? [message] : []))
    expect(first).toBeDefined()
    expect(first?.swap).toBeUndefined()
    const [reply] = driver.receive('a', shuffle({ link: idOf('a'), swap: info('b2') }))
    expect(reply?.message).toMatchObject({ type: 'shuffleReply', swap: undefined })
  })

  test('the whole exchange turns a-b, c-d into a-c, b-d', () => {
    const a = new Driver({}, 1, 'A').link(...['B', 'w1', 'w2', 'w3', 'w4'])
    const offered = a.advanceUntil('shuffle')
    if (offered.swap === undefined) throw new Error('no swap was offered')
    const c = new Driver({}, 2, 'C').link(...['D', 'v1', 'v2', 'v3', 'v4'])
    const [reply] = c.receive('D', { ...offered, ttl: 0, link: idOf('D') })
    if (reply?.message.type !== 'shuffleReply' || reply.message.swap === undefined)
      throw new Error('no agreement')
    const given = reply.message.swap.id
    const [request] = a.receive('C', reply.message)
    expect(request).toMatchObject({ to: 'C', message: { type: 'neighbor', swap: offered.shuffleId } })
    const atC = c.receive('A', sole(request))
    expect(atC).toMatchObject([
      { to: given, message: { type: 'replaced', by: { id: offered.swap.id }, role: 'await' } },
      { to: 'A', message: { type: 'neighborReply', accepted: true } }
    ])
    const atA = a.receive('C', sole(atC[1]))
    expect(atA).toMatchObject([
      { to: offered.swap.id, message: { type: 'replaced', by: { id: given }, role: 'request' } }
    ])
    expect(a.machine.activeView).toContain('C')
    expect(a.machine.activeView).not.toContain(offered.swap.id)
    expect(c.machine.activeView).toContain('A')
    expect(c.machine.activeView).not.toContain(given)
    expect([a.machine.activeView.length, c.machine.activeView.length]).toEqual([5, 5])
  })

  test('a request that comes before the announcement waits for it, and is refused when it does not come', () => {
    const driver = new Driver().link(...FULL)
    expect(driver.receive('x', neighbor({ requestId: 70, replaces: 'c' }))).toEqual([])
    const sent = driver.receive('c', { type: 'replaced', links: [idOf('c')], by: info('x'), role: 'await' })
    expect(sent).toMatchObject([
      { to: 'x', message: { type: 'neighborReply', requestId: 70, accepted: true } }
    ])
    expect(driver.events.slice(-2)).toEqual(['-c replaced', '+x'])
    expect(driver.receive('y', neighbor({ requestId: 71, replaces: 'a' }))).toEqual([])
    expect(driver.advance(DEFAULT_CONFIG.reservationMs)).toMatchObject([
      { to: 'y', message: { type: 'neighborReply', requestId: 71, accepted: false } }
    ])
    expect(driver.machine.activeView).toContain('a')
  })

  test('an agreement holds for its origin only', () => {
    const driver = new Driver().link(...FULL)
    const [reply] = driver.receive('a', shuffle({ shuffleId: 77, link: idOf('a'), swap: info('b2') }))
    expect(sole(reply)).toMatchObject({ type: 'shuffleReply', swap: { data: noData } })
    expect(driver.receive('thief', neighbor({ requestId: 5, swap: 77 }))).toMatchObject([
      { to: 'thief', message: { accepted: false } }
    ])
    expect(driver.machine.activeView).toEqual(FULL)
    expect(driver.receive('origin', neighbor({ requestId: 6, swap: 77 }))).toMatchObject([
      { message: { type: 'replaced', by: { id: 'b2' } } },
      { to: 'origin', message: { accepted: true } }
    ])
  })

  test('a stranger cannot ask for a swap that was not agreed', () => {
    const driver = new Driver().link(...FULL)
    expect(driver.receive('x', neighbor({ requestId: 5, swap: 77 }))).toMatchObject([
      { message: { accepted: false } }
    ])
    expect(driver.machine.activeView).toEqual(FULL)
  })
})

describe('floods', () => {
  test('joins, requests and shuffles of one peer have a budget', () => {
    const driver = new Driver().link(...FULL)
    let walks = 0
    for (let i = 0; i < 1000; i++) {
      const sent = driver.receive('evil', { type: 'join', requestId: i, data: noData })
      walks += sent.filter(({ message }) => message.type === 'forwardJoin').length
    }
    expect(walks).toBeLessThanOrEqual(8 * 3)
    let forwarded = 0
    for (let i = 0; i < 1000; i++) {
      forwarded += driver.receive('a', shuffle({ link: idOf('a'), ttl: 5 })).length
    }
    expect(forwarded).toBe(32)
    driver.nowMs += 10_000
    expect(driver.receive('a', shuffle({ link: idOf('a'), ttl: 5 }))).toHaveLength(1)
  })

  test('peers that claim to be alone cannot turn a view over faster than the budget', () => {
    const driver = new Driver({ joinRule: 'replace' }).link(...FULL)
    let evictions = 0
    for (let i = 0; i < 100; i++) {
      driver.receive(`lonely${i}`, neighbor({ requestId: i, priority: 'high' }))
    }
    evictions = driver.events.filter(event => event.startsWith('-')).length
    expect(evictions).toBeLessThanOrEqual(8)
    expect(driver.machine.activeView).toHaveLength(5)
  })

  test('a peer that was given a place and claims to be alone again waits like everybody else', () => {
    const driver = new Driver({ joinRule: 'replace' }).link(...FULL)
    let given = 0
    for (let minute = 0; minute < 10; minute++) {
      driver.nowMs += 60_000
      const sent = driver.receive('liar', neighbor({ requestId: minute, priority: 'high' }))
      given += sent.filter(({ message }) => message.type === 'neighborReply' && message.accepted).length
      driver.receive('liar', { type: 'disconnect', links: [minute], alive: true, samples: [] })
      // Somebody else takes the place that it gave back, so that the next one must be taken from a neighbour again.
      driver.receive(`x${minute}`, neighbor({ requestId: 100 + minute }))
    }
    expect(given).toBeLessThanOrEqual(3)
  })

  test('two peers that are refused hear of each other, as long as both may still look', () => {
    const driver = new Driver().link(...FULL)
    const first = (from: string, requestId: number, fields = {}): string | undefined => {
      const [sent] = driver.receive(from, neighbor({ requestId, ...fields }))
      return sent?.message.type === 'neighborReply' ? sent.message.samples[0]?.id : undefined
    }
    first('x', 1)
    expect(first('y', 2)).toBe('x')
    // One that asks for another reason than a free slot is nobody to be sent to.
    first('z', 3, { split: 'w' })
    expect(first('x', 4)).toBe('y')
    expect(first('x', 5)).not.toBe('x')
    const asker = (i: number): string => `v${i}`
    const late = Array.from({ length: 20 }, (_, i) => {
      driver.nowMs += SEEKER_MS
      return first(asker(i), 100 + i) === asker(i - 1)
    })
    expect(late.slice(1)).toContain(false)
  })

  test.each([1, 2, 3, 4, 5])('whom a refusal names first is asked next (%i)', seed => {
    const driver = new Driver({ refillParallel: 1 }, seed)
    driver.join('seed')
    driver.receive('x', neighbor({ requestId: 1 }))
    const spares = Array.from({ length: 8 }, (_, i) => info(`p${i}`))
    const asked = driver.receive('x', {
      type: 'shuffle',
      shuffleId: 9,
      origin: info('o'),
      ttl: 0,
      link: 1,
      entries: spares,
      swap: undefined
    })
    expect(asked.length).toBeGreaterThan(0)
    let request: ReturnType<Driver['advance']>[number] | undefined
    for (let i = 0; i < 100 && request === undefined; i++) {
      request = driver.advance(100).find(({ message }) => message.type === 'neighbor')
    }
    if (request?.message.type !== 'neighbor') throw new Error('nobody was asked')
    const [next] = driver.receive(request.to, refused(request.message.requestId, [info('hint'), info('p1')]))
    expect(next).toMatchObject({ to: 'hint', message: { type: 'neighbor' } })
  })

  test('the two oldest links are given up for nobody, once they are old', () => {
    const driver = new Driver({ joinRule: 'replace' }).link(...FULL)
    driver.nowMs += DEFAULT_CONFIG.anchorAgeMs
    for (let i = 0; i < 40; i++) {
      driver.nowMs += 60_000
      driver.receive(`lonely${i}`, neighbor({ requestId: i, priority: 'high' }))
      driver.receive(`joiner${i}`, { type: 'join', requestId: i, data: noData })
    }
    expect(driver.events.filter(event => event.startsWith('-')).length).toBeGreaterThan(40)
    expect(driver.machine.activeView).toEqual(expect.arrayContaining(['a', 'b']))
    expect(driver.machine.activeView).not.toContain('c')
  })

  test('swaps that strangers arrange have a budget', () => {
    const driver = new Driver().link(...FULL)
    let agreed = 0
    for (let i = 0; i < 30; i++) {
      driver.nowMs += 20_000
      const sent = driver.receive('a', shuffle({ shuffleId: i, link: idOf('a'), swap: info(`s${i}`) }))
      agreed += sent.filter(
        ({ message }) => message.type === 'shuffleReply' && message.swap !== undefined
      ).length
    }
    expect(agreed).toBe(4)
  })

  test('what peers name is not asked faster than the budget: nobody is dialled to death', () => {
    const driver = new Driver().link('a', 'b')
    let asked = 0
    for (let i = 0; i < 2_000; i++) {
      const walk: Message = { type: 'forwardJoin', peer: info(`v${i}`), walk: 'open', ttl: 5, spareHops: 6 }
      asked += driver.receive('a', walk).filter(({ message }) => message.type === 'neighbor').length
      driver.apply({ type: 'peerLost', peer: `v${i}` })
    }
    expect(asked).toBeLessThanOrEqual(REQUEST_BUDGET.burst)
    expect(asked).toBeGreaterThan(100)
  })

  test('hearsay that nobody asked for has a budget, and answers do not count against it', () => {
    const driver = new Driver({ refillRefusalsMax: 0, swapShufflesFirst: 0 }).link(...FULL)
    const entries = (mark: string) => Array.from({ length: 7 }, (_, at) => info(`${mark}-${at}`))
    for (let i = 0; i < 30; i++) driver.receive('a', shuffle({ link: idOf('a'), entries: entries(`f${i}`) }))
    const full = new Set(driver.machine.passiveView)
    for (let i = 30; i < 32; i++) driver.receive('a', shuffle({ link: idOf('a'), entries: entries(`f${i}`) }))
    expect(new Set(driver.machine.passiveView)).toEqual(full)
    const { shuffleId } = driver.advanceUntil('shuffle')
    driver.receive('z', {
      type: 'shuffleReply',
      shuffleId,
      data: noData,
      entries: entries('z'),
      swap: undefined
    })
    // All eight were taken in; each takes the place of any other, so one of them may have gone again.
    const taken = driver.machine.passiveView.filter(id => id === 'z' || id.startsWith('z-'))
    expect(taken).toContain('z')
    expect(taken.length).toBeGreaterThanOrEqual(6)
  })

  test('only a neighbour may send the joins of others on their way', () => {
    const driver = new Driver().link('a', 'b')
    const walk: Message = { type: 'forwardJoin', peer: info('j'), walk: 'open', ttl: 5, spareHops: 6 }
    const outputs = driver.apply({ type: 'message', from: 'evil', message: walk })
    expect(rejects(outputs)).toEqual(['evil notNeighbor'])
    expect(sends(outputs)).toEqual([])
  })

  test('what peers tell of others fills bounded places only', () => {
    const driver = new Driver({ refillRefusalsMax: 0 }).link(...FULL)
    for (let i = 0; i < 2_000; i++) {
      driver.nowMs += 1_000
      const entries = Array.from({ length: 8 }, (_, at) => info(`x${i}-${at}`))
      driver.receive('a', shuffle({ link: idOf('a'), origin: info(`o${i}`), entries }))
      driver.receive(`r${i}`, neighbor({ requestId: i }))
    }
    driver.join(...Array.from({ length: 100 }, (_, i) => `contact${i}`))
    expect(driver.machine.passiveView).toHaveLength(30)
    const { bookCapacity, contactsMax } = DEFAULT_CONFIG
    expect(driver.machine.savedPeers().length).toBeLessThanOrEqual(5 + 30 + bookCapacity + contactsMax)
    expect(driver.machine.savedPeers().length).toBeGreaterThan(bookCapacity)
    expect(driver.machine.activeView).toEqual(FULL)
  })

  test('lists and data beyond their limits are refused whole', () => {
    const driver = new Driver().link('a')
    const long = { id: 'p', data: new Uint8Array(513) }
    const many = Array.from({ length: 9 }, (_, i) => info(`p${i}`))
    const hostile: Message[] = [
      shuffle({ link: idOf('a'), entries: many }),
      shuffle({ link: idOf('a'), entries: [long] }),
      shuffle({ link: idOf('a'), origin: long }),
      { type: 'join', requestId: 1, data: new Uint8Array(513) },
      { type: 'disconnect', links: [1, 2, idOf('a')], alive: true, samples: [] },
      refused(1, many),
      neighbor({ active: Array.from({ length: 33 }, (_, i) => `p${i}`) })
    ]
    for (const message of hostile) {
      expect(rejects(driver.apply({ type: 'message', from: 'a', message }))).toEqual(['a invalid'])
    }
    expect(driver.machine.activeView).toEqual(['a'])
    expect(driver.machine.passiveView).toEqual([])
  })

  test('hearsay neither overwrites nor displaces what a peer said of itself', () => {
    const driver = new Driver({ passiveViewCapacity: 2, refillRefusalsMax: 0 }).link('a', 'b', 'c')
    driver.receive('b', { type: 'disconnect', links: [idOf('b')], alive: true, samples: [] })
    const forged = { id: 'b', data: Uint8Array.of(9) }
    for (let i = 0; i < 30; i++) {
      driver.nowMs += 1000
      driver.receive('a', shuffle({ link: idOf('a'), entries: [forged, info(`x${i}`), info(`y${i}`)] }))
    }
    const saved = driver.machine.savedPeers().find(({ id }) => id === 'b')
    expect(saved?.data).toEqual(noData)
  })
})

describe('the life of a node', () => {
  test('joining again adds contacts and starts nothing twice', () => {
    const driver = new Driver()
    driver.join('a')
    const again = driver.join('b')
    expect(sends(again)).toEqual([])
    driver.link('c')
    expect(driver.join('d')).toEqual([])
    expect(driver.machine.savedPeers().map(({ id }) => id)).toEqual(
      expect.arrayContaining(['a', 'b', 'c', 'd'])
    )
  })

  test('contacts are tried for ever, one after the other, with bounded pauses', () => {
    const driver = new Driver()
    const asked = new Map<string, number[]>()
    let sent = sends(driver.join('a', 'b')).map(one => ({ ...one, atMs: 0 }))
    for (let i = 0; i < 6_000; i++) {
      for (const { to, message, atMs } of sent) {
        if (message.type === 'join') asked.set(to, [...(asked.get(to) ?? []), atMs])
        driver.apply({ type: 'peerLost', peer: to })
      }
      sent = driver.advance(100)
    }
    for (const contact of ['a', 'b']) {
      const times = asked.get(contact) ?? []
      expect(times.at(-1)).toBeGreaterThan(580_000)
    }
    const all = [...asked.values()].flat().toSorted((x, y) => x - y)
    for (let i = 1; i < all.length; i++) expect((all[i] ?? 0) - (all[i - 1] ?? 0)).toBeLessThanOrEqual(10_000)
  })

  test('leaving tells every neighbour, ends every link, and later inputs find nothing', () => {
    const driver = new Driver().link('a', 'b')
    const outputs = driver.apply({ type: 'leave' })
    expect(sends(outputs).map(({ to, message }) => [to, message.type])).toEqual([
      ['a', 'disconnect'],
      ['b', 'disconnect']
    ])
    expect(driver.events.slice(2)).toEqual(['-a left', '-b left'])
    expect(driver.advance(600_000)).toEqual([])
    expect(driver.apply({ type: 'leave' })).toEqual([])
    expect(driver.receive('x', neighbor({ requestId: 3, priority: 'high' }))).toMatchObject([
      { to: 'x', message: { type: 'neighborReply', accepted: false, samples: [] } }
    ])
    expect(driver.machine.activeView).toEqual([])
    driver.join('a')
    driver.link('x')
    expect(driver.machine.activeView).toEqual(['x'])
  })

  test('HPV-D16: connections that come and go do not make a node shuffle more often', () => {
    const shuffles = (flaps: number): number => {
      const driver = new Driver({ swapShufflesFirst: 0, swapShare: 0 }).link('a', 'b')
      let count = 0
      for (let second = 0; second < 1_200; second++) {
        for (let i = 0; i < flaps; i++) driver.apply({ type: 'peerLost', peer: `x${i}` })
        count += driver.advance(1_000).filter(({ message }) => message.type === 'shuffle').length
      }
      return count
    }
    expect(shuffles(50)).toBe(shuffles(0))
    expect(shuffles(50)).toBeLessThanOrEqual(23)
  })

  test('HPV-D17: a walk that has nowhere to go ends where it is: a shuffle is answered, a joiner is asked', () => {
    const driver = new Driver().link('a', 'origin')
    expect(driver.receive('a', shuffle({ link: idOf('a'), ttl: 2 }))).toMatchObject([
      { to: 'origin', message: { type: 'shuffleReply' } }
    ])
    const lonely = new Driver().link('a')
    const walk: Message = { type: 'forwardJoin', peer: info('j'), walk: 'split', ttl: 5, spareHops: 6 }
    expect(lonely.receive('a', walk)).toMatchObject([{ to: 'j', message: { type: 'neighbor' } }])
  })

  test('data travels with requests and is known when a neighbour comes up', () => {
    const driver = new Driver()
    driver.join('contact')
    const up = driver
      .apply({ type: 'message', from: 'x', message: neighbor({ requestId: 3, data: Uint8Array.of(7, 7) }) })
      .find(output => output.type === 'neighborUp')
    expect(up).toEqual({ type: 'neighborUp', peer: 'x', data: Uint8Array.of(7, 7) })
    driver.apply({ type: 'setData', data: Uint8Array.of(5) })
    const [reply] = driver.receive('y', neighbor({ requestId: 4 }))
    expect(reply?.message).toMatchObject({ data: Uint8Array.of(5) })
    expect(() => driver.apply({ type: 'setData', data: new Uint8Array(513) })).toThrow(RangeError)
  })

  test('settings that make no sense are refused', () => {
    expect(() => new Driver({ activeViewCapacity: 0 })).toThrow(RangeError)
    expect(() => new Driver({ shuffleIntervalMs: Number.NaN })).toThrow(/shuffleIntervalMs/)
  })
})

/** The message of a send that must be there. */
function sole(send: { message: Message } | undefined): Message {
  if (send === undefined) throw new Error('nothing was sent')
  return send.message
}

function shuffle(fields: Partial<ShuffleMessage> = {}): ShuffleMessage {
  return {
    type: 'shuffle',
    shuffleId: 77,
    origin: info('origin'),
    ttl: 0,
    link: 0,
    entries: [],
    swap: undefined,
    ...fields
  }
}
