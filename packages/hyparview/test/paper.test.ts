import { describe, expect, test } from 'vitest'
import type { Config, ForwardJoinMessage, Message, ShuffleMessage } from '../src/index.ts'
import { accepted, Driver, idOf, info, neighbor, refused, rejects, sends } from './driver.ts'

/** The rules of the paper as they are, without this project's deviations. */
const PAPER: Partial<Config> = {
  joinRule: 'replace',
  swapShare: 0,
  swapShufflesFirst: 0,
  lostProbeMs: 0,
  contactProbeShare: 0
}

const FULL = ['a', 'b', 'c', 'd', 'e']
const noData = new Uint8Array(0)

function forwardJoin(
  joiner: string,
  ttl: number,
  walk: ForwardJoinMessage['walk'] = 'replace'
): ForwardJoinMessage {
  return { type: 'forwardJoin', peer: info(joiner), walk, ttl, spareHops: 6 }
}

function shuffle(from: string, fields: Partial<ShuffleMessage> = {}): ShuffleMessage {
  return {
    type: 'shuffle',
    shuffleId: 77,
    origin: info('origin'),
    ttl: 0,
    link: idOf(from),
    entries: [],
    swap: undefined,
    ...fields
  }
}

function only<T extends Message['type']>(
  sent: readonly { to: string; message: Message }[],
  type: T
): { to: string; message: Extract<Message, { type: T }> }[] {
  return sent.filter(
    (one): one is { to: string; message: Extract<Message, { type: T }> } => one.message.type === type
  )
}

describe('joining (§4.1)', () => {
  test('a new node sends JOIN to a contact', () => {
    const driver = new Driver(PAPER)
    const sent = sends(driver.join('contact'))
    expect(sent.map(({ to, message }) => [to, message.type])).toEqual([['contact', 'join']])
    expect(driver.machine.activeView).toEqual([])
  })

  test('the contact comes up when it has accepted, and not before', () => {
    const driver = new Driver(PAPER)
    const [join] = only(sends(driver.join('contact')), 'join')
    driver.receive('contact', accepted(join?.message.requestId ?? -1))
    expect(driver.events).toEqual(['+contact'])
  })

  test('the contact takes the joiner in, even if it must drop a random neighbour', () => {
    const driver = new Driver(PAPER).link(...FULL)
    const sent = driver.receive('joiner', { type: 'join', requestId: 5, data: noData })
    expect(driver.machine.activeView).toHaveLength(5)
    expect(driver.machine.activeView).toContain('joiner')
    const [dropped] = only(sent, 'disconnect')
    expect(dropped?.message).toMatchObject({ links: [idOf(dropped?.to ?? '')], alive: true })
    expect(driver.machine.passiveView).toContain(dropped?.to)
    expect(driver.events.slice(5)).toEqual([`-${dropped?.to} replaced`, '+joiner'])
  })

  test('the contact forwards the join to all its other neighbours, with the length of the walk', () => {
    const driver = new Driver(PAPER).link('a', 'b', 'c')
    const sent = only(driver.receive('joiner', { type: 'join', requestId: 5, data: noData }), 'forwardJoin')
    expect(sent.map(({ to }) => to).toSorted()).toEqual(['a', 'b', 'c'])
    // The first hop counts: a walk of ARWL hops has ARWL - 1 left after it.
    for (const { message } of sent) expect(message).toMatchObject({ peer: info('joiner'), ttl: 5 })
  })

  test('a forwarded join goes on to a random neighbour, never back, with one hop less', () => {
    const driver = new Driver(PAPER).link('a', 'b', 'c')
    for (let i = 0; i < 20; i++) {
      const [sent] = driver.receive('a', forwardJoin('joiner', 5))
      expect(['b', 'c']).toContain(sent?.to)
      expect(sent?.message).toMatchObject({ type: 'forwardJoin', ttl: 4 })
    }
  })

  test('at PRWL the joiner enters the passive view and the walk goes on', () => {
    const driver = new Driver(PAPER).link('a', 'b')
    driver.receive('a', forwardJoin('other', 4))
    expect(driver.machine.passiveView).toEqual([])
    const [sent] = driver.receive('a', forwardJoin('joiner', 3))
    expect(driver.machine.passiveView).toEqual(['joiner'])
    expect(sent).toMatchObject({ to: 'b', message: { type: 'forwardJoin', ttl: 2 } })
  })

  test('at the end of the walk the node asks the joiner, with high priority', () => {
    const driver = new Driver(PAPER).link('a', 'b')
    expect(driver.receive('a', forwardJoin('joiner', 0))).toMatchObject([
      { to: 'joiner', message: { type: 'neighbor', priority: 'high' } }
    ])
    // HPV-D3: the link stands only when the joiner knows of it.
    expect(driver.machine.activeView).not.toContain('joiner')
  })

  test('the end of the walk drops a random neighbour for a joiner that accepts', () => {
    const driver = new Driver(PAPER).link(...FULL)
    const [request] = only(driver.receive('a', forwardJoin('joiner', 0)), 'neighbor')
    expect(driver.machine.activeView).toEqual(FULL)
    const [dropped] = only(driver.receive('joiner', accepted(request?.message.requestId ?? -1)), 'disconnect')
    expect(FULL).toContain(dropped?.to)
    expect(driver.machine.activeView).toContain('joiner')
    expect(driver.machine.activeView).not.toContain(dropped?.to)
    expect(driver.machine.activeView).toHaveLength(5)
  })

  test('forged joins do not become more requests at once than the view has places', () => {
    const driver = new Driver(PAPER).link(...FULL)
    let asked = 0
    for (let i = 0; i < 100; i++) asked += driver.receive('a', forwardJoin(`forged${i}`, 0)).length
    expect(asked).toBe(5)
  })

  test('a node with one neighbour ends the walk whatever is left of it', () => {
    const driver = new Driver(PAPER).link('a')
    expect(driver.receive('a', forwardJoin('joiner', 5))).toMatchObject([
      { to: 'joiner', message: { type: 'neighbor' } }
    ])
  })

  test('a joiner that is a neighbour already is asked to renew its link, and nothing changes here', () => {
    const driver = new Driver(PAPER).link('a', 'b')
    expect(driver.receive('a', forwardJoin('b', 0))).toMatchObject([
      { to: 'b', message: { type: 'neighbor', priority: 'high', requestId: idOf('b') } }
    ])
    expect(driver.receive('b', accepted(idOf('b')))).toEqual([])
    expect(driver.events).toEqual(['+a', '+b'])
  })

  test('a joiner that is being asked is not asked again, and a walk for this node itself ends', () => {
    const driver = new Driver(PAPER).link('a', 'b')
    expect(driver.receive('a', forwardJoin('self', 0))).toEqual([])
    driver.receive('a', forwardJoin('joiner', 0))
    expect(driver.receive('a', forwardJoin('joiner', 0))).toEqual([])
  })

  test('a forged length of the walk is cut to ARWL', () => {
    const driver = new Driver(PAPER).link('a', 'b')
    expect(driver.receive('a', forwardJoin('joiner', 255))).toMatchObject([{ message: { ttl: 5 } }])
  })
})

describe('the active view (§4.2)', () => {
  test('a request of high priority is accepted even by a full node, which gives up a random neighbour', () => {
    const driver = new Driver(PAPER).link(...FULL)
    const sent = driver.receive('x', neighbor({ priority: 'high', requestId: 9 }))
    expect(driver.machine.activeView).toHaveLength(5)
    expect(driver.machine.activeView).toContain('x')
    expect(only(sent, 'neighborReply')).toMatchObject([
      { to: 'x', message: { accepted: true, requestId: 9 } }
    ])
    // HPV-D2: both sides announce the link.
    expect(driver.events.slice(5)).toHaveLength(2)
    expect(driver.events.at(-1)).toBe('+x')
  })

  test('a request of low priority is accepted only by a node with a free slot', () => {
    const driver = new Driver(PAPER).link('a', 'b', 'c', 'd')
    expect(driver.receive('e', neighbor({ requestId: 9 }))).toMatchObject([
      { to: 'e', message: { type: 'neighborReply', accepted: true } }
    ])
    expect(driver.receive('f', neighbor({ requestId: 10 }))).toMatchObject([
      { to: 'f', message: { type: 'neighborReply', accepted: false } }
    ])
    expect(driver.machine.activeView).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(driver.machine.passiveView).toEqual(['f'])
  })

  test('a lost neighbour is replaced by a random passive peer, asked with low priority', () => {
    const driver = new Driver(PAPER).link(...FULL)
    driver.receive('a', shuffle('a', { entries: [info('p')] }))
    const sent = only(sends(driver.apply({ type: 'peerLost', peer: 'b' })), 'neighbor')
    expect(driver.events.at(-1)).toBe('-b failed')
    expect(sent.map(({ to, message }) => [to, message.priority])).toContainEqual(['p', 'low'])
  })

  test('a node without any neighbour asks with high priority', () => {
    const driver = new Driver(PAPER).link('a')
    driver.receive('a', shuffle('a', { entries: [info('p'), info('q')] }))
    driver.advance(5_000)
    const sent = only(sends(driver.apply({ type: 'peerLost', peer: 'a' })), 'neighbor')
    const all = [...sent, ...only(driver.advance(10_000), 'neighbor')]
    expect(all.length).toBeGreaterThan(0)
    for (const { message } of all) expect(message.priority).toBe('high')
  })

  test('a peer that refuses stays in the passive view and another is asked (HPV-D4)', () => {
    const driver = new Driver({ ...PAPER, refillParallel: 1 }).link(...FULL)
    driver.receive('a', shuffle('a', { entries: [info('p'), info('q')] }))
    const [first] = only(sends(driver.apply({ type: 'peerLost', peer: 'b' })), 'neighbor')
    expect(first).toBeDefined()
    const next = only(driver.receive(first?.to ?? '', refused(first?.message.requestId ?? -1)), 'neighbor')
    expect(next).toHaveLength(1)
    expect(next[0]?.to).not.toBe(first?.to)
    expect(driver.machine.passiveView).toEqual(expect.arrayContaining(['p', 'q']))
  })

  test('a failed neighbour is kept in reserve and tried again with growing pauses (HPV-D4, HPV-A6)', () => {
    const driver = new Driver(PAPER).link('a', 'b')
    driver.apply({ type: 'peerLost', peer: 'b' })
    expect(driver.machine.passiveView).toEqual(['b'])
    const asks = only(driver.advance(300_000), 'neighbor') as unknown as { to: string; atMs: number }[]
    const times = asks.filter(({ to }) => to === 'b').map(({ atMs }) => atMs)
    expect(times.length).toBeGreaterThanOrEqual(3)
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0))
    for (let i = 1; i < Math.min(gaps.length, 3); i++)
      expect(gaps[i]).toBeGreaterThan((gaps[i - 1] ?? 0) * 0.9)
  })

  test('a spare contact that fails four times and then works becomes a neighbour (HPV-A6)', () => {
    const driver = new Driver(PAPER).link('a')
    driver.receive('a', shuffle('a', { entries: [info('p')] }))
    let failures = 0
    for (let i = 0; i < 2_000 && !driver.machine.activeView.includes('p'); i++) {
      for (const { to, message } of driver.advance(100)) {
        if (message.type !== 'neighbor' || to !== 'p') continue
        if (failures++ < 4) driver.apply({ type: 'peerLost', peer: 'p' })
        else driver.receive('p', accepted(message.requestId))
      }
    }
    expect(failures).toBe(5)
    expect(driver.machine.activeView).toContain('p')
  })

  test('DISCONNECT moves its sender to the passive view and a replacement is sought', () => {
    const driver = new Driver(PAPER).link(...FULL)
    driver.receive('a', shuffle('a', { entries: [info('p')] }))
    const sent = driver.receive('b', { type: 'disconnect', links: [idOf('b')], alive: true, samples: [] })
    expect(driver.events.at(-1)).toBe('-b disconnected')
    expect(driver.machine.passiveView).toContain('b')
    expect(only(sent, 'neighbor').length).toBeGreaterThan(0)
  })

  test('a peer that leaves is not kept', () => {
    const driver = new Driver(PAPER).link('a', 'b')
    driver.receive('b', { type: 'disconnect', links: [idOf('b')], alive: false, samples: [] })
    expect(driver.events.at(-1)).toBe('-b leftOverlay')
    expect(driver.machine.passiveView).toEqual([])
    expect(driver.machine.savedPeers().map(({ id }) => id)).toEqual(['a'])
  })
})

describe('the passive view (§4.3)', () => {
  test('a shuffle holds the node itself and samples of both views, and goes to a random neighbour', () => {
    const driver = new Driver(PAPER).link(...FULL)
    driver.receive('a', shuffle('a', { entries: ['p', 'q', 'r', 's', 't'].map(info) }))
    const [sent] = only(driver.advance(61_000), 'shuffle')
    expect(FULL).toContain(sent?.to)
    expect(sent?.message.origin.id).toBe('self')
    const ids = sent?.message.entries.map(({ id }) => id) ?? []
    expect(ids.filter(id => driver.machine.activeView.includes(id))).toHaveLength(3)
    expect(ids.filter(id => driver.machine.passiveView.includes(id))).toHaveLength(4)
  })

  test('a shuffle on its way is only forwarded, with its origin, and not answered (HPV-D9)', () => {
    const driver = new Driver(PAPER).link('a', 'b')
    const sent = driver.receive('a', shuffle('a', { ttl: 2, entries: [info('p')] }))
    expect(sent).toMatchObject([{ to: 'b', message: { type: 'shuffle', ttl: 0, origin: info('origin') } }])
    expect(driver.machine.passiveView).toEqual([])
  })

  test('the end of the walk answers the origin, not the forwarder, with as many peers as it got', () => {
    const driver = new Driver(PAPER).link('a', 'b')
    driver.receive('a', shuffle('a', { entries: ['p', 'q', 'r', 's'].map(info) }))
    const [sent] = only(
      driver.receive('a', shuffle('a', { shuffleId: 5, entries: [info('x'), info('y')] })),
      'shuffleReply'
    )
    expect(sent).toMatchObject({ to: 'origin', message: { shuffleId: 5 } })
    expect(sent?.message.entries.length).toBeLessThanOrEqual(3)
    expect(sent?.message.entries.length).toBeGreaterThanOrEqual(2)
    expect(driver.machine.passiveView).toEqual(expect.arrayContaining(['x', 'y', 'origin']))
  })

  test('deviation: an answer holds neighbours too, who are met in person, and not hearsay alone', () => {
    const driver = new Driver(PAPER).link(...FULL)
    driver.receive('a', shuffle('a', { entries: Array.from({ length: 7 }, (_, i) => info(`p${i}`)) }))
    const entries = Array.from({ length: 7 }, (_, i) => info(`q${i}`))
    const [sent] = only(driver.receive('a', shuffle('a', { shuffleId: 5, entries })), 'shuffleReply')
    const ids = sent?.message.entries.map(({ id }) => id) ?? []
    expect(ids).toHaveLength(8)
    expect(ids.filter(id => FULL.includes(id))).toHaveLength(5)
    expect(new Set(ids).size).toBe(8)
  })

  test('deviation: a shuffle with a swap goes about as far as a join, one without a third as far', () => {
    const swaps = new Driver({
      swapRandomWalkLength: 6,
      swapShufflesFirst: 1,
      swapShare: 0,
      lostProbeMs: 0,
      contactProbeShare: 0
    }).link(...FULL)
    expect(swaps.advanceUntil('shuffle')).toMatchObject({ ttl: 5, swap: { id: expect.anything() } })
    expect(swaps.advanceUntil('shuffle')).toMatchObject({ ttl: 1, swap: undefined })
    const [far] = swaps.receive('a', shuffle('a', { ttl: 9, swap: info('b2') }))
    expect(far?.message).toMatchObject({ ttl: 4 })
    const [near] = swaps.receive('a', shuffle('a', { ttl: 9 }))
    expect(near?.message).toMatchObject({ ttl: 0 })
  })

  test('deviation: half a hop is a hop in half of the shuffles, and never refused on the way', () => {
    const driver = new Driver({ swapShare: 1, lostProbeMs: 0, contactProbeShare: 0 }).link(...FULL)
    const ttls = Array.from({ length: 200 }, () => driver.advanceUntil('shuffle').ttl)
    expect(new Set(ttls)).toEqual(new Set([5, 6]))
    expect(ttls.filter(ttl => ttl === 6).length).toBeGreaterThan(70)
    expect(ttls.filter(ttl => ttl === 5).length).toBeGreaterThan(70)
    const [sent] = driver.receive('a', shuffle('a', { ttl: 6, swap: info('b2') }))
    expect(sent?.message).toMatchObject({ ttl: 5 })
  })

  test('entries never bring the node itself or a neighbour into the passive view (HPV-D10)', () => {
    const driver = new Driver(PAPER).link('a', 'b')
    driver.receive('a', shuffle('a', { entries: ['self', 'a', 'b', 'p', 'p'].map(info) }))
    expect(driver.machine.passiveView.toSorted()).toEqual(['origin', 'p'])
  })

  test('in a full passive view what was sent away goes first', () => {
    const driver = new Driver({ ...PAPER, passiveViewCapacity: 4, shufflePassiveCount: 2 }).link(...FULL)
    driver.receive('a', shuffle('a', { origin: info('p'), entries: ['q', 'r', 's'].map(info) }))
    const sent = driver.advanceUntil('shuffle')
    const away = sent.entries.map(({ id }) => id).filter(id => !FULL.includes(id))
    expect(away).toHaveLength(2)
    const reply: Message = {
      type: 'shuffleReply',
      shuffleId: sent.shuffleId,
      data: noData,
      entries: [info('new1'), info('new2')],
      swap: undefined
    }
    driver.receive('a', reply)
    const view = driver.machine.passiveView
    expect(view).toEqual(expect.arrayContaining(['new1', 'new2']))
    expect(view.filter(id => away.includes(id))).toEqual([])
  })

  test('an answer to no shuffle of ours is refused', () => {
    const driver = new Driver(PAPER).link('a')
    const reply: Message = {
      type: 'shuffleReply',
      shuffleId: 1,
      data: noData,
      entries: [info('p')],
      swap: undefined
    }
    expect(rejects(driver.apply({ type: 'message', from: 'a', message: reply }))).toEqual(['a unasked'])
    expect(driver.machine.passiveView).toEqual([])
  })
})
