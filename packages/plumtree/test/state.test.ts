import { describe, expect, test } from 'vitest'
import { plumtreeConfig } from '../src/index.ts'
import { ROUND_MAX } from '../src/tree.ts'
import { Bench, delivers, gossip, sends } from './step.ts'

describe('strangers', () => {
  test.each(['ihave', 'graft', 'prune', 'unavailable'] as const)('%s of a stranger changes nothing', type => {
    const bench = new Bench({}, ['a'])
    const messages = {
      ihave: { type, announcements: [{ id: gossip(1).id, heldMs: 0 }] },
      graft: { type, ids: [], eager: true },
      prune: { type },
      unavailable: { type, ids: [gossip(1).id] }
    }
    expect(bench.receive('x', messages[type] as never)).toEqual([{ type: 'stranger', peer: 'x' }])
    expect(bench.machine.stats()).toMatchObject({ eager: 0, lazy: 1, missing: 0, strangers: 1 })
  })

  test('a payload of a stranger is delivered, but makes no link', () => {
    const bench = new Bench({}, ['a'])
    expect(delivers(bench.receive('x', gossip(1)))).toBe(true)
    expect(sends(bench.receive('x', gossip(1)))).toEqual([])
    expect([...bench.machine.eagerPeers(), ...bench.machine.lazyPeers()]).toEqual(['a'])
  })
})

describe('ids', () => {
  test('a payload under a foreign id is refused, and the real one still gets through', () => {
    const bench = new Bench({}, ['a', 'b'])
    const forged = { ...gossip(1), payload: new Uint8Array([9]) }
    expect(bench.receive('a', forged)).toEqual([{ type: 'rejected', from: 'a', reason: 'idMismatch' }])
    expect(delivers(bench.receive('b', gossip(1)))).toBe(true)
  })

  test('a forged answer to a graft sends the asker to the next announcer', () => {
    const bench = new Bench({}, ['a', 'b'])
    bench.announce('a', gossip(1).id)
    bench.announce('b', gossip(1).id)
    expect(sends(bench.receive('a', { ...gossip(1), sequence: 2 }))).toEqual(['b:graft'])
  })

  test('a hop count that lies is told on as it is cut, and changes nothing else', () => {
    const bench = new Bench({ newLinks: 'eager' }, ['a', 'b'])
    const outputs = bench.receive('a', gossip(1, new Uint8Array([1]), Number.MAX_SAFE_INTEGER))
    const rounds = outputs.flatMap(output => {
      if (output.type === 'deliver') return [output.round]
      return output.type === 'send' && output.message.type === 'gossip' ? [output.message.round] : []
    })
    expect(rounds).toEqual([ROUND_MAX, ROUND_MAX])
    expect(bench.machine.eagerPeers().toSorted()).toEqual(['a', 'b'])
  })

  test('equal payloads broadcast twice are two messages', () => {
    const bench = new Bench({ newLinks: 'eager' }, ['a'])
    const ids = [1, 2].map(() => {
      const sent = bench.broadcast(new Uint8Array([7])).find(output => output.type === 'send')
      return sent?.type === 'send' && sent.message.type === 'gossip' ? sent.message.id : undefined
    })
    expect(new Set(ids).size).toBe(2)
  })

  test('time that goes back stands still: what came meanwhile is as fresh as it is', () => {
    const bench = new Bench({}, ['a', 'b'])
    bench.nowMs = 1_000_000
    bench.receive('a', gossip(1))
    bench.nowMs = 0
    bench.receive('a', gossip(2))
    bench.nowMs = 1_005_000
    const [told] = bench.input({ type: 'neighborUp', peer: 'c' })
    expect(told).toMatchObject({
      to: 'c',
      message: { announcements: [{ heldMs: 5_000 }, { heldMs: 5_000 }] }
    })
    bench.pass(400_000)
    expect(bench.machine.stats()).toMatchObject({ cached: 0, seen: 0 })
  })

  test('an id is remembered longer than its payload', () => {
    const bench = new Bench({}, ['a', 'b'])
    bench.receive('a', gossip(1))
    bench.pass(60_000)
    expect(bench.machine.stats()).toMatchObject({ cached: 0, seen: 1 })
    expect(delivers(bench.receive('b', gossip(1)))).toBe(false)
    bench.pass(300_000)
    expect(bench.machine.stats()).toMatchObject({ seen: 0 })
  })
})

describe('isolation', () => {
  test('an own payload goes after its age as a received one does, and so does one that waited for a neighbour', () => {
    const bench = new Bench({ cacheAgeMs: 1_000, seenAgeMs: 60_000, newLinks: 'eager' })
    bench.broadcast(new Uint8Array([1]))
    bench.pass(5_000)
    expect(bench.machine.stats()).toMatchObject({ cached: 1, unsent: 1 })
    bench.input({ type: 'neighborUp', peer: 'a' })
    bench.broadcast(new Uint8Array([2]))
    expect(bench.machine.stats()).toMatchObject({ cached: 2, unsent: 0 })
    bench.pass(3_000)
    expect(bench.machine.stats()).toMatchObject({ cached: 0, cachedBytes: 0, seen: 2 })
  })

  test('broadcasts made while isolated are kept and leave over the first link', () => {
    const bench = new Bench()
    bench.broadcast(new Uint8Array([1]))
    bench.broadcast(new Uint8Array([2]))
    bench.pass(3_600_000)
    expect(bench.machine.stats()).toMatchObject({ unsent: 2, cached: 2 })
    expect(sends(bench.input({ type: 'neighborUp', peer: 'a' }))).toEqual(['a:gossip', 'a:gossip'])
    expect(bench.machine.stats()).toMatchObject({ unsent: 0, cached: 2, eager: 1 })
  })

  test('what left over a first link is announced over the next, as long as it is fresh', () => {
    const bench = new Bench()
    bench.broadcast(new Uint8Array([1]))
    bench.pass(60_000)
    bench.input({ type: 'neighborUp', peer: 'a' })
    expect(sends(bench.input({ type: 'neighborUp', peer: 'b' }))).toEqual(['b:ihave'])
    bench.pass(11_000)
    expect(sends(bench.input({ type: 'neighborUp', peer: 'c' }))).toEqual([])
  })

  test('the oldest gives way when too many are kept, by count and by bytes', () => {
    const byCount = new Bench({ unsentCountMax: 3 })
    for (let i = 0; i < 5; i++) byCount.broadcast(new Uint8Array([i]))
    expect(byCount.machine.stats()).toMatchObject({ unsent: 3, unsentDropped: 2 })
    const byBytes = new Bench({ unsentBytesMax: 100 })
    for (let i = 0; i < 5; i++) byBytes.broadcast(new Uint8Array(40))
    expect(byBytes.machine.stats()).toMatchObject({ unsent: 2, unsentDropped: 3, cachedBytes: 80 })
  })

  test('a sender outside the tree starts it over one link', () => {
    const bench = new Bench({}, ['a', 'b', 'c'])
    const outputs = sends(bench.broadcast(new Uint8Array([1])))
    expect(outputs.filter(send => send.endsWith(':gossip'))).toHaveLength(1)
    expect(outputs.filter(send => send.endsWith(':ihave'))).toHaveLength(2)
  })
})

describe('bounds', () => {
  test('announcements of one peer are bounded, and another peer is not affected', () => {
    const bench = new Bench({ missingPerPeerMax: 10 }, ['liar', 'honest', 'parent'])
    bench.receive('parent', gossip(0))
    for (let i = 0; i < 100; i++) bench.announce('liar', i.toString(16).padStart(32, '0'))
    expect(bench.machine.stats()).toMatchObject({ missing: 10, announcementsIgnored: 90 })
    bench.announce('honest', gossip(1).id)
    expect(bench.machine.stats()).toMatchObject({ missing: 11 })
  })

  test('the missing table is bounded over all peers', () => {
    const bench = new Bench({ missingCountMax: 5 }, ['a', 'parent'])
    bench.receive('parent', gossip(0))
    for (let i = 0; i < 50; i++) bench.announce('a', i.toString(16).padStart(32, '0'))
    expect(bench.machine.stats().missing).toBe(5)
  })

  test('the payload cache is bounded by count and by bytes', () => {
    const bench = new Bench({ cacheCountMax: 4, cacheBytesMax: 100 }, ['a'])
    for (let i = 0; i < 10; i++) bench.receive('a', gossip(i))
    expect(bench.machine.stats()).toMatchObject({ cached: 4, seen: 10 })
    for (let i = 10; i < 20; i++) bench.receive('a', gossip(i, new Uint8Array(40)))
    expect(bench.machine.stats()).toMatchObject({ cached: 2, cachedBytes: 80 })
  })

  test('the id memory is bounded by count', () => {
    const bench = new Bench({ seenCountMax: 8 }, ['a'])
    for (let i = 0; i < 20; i++) bench.receive('a', gossip(i))
    expect(bench.machine.stats().seen).toBe(8)
  })

  test('a payload over the limit is refused, ours by RangeError', () => {
    const bench = new Bench({ payloadBytesMax: 10 }, ['a'])
    expect(bench.receive('a', gossip(1, new Uint8Array(11)))).toEqual([
      { type: 'rejected', from: 'a', reason: 'oversize' }
    ])
    expect(() => bench.broadcast(new Uint8Array(11))).toThrow(RangeError)
  })

  test('a message with too many ids is refused whole', () => {
    const bench = new Bench({ announcementsMax: 2, graftIdsMax: 2 }, ['a'])
    const ids = [1, 2, 3].map(sequence => gossip(sequence).id)
    const announcements = ids.map(id => ({ id, heldMs: 0 }))
    const refused = [{ type: 'rejected', from: 'a', reason: 'tooManyIds' }]
    expect(bench.receive('a', { type: 'ihave', announcements })).toEqual(refused)
    expect(bench.graft('a', ids)).toEqual(refused)
    expect(bench.receive('a', { type: 'unavailable', ids })).toEqual(refused)
  })

  test('a peer fetches only so many bytes a second by graft', () => {
    const bench = new Bench({ graftBytesPerSecondMax: 1_000 }, ['a', 'b'])
    bench.receive('a', gossip(1, new Uint8Array(400)))
    const replies = Array.from({ length: 10 }, () =>
      sends(bench.graft('b', [gossip(1, new Uint8Array(400)).id]))
    ).flat()
    expect(replies.filter(send => send === 'b:gossip')).toHaveLength(2)
    expect(bench.machine.stats().graftsRefused).toBe(8)
    bench.nowMs += 1_000
    expect(sends(bench.graft('b', [gossip(1, new Uint8Array(400)).id]))).toEqual(['b:gossip'])
  })

  test('a peer whose announcements lead to nothing may have ever fewer', () => {
    const bench = new Bench({ missingPerPeerMax: 64 }, ['liar', 'parent'])
    bench.receive('parent', gossip(0))
    for (let wave = 0; wave < 10; wave++) {
      for (let i = 0; i < 100; i++) bench.announce('liar', (wave * 100 + i).toString(16).padStart(32, '0'))
      bench.pass(10_000)
    }
    for (let i = 0; i < 100; i++) bench.announce('liar', (5_000 + i).toString(16).padStart(32, '0'))
    expect(bench.machine.stats().missing).toBe(8)
  })

  test('small payloads are not free: what a peer fetches is counted with what carries it', () => {
    const bench = new Bench({ graftBytesPerSecondMax: 480 }, ['a', 'b'])
    bench.receive('a', gossip(1, new Uint8Array(0)))
    const replies = Array.from({ length: 100 }, () =>
      sends(bench.graft('b', [gossip(1, new Uint8Array(0)).id]))
    ).flat()
    expect(replies.filter(send => send === 'b:gossip')).toHaveLength(10)
  })

  test('however many messages come, announcing them takes a handful of timers', () => {
    const bench = new Bench({}, ['a', 'b', 'c'])
    for (let i = 0; i < 1_000; i++) {
      bench.receive('a', gossip(i))
      bench.pass(100)
    }
    expect(bench.timers.length).toBeLessThanOrEqual(4)
  })

  test('ids that are announced and taken back for ever leave a handful of timers', () => {
    const bench = new Bench({}, ['parent', 'liar'])
    bench.receive('parent', gossip(0))
    const before = bench.timers.length
    for (let i = 0; i < 5_000; i++) {
      const id = i.toString(16).padStart(32, '0')
      bench.announce('liar', id)
      bench.receive('liar', { type: 'unavailable', ids: [id] })
    }
    expect(bench.timers.length - before).toBeLessThanOrEqual(2)
    expect(bench.machine.stats().missing).toBe(0)
  })

  test('a peer that breaks its word again and again does not keep this node alarmed', () => {
    const bench = new Bench({}, ['parent', 'a', 'b', 'c', 'liar'])
    bench.receive('parent', gossip(0))
    for (let i = 0; i < 200; i++) bench.announce('liar', i.toString(16).padStart(32, '0'))
    bench.pass(60_000)
    const fake = 'f'.repeat(32)
    bench.announce('liar', fake)
    bench.pass(2_000)
    expect(bench.machine.stats().abandoned).toBe(200)
    bench.receive('parent', gossip(1))
    // Alarmed it would tell all three at once.
    expect(sends(bench.pass(15)).filter(send => send.endsWith(':ihave'))).toEqual([])
  })

  test('announcements waiting for a peer are bounded', () => {
    const bench = new Bench({ announceQueueMax: 16 }, ['a', 'b'])
    bench.receive('a', gossip(0))
    for (let i = 0; i < 50; i++) bench.receive('a', gossip(i + 1))
    expect(bench.machine.stats()).toMatchObject({ queued: 16, announcementsDropped: 34 })
  })
})

test('a configuration bound that is not positive is refused', () => {
  expect(() => plumtreeConfig({ cacheCountMax: 0 })).toThrow(RangeError)
  expect(() => plumtreeConfig({ alarmMs: Number.NaN })).toThrow(RangeError)
})
