import { describe, expect, test } from 'vitest'
import { Bench, delivers, gossip, sends } from './step.ts'

/** One test for each rule of Leitão, Pereira and Rodrigues, "Epidemic Broadcast Trees", §3, and for each deviation. */
describe('broadcast and eager push (§3.3, §3.4)', () => {
  test('a broadcast goes as payload to eager peers, as id to lazy peers, and not to the caller', () => {
    const bench = new Bench({}, ['a', 'b', 'c'])
    bench.graft('a', [])
    const outputs = bench.broadcast(new Uint8Array([1]))
    expect(sends(outputs).sort()).toEqual(['a:gossip', 'b:ihave', 'c:ihave'])
    expect(delivers(outputs)).toBe(false)
  })

  test('a new payload is delivered, forwarded to the other eager peers and announced to the lazy ones', () => {
    const bench = new Bench({}, ['a', 'b', 'c'])
    bench.graft('b', [])
    const outputs = bench.receive('a', gossip(1))
    expect(delivers(outputs)).toBe(true)
    expect(sends(outputs)).toEqual(['b:gossip', 'c:ihave'])
  })

  test('a forwarded payload has travelled one hop more', () => {
    const bench = new Bench({ newLinks: 'eager' }, ['a', 'b'])
    const outputs = bench.receive('a', gossip(1, new Uint8Array([1]), 4))
    const sent = outputs.find(output => output.type === 'send')
    expect(sent?.type === 'send' && sent.message.type === 'gossip' && sent.message.round).toBe(5)
  })

  test('what goes to several eager peers is one message, so that a driver can encode it once', () => {
    const bench = new Bench({ newLinks: 'eager' }, ['a', 'b', 'c'])
    const sent = bench.broadcast(new Uint8Array([1])).filter(output => output.type === 'send')
    expect(sent).toHaveLength(3)
    expect(new Set(sent.map(output => output.message)).size).toBe(1)
  })

  test('the link that brought a new payload first joins the tree', () => {
    const bench = new Bench({}, ['a', 'b'])
    bench.receive('a', gossip(1))
    expect(bench.machine.eagerPeers()).toEqual(['a'])
  })

  test('a second copy is not delivered; its sender is pruned and becomes lazy here too', () => {
    const bench = new Bench({ newLinks: 'eager' }, ['a', 'b'])
    bench.receive('a', gossip(1))
    const outputs = bench.receive('b', gossip(1))
    expect(delivers(outputs)).toBe(false)
    expect(sends(outputs)).toEqual(['b:prune'])
    expect(bench.machine.lazyPeers()).toEqual(['b'])
  })

  test('every second copy is answered by PRUNE, also over a link that is lazy here already', () => {
    const bench = new Bench({ newLinks: 'eager' }, ['a', 'b'])
    bench.receive('a', gossip(1))
    bench.receive('b', gossip(1))
    bench.receive('a', gossip(2))
    expect(sends(bench.receive('b', gossip(2)))).toEqual(['b:prune'])
  })

  test('the same peer sending one payload twice is not pruned: it answered two grafts', () => {
    const bench = new Bench({}, ['a', 'b'])
    bench.receive('a', gossip(1))
    expect(sends(bench.receive('a', gossip(1)))).toEqual([])
    expect(bench.machine.eagerPeers()).toEqual(['a'])
  })

  test('PRUNE makes its sender lazy', () => {
    const bench = new Bench({ newLinks: 'eager' }, ['a', 'b'])
    bench.receive('a', { type: 'prune' })
    expect(bench.machine.lazyPeers()).toEqual(['a'])
  })
})

describe('lazy push and repair (§3.4, §3.5)', () => {
  test('announcements are batched', () => {
    const bench = new Bench({}, ['a', 'b'])
    for (const sequence of [1, 2, 3]) bench.receive('a', gossip(sequence))
    const batches = bench
      .pass(100)
      .filter(output => output.type === 'send' && output.message.type === 'ihave')
    expect(batches).toHaveLength(1)
    const batch = batches[0]
    // The first id went out at once, to a link that had heard nothing yet.
    expect(
      batch?.type === 'send' && batch.message.type === 'ihave' && batch.message.announcements.length
    ).toBe(2)
  })

  test('deviation: while something is lost near here, each id rides along with a later announcement once more', () => {
    const bench = new Bench({}, ['a', 'b', 'c'])
    bench.receive('a', gossip(1))
    bench.pass(60_000)
    bench.input({ type: 'neighborDown', peer: 'c' })
    const announced = (sequence: number): number => {
      bench.receive('a', gossip(sequence))
      const batches = bench.pass(100).flatMap(output => (output.type === 'send' ? [output.message] : []))
      return batches.reduce((sum, each) => sum + (each.type === 'ihave' ? each.announcements.length : 0), 0)
    }
    expect([announced(2), announced(3), announced(4)]).toEqual([1, 2, 2])
  })

  test('deviation: with traffic one lazy peer a message is told, and all when it has become quiet', () => {
    const bench = new Bench({}, ['a', 'b', 'c', 'd'])
    bench.receive('a', gossip(1))
    bench.pass(60_000)
    const told = () => sends(bench.pass(3_000)).filter(send => send.endsWith(':ihave'))
    for (const sequence of [2, 3, 4, 5]) {
      bench.receive('a', gossip(sequence))
      expect(told()).toHaveLength(1)
    }
    // The last one's turn was taken; the two others are told although a timer for repeats runs for longer.
    expect(told()).toHaveLength(2)
    expect(bench.machine.stats().queued).toBe(0)
  })

  test('IHAVE for a known id asks for nothing', () => {
    const bench = new Bench({}, ['a', 'b'])
    bench.receive('a', gossip(1))
    expect(sends(bench.announce('b', gossip(1).id))).toEqual([])
    expect(sends(bench.pass(5_000))).not.toContain('b:graft')
  })

  test('IHAVE for an unknown id starts a timer; the payload coming in time stops it', () => {
    const bench = new Bench({}, ['a', 'b'])
    bench.receive('a', gossip(1))
    expect(sends(bench.announce('b', gossip(2).id))).toEqual([])
    bench.pass(100)
    bench.receive('a', gossip(2))
    expect(sends(bench.pass(5_000))).not.toContain('b:graft')
  })

  test('the timer running out grafts the first announcer and takes its link into the tree', () => {
    const bench = new Bench({}, ['a', 'b'])
    bench.receive('a', gossip(1))
    bench.announce('b', gossip(2).id)
    expect(sends(bench.pass(1_500))).toContain('b:graft')
    expect(bench.machine.eagerPeers()).toEqual(['a', 'b'])
  })

  test('later announcers queue up and are grafted one after another, by the second timer', () => {
    const bench = new Bench({}, ['a', 'b', 'c', 'd'])
    bench.receive('a', gossip(1))
    for (const peer of ['b', 'c', 'd']) bench.announce(peer, gossip(2).id)
    const grafts = sends(bench.pass(2_500)).filter(send => send.endsWith(':graft'))
    expect(grafts.slice(0, 3)).toEqual(['b:graft', 'c:graft', 'd:graft'])
  })

  test('announcers stay in rotation until each was asked its share, then the id is left to reconciliation', () => {
    const bench = new Bench({}, ['a', 'b', 'c'])
    bench.receive('a', gossip(1))
    for (const peer of ['b', 'c']) bench.announce(peer, gossip(2).id)
    const grafts = sends(bench.pass(20_000)).filter(send => send.endsWith(':graft'))
    expect(grafts).toEqual(['b:graft', 'c:graft', 'b:graft', 'c:graft', 'b:graft', 'c:graft'])
    expect(bench.machine.stats()).toMatchObject({ missing: 0, abandoned: 1 })
  })

  test('GRAFT is answered with the payload and makes its sender eager', () => {
    const bench = new Bench({}, ['a', 'b'])
    bench.receive('a', gossip(1))
    expect(sends(bench.graft('b', [gossip(1).id]))).toEqual(['b:gossip'])
    expect(bench.machine.eagerPeers()).toEqual(['a', 'b'])
  })

  test('GRAFT for what is not cached is answered by "unavailable"', () => {
    const bench = new Bench({}, ['a'])
    expect(sends(bench.graft('a', [gossip(9).id]))).toEqual(['a:unavailable'])
  })

  test('"unavailable" sends the asker to the next announcer at once', () => {
    const bench = new Bench({}, ['a', 'b'])
    expect(sends(bench.announce('a', gossip(1).id))).toEqual(['a:graft'])
    bench.announce('b', gossip(1).id)
    expect(sends(bench.receive('a', { type: 'unavailable', ids: [gossip(1).id] }))).toEqual(['b:graft'])
  })

  test('a stale timer does nothing', () => {
    const bench = new Bench({}, ['a', 'b'])
    bench.receive('a', gossip(1))
    bench.announce('b', gossip(2).id)
    bench.receive('a', gossip(2))
    expect(bench.input({ type: 'timer', timer: { type: 'graft', turn: 0 } })).toEqual([])
  })
})

describe('membership changes (§3.6)', () => {
  test('a new neighbour joins the eager set when links start eager', () => {
    expect(new Bench({ newLinks: 'eager' }, ['a']).machine.eagerPeers()).toEqual(['a'])
  })

  test('deviation: a new neighbour starts lazy and hears of everything recent at once', () => {
    const bench = new Bench({}, ['a'])
    bench.receive('a', gossip(1))
    bench.pass(5_000)
    expect(sends(bench.input({ type: 'neighborUp', peer: 'b' }))).toEqual(['b:ihave'])
    expect(bench.machine.isLazy('b')).toBe(true)
  })

  test('a neighbour that left is in neither set, and what it announced is asked of the next announcer', () => {
    const bench = new Bench({}, ['a', 'b'])
    bench.announce('a', gossip(1).id)
    bench.announce('b', gossip(1).id)
    const outputs = bench.input({ type: 'neighborDown', peer: 'a' })
    expect(sends(outputs)).toEqual(['b:graft'])
    expect([...bench.machine.eagerPeers(), ...bench.machine.lazyPeers()]).toEqual(['b'])
  })

  test('deviation: the loss of the parent is repaired at once over the lazy peer that last had news', () => {
    const bench = new Bench({}, ['a', 'b', 'c'])
    bench.receive('a', gossip(1))
    bench.announce('c', gossip(2).id)
    bench.receive('a', gossip(2))
    expect(sends(bench.input({ type: 'neighborDown', peer: 'a' }))).toEqual(['c:graft'])
  })

  test('deviation: after a loss announcements go to all lazy peers at once', () => {
    const bench = new Bench({}, ['a', 'b', 'c', 'd'])
    for (const sequence of [1, 2]) bench.receive('a', gossip(sequence))
    bench.pass(20_000)
    bench.input({ type: 'neighborDown', peer: 'd' })
    bench.receive('a', gossip(3))
    expect(sends(bench.pass(15)).sort()).toEqual(['b:ihave', 'c:ihave'])
  })

  test('leaving forgets everything', () => {
    const bench = new Bench({}, ['a', 'b'])
    bench.broadcast(new Uint8Array([1]))
    bench.announce('b', gossip(1).id)
    bench.input({ type: 'leave' })
    expect(bench.machine.stats()).toMatchObject({
      eager: 0,
      lazy: 0,
      cached: 0,
      seen: 0,
      missing: 0,
      queued: 0
    })
    expect(sends(bench.pass(600_000))).toEqual([])
  })
})

describe('tree optimisation (§3.8)', () => {
  /** Two messages of one origin over `a`; `b` would have brought the second one `leadMs` earlier. */
  function lead(leadMs: number, heldMs = 0): Bench {
    const bench = new Bench({}, ['a', 'b'])
    bench.receive('a', gossip(1))
    bench.nowMs = 1_000
    bench.announce('b', gossip(2).id, heldMs)
    bench.nowMs += leadMs - heldMs
    bench.receive('a', gossip(2))
    return bench
  }

  test('deviation: a lazy peer that would have been faster takes the place of the parent', () => {
    const bench = lead(20)
    expect(sends(bench.outputs)).toEqual(['b:graft', 'a:prune'])
    expect(bench.machine.eagerPeers()).toEqual(['b'])
  })

  test('a small lead changes nothing', () => {
    expect(lead(4).machine.eagerPeers()).toEqual(['a'])
  })

  test('old announcements are no evidence', () => {
    expect(lead(300, 250).machine.eagerPeers()).toEqual(['a'])
  })

  test('an announcement that comes after the payload counts by how long its id was held', () => {
    const bench = new Bench({}, ['a', 'b'])
    bench.receive('a', gossip(1))
    bench.nowMs = 1_000
    bench.receive('a', gossip(2))
    bench.nowMs = 1_060
    expect(sends(bench.announce('b', gossip(2).id, 100))).toEqual(['b:graft', 'a:prune'])
  })
})

describe('deviation: several origins broadcasting at once', () => {
  const low = (sequence: number) => gossip(sequence, new Uint8Array([sequence]), 1, '0000000000000000')
  const high = (sequence: number) => gossip(sequence, new Uint8Array([sequence]), 1, 'ffffffffffffffff')

  /** Two eager links, messages of two origins, and the one exception used up. */
  function busy(): Bench {
    const bench = new Bench({ newLinks: 'eager' }, ['a', 'b', 'c'])
    bench.receive('a', low(1))
    bench.receive('a', high(1))
    bench.receive('c', high(1))
    expect(bench.machine.lazyPeers()).toEqual(['c'])
    return bench
  }

  test('a second copy of the chosen origin prunes', () => {
    const bench = busy()
    bench.receive('a', low(2))
    expect(sends(bench.receive('b', low(2)))).toEqual(['b:prune'])
  })

  test('a second copy of another origin does not', () => {
    const bench = busy()
    bench.receive('a', high(2))
    expect(sends(bench.receive('b', high(2)))).toEqual([])
    expect(bench.machine.eagerPeers()).toEqual(['a', 'b'])
  })

  test('what is missing is fetched soon, and the link stays lazy', () => {
    const bench = busy()
    bench.announce('c', high(3).id)
    const graft = bench.pass(300).find(output => output.type === 'send' && output.to === 'c')
    expect(graft).toMatchObject({ message: { type: 'graft', eager: false } })
    bench.receive('c', high(3))
    expect(bench.machine.lazyPeers()).toEqual(['c'])
  })

  test('a graft that asks for the payload alone leaves the link lazy at the supplier too', () => {
    const bench = busy()
    expect(sends(bench.graft('c', [low(1).id], false))).toEqual(['c:gossip'])
    expect(bench.machine.lazyPeers()).toEqual(['c'])
  })

  test('now and then any message may change a link, and in quiet times every one', () => {
    const bench = busy()
    bench.nowMs += 4_900
    bench.receive('a', low(4))
    bench.receive('a', high(4))
    bench.nowMs += 200
    expect(sends(bench.receive('b', high(4)))).toEqual(['b:prune'])
    const quiet = busy()
    quiet.nowMs += 20_000
    quiet.receive('a', high(5))
    expect(sends(quiet.receive('b', high(5)))).toEqual(['b:prune'])
  })
})
