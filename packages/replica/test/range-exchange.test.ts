import { replicaIdOf, type ReplicaId } from '@starling/ormap'
import { describe, expect, test } from 'vitest'
import { FakeState } from './support/fake-exchange-state.ts'
import { FRAME, framesByType, round, side, Talk, wholeRound, type Side } from './support/range-talk.ts'

const idOf = (n: number): ReplicaId => replicaIdOf(new Uint8Array(8).fill(n))

/** Two replicas that know nothing of each other. */
function pair(setUp: (a: FakeState, b: FakeState) => void = () => {}): readonly [Side, Side] {
  const a = new FakeState(idOf(1))
  const b = new FakeState(idOf(2))
  setUp(a, b)
  return [side('a', a), side('b', b)]
}

/** Two replicas that have the same keys. */
async function equals(
  count: number,
  setUp: (a: FakeState, b: FakeState) => void = () => {}
): Promise<readonly [Side, Side]> {
  const sides = pair((a, b) => {
    setUp(a, b)
    for (let i = 0; i < count; i++) a.put(`k${i}`, `v${i}`)
  })
  await wholeRound(sides)
  expect(sides[1].state.picture()).toBe(sides[0].state.picture())
  return sides
}

const bytesOf = (frames: ReturnType<typeof framesByType>, type: number): number =>
  frames.get(type)?.bytes ?? 0

describe('a round', () => {
  test('of equal replicas costs at most 40 bytes of comparison and two hellos, and takes nothing in', async () => {
    const sides = await equals(300)
    const received = sides[1].state.received
    const { talk, outcomes } = await wholeRound(sides)
    const frames = framesByType(talk)
    expect([...frames.keys()].sort()).toEqual([FRAME.comparison, FRAME.hello])
    expect(bytesOf(frames, FRAME.comparison)).toBeLessThanOrEqual(40)
    expect(bytesOf(frames, FRAME.hello)).toBeLessThanOrEqual(70)
    expect(outcomes[0]).toEqual({
      complete: true,
      entriesSent: 0,
      entriesReceived: 0,
      news: false,
      more: false,
      vain: false
    })
    expect(outcomes[1]).toEqual(outcomes[0])
    expect(sides[1].state.received).toBe(received)
    expect(sides[0].state.ends.at(-1)).toEqual({ wholeRange: true, refused: 0 })
  })

  test('sends what either side lacks, once, and nothing else', async () => {
    const sides = await equals(300)
    const [a, b] = sides
    for (let i = 0; i < 10; i++) a.state.put(`only a ${i}`, 'x')
    for (let i = 0; i < 7; i++) b.state.put(`only b ${i}`, 'y')
    const { outcomes } = await wholeRound(sides)
    expect(a.state.picture()).toBe(b.state.picture())
    expect(outcomes[0]).toMatchObject({ complete: true, entriesSent: 10, entriesReceived: 7 })
    expect(outcomes[1]).toMatchObject({ complete: true, entriesSent: 7, entriesReceived: 10 })
  })

  test('gives an empty replica everything, whichever side begins', async () => {
    for (const order of [0, 1]) {
      const sides = pair(a => {
        for (let i = 0; i < 2000; i++) a.put(`k${i}`, 'x'.repeat(100))
      })
      const [a, b] = order === 0 ? sides : [sides[1], sides[0]]
      const { outcomes } = await wholeRound([a, b])
      expect(a.state.picture()).toBe(b.state.picture())
      expect(outcomes.map(one => one.entriesSent).sort()).toEqual([0, 2000])
    }
  })

  test('keeps concurrent values of a key on both sides, and sends each side’s once', async () => {
    const sides = pair((a, b) => {
      for (let i = 0; i < 50; i++) {
        a.put(`k${i}`, 'from a')
        b.put(`k${i}`, 'from b')
      }
    })
    const { outcomes } = await wholeRound(sides)
    expect(sides[0].state.picture()).toBe(sides[1].state.picture())
    expect(outcomes.map(one => one.entriesSent)).toEqual([50, 50])
  })

  test('brings back the evidence of a removal for a key that is held as evidence only', async () => {
    const sides = await equals(20)
    const [a, b] = sides
    b.state.remove('k3')
    for (const initiator of [0, 1]) {
      const [first, second] = initiator === 0 ? [a, b] : [b, a]
      const { outcomes } = await wholeRound([first, second])
      expect(a.state.picture()).toBe(b.state.picture())
      // The live entry one way, the evidence back; in the second round nothing is left to say.
      expect(outcomes.map(one => one.entriesSent)).toEqual(initiator === 0 ? [1, 1] : [0, 0])
    }
    expect(a.state.map.get('k3')?.items.every(item => item.value === undefined)).toBe(true)
  })

  test('says that a value is dead which the other side knows to be gone, and which items are answers', async () => {
    const sides = await equals(20, (a, b) => (a.byKnown = b.byKnown = true))
    const [a, b] = sides
    await wholeRound(sides)
    b.state.remove('k3')
    b.state.collect()
    expect(b.state.map.get('k3')).toBeUndefined()
    const { talk, outcomes } = await wholeRound(sides)
    expect(outcomes.map(one => one.entriesSent)).toEqual([1, 1])
    expect(a.state.picture()).toBe(b.state.picture())
    expect(a.state.answersReceived).toEqual([idOf(1)])
    expect(framesByType(talk).get(FRAME.part)?.count).toBe(1)
  })

  test('takes local writes made meanwhile for what the next round finds', async () => {
    const sides = pair((a, b) => {
      for (let i = 0; i < 500; i++) a.put(`a${i}`, 'x'.repeat(200))
      for (let i = 0; i < 500; i++) b.put(`b${i}`, 'x'.repeat(200))
    })
    const [a, b] = sides
    let writes = 0
    const first = await wholeRound(sides, {
      onMessage: count => {
        a.state.put(`meanwhile a ${count}`, 'm')
        b.state.put(`b${count % 500}`, 'overwritten')
        writes++
      }
    })
    expect(writes).toBeGreaterThan(5)
    expect(first.outcomes.every(one => one.complete)).toBe(true)
    await wholeRound(sides)
    expect(a.state.picture()).toBe(b.state.picture())
  })

  test('reports what is known to differ until it has crossed', async () => {
    const sides = pair(a => {
      for (let i = 0; i < 3000; i++) a.put(`k${i}`, 'x'.repeat(50))
    })
    const talk = new Talk()
    const seen: number[] = []
    const { signal } = new AbortController()
    await Promise.all([
      sides[0].exchange.reconcile(talk.ends[0], { peer: 'b', initiator: true, signal }),
      sides[1].exchange.reconcile(talk.ends[1], {
        peer: 'a',
        initiator: false,
        signal,
        progress: ({ toReceive }) => seen.push(toReceive)
      })
    ])
    expect(Math.max(...seen)).toBeGreaterThan(1000)
    expect(seen.at(-1)).toBe(0)
  })
})

describe('entries', () => {
  test('that are long travel in parts, live items before evidence, and count as one', async () => {
    const sides = pair(a => {
      for (let n = 10; n < 16; n++) {
        const other = new FakeState(idOf(n), a.clock)
        other.put('long', String(n).repeat(2000))
        a.map.join('long', other.map.get('long') as never)
      }
      const gone = new FakeState(idOf(20), a.clock)
      gone.put('long', 'gone')
      gone.remove('long')
      a.map.join('long', gone.map.get('long') as never)
    })
    const kinds: boolean[] = []
    sides[1].state.onReceive = entries => {
      for (const { bytes } of entries) kinds.push(bytes.length > 200)
    }
    const { outcomes, talk } = await wholeRound(sides, { messageBytesMax: 8192 })
    expect(framesByType(talk).get(FRAME.part)?.count).toBeGreaterThan(2)
    expect(outcomes.map(one => one.entriesSent)).toEqual([1, 0])
    expect(kinds.indexOf(false)).toBe(kinds.length - 1)
    expect(sides[1].state.map.get('long')).toEqual(sides[0].state.map.get('long'))
  })

  test('of which a part is refused do not lose what the parts after it would remove', async () => {
    const sides = pair(a => {
      for (let n = 10; n < 13; n++) {
        const other = new FakeState(idOf(n), a.clock)
        other.put('long', String(n).repeat(3000))
        a.map.join('long', other.map.get('long') as never)
      }
    })
    const [a, b] = sides
    let parts = 0
    b.state.refuses = () => ++parts === 2
    const { outcomes, talk } = await wholeRound(sides, { messageBytesMax: 8192 })
    expect(framesByType(talk).get(FRAME.part)?.count).toBe(3)
    expect(outcomes[1].complete).toBe(false)
    expect(b.state.received).toBe(2)
    b.state.refuses = () => false
    expect(a.state.map.get('long')?.items).toHaveLength(3)
  })

  test('that no frame can hold leave both rounds incomplete, and known as it was', async () => {
    const sides = pair(a => a.put('huge', 'x'.repeat(20_000)))
    const { outcomes } = await wholeRound(sides, { messageBytesMax: 8192 })
    expect(outcomes.map(one => one.complete)).toEqual([false, false])
    expect(outcomes.map(one => one.more)).toEqual([false, false])
    expect(sides[1].state.ends).toEqual([{ wholeRange: false, refused: 0 }])
  })

  test('that are refused leave the round complete with exceptions, and are not fetched again', async () => {
    const sides = pair(a => {
      for (let i = 0; i < 10; i++) a.put(`k${i}`, 'x')
    })
    const [, b] = sides
    b.state.refuses = key => key === 'k4'
    const first = await wholeRound(sides)
    expect(first.outcomes[1]).toMatchObject({ complete: false, more: false, entriesReceived: 10 })
    expect(b.state.ends).toEqual([{ wholeRange: true, refused: 0 }])
    expect(b.state.raises).toEqual(['refused'])
    const second = await wholeRound(sides)
    expect(second.outcomes[1]).toMatchObject({ complete: false, more: false, entriesReceived: 0 })
    expect(b.state.ends.at(-1)).toEqual({ wholeRange: true, refused: 1 })
    expect(b.state.raises.at(-1)).toBe('refused')
  })

  test('that were refused and that the other side lacks too are no exception', async () => {
    const sides = pair(a => {
      a.put('kept', 'x')
      a.put('refused', 'x')
    })
    const [a, b] = sides
    b.state.refuses = key => key === 'refused'
    await wholeRound(sides)
    a.state.put('refused', 'y')
    const { outcomes } = await wholeRound(sides)
    expect(outcomes[1].entriesReceived).toBe(1)
    a.state.remove('refused')
    const last = await wholeRound(sides)
    expect(last.outcomes[1].complete).toBe(true)
    expect(b.state.ends.at(-1)).toEqual({ wholeRange: true, refused: 0 })
  })
})

describe('what both sides know', () => {
  const known = (setUp: (a: FakeState, b: FakeState) => void = () => {}): Promise<readonly [Side, Side]> =>
    equals(5, (a, b) => {
      a.byKnown = b.byKnown = true
      setUp(a, b)
    })

  test('is raised by a whole round on both sides, and then not sent', async () => {
    const sides = await known()
    const [a, b] = sides
    await wholeRound(sides)
    expect(b.state.known.stamps().get(idOf(1))).toBe(a.state.known.stamps().get(idOf(1)))
    const { talk } = await wholeRound(sides)
    expect(framesByType(talk).has(FRAME.known)).toBe(false)
    expect(a.state.raises.every(one => one === 'raised')).toBe(true)
  })

  test('crosses as the difference to what the other side still holds', async () => {
    const sides = await known((a, b) => {
      for (let n = 30; n < 130; n++) {
        for (const one of [a, b]) one.known.raise(one.known.startSession(), new Map([[idOf(n), 5n]]), WHOLE)
      }
    })
    const [a] = sides
    await wholeRound(sides)
    a.state.put('one more', 'x')
    const { talk } = await wholeRound(sides)
    const frames = framesByType(talk)
    expect(frames.get(FRAME.known)).toMatchObject({ count: 1 })
    expect(bytesOf(frames, FRAME.known)).toBeLessThan(150)
    // A side that has lost its memory gets all of it.
    a.state.put('and another', 'x')
    const forgetful = side('b', sides[1].state)
    const all = framesByType((await wholeRound([a, forgetful])).talk)
    expect(bytesOf(all, FRAME.known)).toBeGreaterThan(1600)
  })

  test('is not raised by a round that is cut anywhere', async () => {
    const build = (): readonly [Side, Side] =>
      pair((a, b) => {
        a.byKnown = b.byKnown = true
        for (let i = 0; i < 40; i++) a.put(`a${i}`, 'x')
        for (let i = 0; i < 40; i++) b.put(`b${i}`, 'x')
      })
    const { talk } = await wholeRound(build())
    for (let cutAfter = 0; cutAfter < talk.messages; cutAfter++) {
      const sides = build()
      const { results } = await round(sides, { cutAfter })
      expect(results.some(one => one instanceof Error)).toBe(true)
      for (const [i, { state }] of sides.entries()) {
        expect(state.ends).toHaveLength(1)
        if (results[i] instanceof Error) expect(state.raises).toEqual(['incomplete'])
      }
    }
  })

  const WHOLE = { wholeRange: true, refused: 0, uncompared: 0, durable: true } as const
})

describe('a round that is cut', () => {
  test('loses nothing that had crossed, and the next one ends the work within twice its cost', async () => {
    const build = (): readonly [Side, Side] =>
      pair((a, b) => {
        for (let i = 0; i < 400; i++) a.put(`a${i}`, 'x'.repeat(300))
        for (let i = 0; i < 400; i++) b.put(`b${i}`, 'x'.repeat(300))
      })
    const whole = await wholeRound(build())
    const bytesWhole = whole.talk.lanes.flatMap(lane => lane.sent).reduce((sum, one) => sum + one.length, 0)
    for (let cutAfter = 0; cutAfter < whole.talk.messages; cutAfter++) {
      const sides = build()
      const first = await round(sides, { cutAfter })
      const size = sides.map(({ state }) => state.map.size)
      const second = await wholeRound(sides)
      expect(sides[0].state.picture()).toBe(sides[1].state.picture())
      expect(sides.map(({ state }) => state.map.size >= 800)).toEqual([true, true])
      expect(size.every(one => one >= 400)).toBe(true)
      const bytes = [first.talk, second.talk]
        .flatMap(talk => talk.lanes.flatMap(lane => lane.sent))
        .reduce((sum, one) => sum + one.length, 0)
      expect(bytes).toBeLessThanOrEqual(2 * bytesWhole)
    }
  })

  test('settles at once when it is aborted, and ends its session', async () => {
    const [a] = pair(state => state.put('k', 'v'))
    const abort = new AbortController()
    const running = a.exchange.reconcile(new Talk().ends[0], {
      peer: 'b',
      initiator: true,
      signal: abort.signal
    })
    abort.abort(new Error('enough'))
    await expect(running).rejects.toThrow('enough')
    expect(a.state.ends).toEqual([{ wholeRange: false, refused: 0 }])
  })

  test('ends its session when taking in fails, after everything has come to rest', async () => {
    const sides = pair(a => {
      for (let i = 0; i < 10; i++) a.put(`k${i}`, 'v')
    })
    sides[1].state.onReceive = () => Promise.reject(new Error('the disk is full'))
    const { results } = await round(sides)
    expect((results[1] as Error).message).toBe('the disk is full')
    expect(sides[1].state.ends).toEqual([{ wholeRange: false, refused: 0 }])
  })
})

describe('memory', () => {
  test('what one side may have unread bounds what the other sends', async () => {
    const sides = pair(a => {
      for (let i = 0; i < 2000; i++) a.put(`k${i}`, 'x'.repeat(1000))
    })
    let encoded = 0
    const session = sides[0].state.begin()
    const encode = session.encode.bind(session)
    session.encode = (key, bytesMax) => {
      encoded++
      return encode(key, bytesMax)
    }
    sides[0].state.begin = () => session
    let most = 0
    sides[1].state.onReceive = async entries => {
      await new Promise(resolve => setImmediate(resolve))
      most = Math.max(most, encoded - sides[1].state.received - entries.length)
    }
    await wholeRound(sides, { room: 2 })
    expect(encoded).toBe(2000)
    // Two frames in the lane, one that waits for room, one that is being filled, one in hand: 64 entries each.
    expect(most).toBeLessThanOrEqual(5 * 66)
  })
})

describe('a round that makes no difference', () => {
  test('although half of what is here came once more says so, and the one after it starts anew', async () => {
    const [a, b] = await equals(300)
    // What `a` sends is what `b` has: as a peer that lies about what it has.
    const lying = side('liar', a.state)
    a.state.itemHash = key => {
      const hash = a.state.map.itemHash(key)?.slice()
      if (hash !== undefined) hash[0] = (hash[0] as number) ^ 1
      return hash
    }
    for (let i = 0; i < 2; i++) {
      const { outcomes } = await wholeRound([lying, b])
      expect(outcomes[1].vain).toBe(true)
      expect(outcomes[1].entriesReceived).toBeGreaterThan(150)
    }
    a.state.itemHash = key => a.state.map.itemHash(key)
    const { outcomes } = await wholeRound([lying, b])
    expect(outcomes[1]).toMatchObject({ vain: false, entriesReceived: 0 })
  })

  test('because the peer asks for everything again says so, unless something has changed here since', async () => {
    const [a] = await equals(100)
    const forgetful = (): Side => side('forgetful', new FakeState(idOf(3)))
    const asked = async (): Promise<boolean> => (await wholeRound([forgetful(), a])).outcomes[1].vain
    expect([await asked(), await asked(), await asked()]).toEqual([false, true, true])
    a.state.put('new', 'v')
    expect([await asked(), await asked()]).toEqual([false, true])
  })

  test('to a newcomer that hears of the same from several is not one in vain twice', async () => {
    const [a, b] = await equals(300)
    const [c] = pair()
    const talks = await Promise.all([wholeRound([c, a]), wholeRound([c, b])])
    expect(talks.map(({ outcomes }) => outcomes[0].entriesReceived)).toEqual([300, 300])
    const again = await Promise.all([wholeRound([c, a]), wholeRound([c, b])])
    expect(again.flatMap(({ outcomes }) => outcomes.map(({ vain }) => vain))).toEqual([
      false,
      false,
      false,
      false
    ])
  })
})
