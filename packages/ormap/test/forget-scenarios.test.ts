import { describe, expect, test } from 'vitest'
import { SILENCE_MS, STALE_DOTS_MAX } from '../src/index.ts'
import { Cluster } from './forget-cluster.ts'
import type { TestReplica } from './forget-replica.ts'
import { must } from './must.ts'

const DAY = 24
const H = DAY * 3_600_000
const LARGE = '-large'.repeat(10)

/** What a replica that has not been told to forget by hand keeps of ids that have fallen silent. */
function forgetSilent(replica: TestReplica, nowMs: number): void {
  const present = new Set(
    [...replica.map.allEntries()].flatMap(([, { items }]) => items.map(item => item.replica))
  )
  for (const id of replica.known.forgetSilent(nowMs, id => present.has(id))) replica.disk.known.delete(id)
}

describe('separations longer than evidence lives', () => {
  const orders = [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0]
  ]

  test.each(orders)(
    'a cluster that was down for 60 days, its entries a year old: the same digest (%i, %i, %i)',
    (...order) => {
      const cluster = new Cluster(['k', 'l', 'm'], { evidenceMs: H })
      const replicas = [cluster.join(), cluster.join(), cluster.join()]
      const [a, b, c] = replicas as [TestReplica, TestReplica, TestReplica]
      cluster.put(a, 'k', 'old')
      cluster.put(b, 'l', 'removed')
      cluster.put(b, 'm', 'overwritten')
      cluster.meetAll(replicas)
      cluster.at(1)
      cluster.remove(c, 'l')
      cluster.put(c, 'm', 'new')
      cluster.meetAll(replicas)
      for (let day = 1; day <= 365; day += 52) {
        cluster.at(day * DAY)
        cluster.meetAll(replicas)
        cluster.sweep(...replicas)
        for (const replica of replicas) forgetSilent(replica, cluster.nowMs)
      }
      const before = a.map.root
      expect(before.count).toBe(2)
      expect(replicas.map(replica => cluster.evidence(replica))).toEqual([0, 0, 0])
      cluster.at(425 * DAY)
      const up: TestReplica[] = []
      for (const i of order) {
        up.push(must(replicas[i]).reopen(cluster.nowMs))
        for (const replica of up) forgetSilent(replica, cluster.nowMs)
        cluster.meetAll(up)
        cluster.sweep(...up)
      }
      for (const replica of up) {
        expect(replica.map.root.equals(before)).toBe(true)
        expect(cluster.shown(replica)).toEqual({ k: ['old'], m: ['new'] })
        expect(replica.aside.size).toBe(0)
      }
    }
  )

  test.each([0, H])(
    'a node that lived alone for long meets its first peer: nothing is lost (evidence kept %i ms)',
    evidenceMs => {
      const cluster = new Cluster(['k', 'l', 'm'], { evidenceMs })
      let alone = cluster.join()
      cluster.put(alone, 'k', '1')
      cluster.put(alone, 'l', '2')
      for (let week = 1; week < 20; week++) {
        cluster.at(week * 7 * DAY)
        alone = alone.reopen(cluster.nowMs)
        cluster.put(alone, 'k', `${week}`)
        cluster.sweep(alone)
        forgetSilent(alone, cluster.nowMs)
      }
      cluster.remove(alone, 'l')
      const peer = cluster.join()
      cluster.put(peer, 'm', 'theirs')
      cluster.meet(alone, peer)
      for (const replica of [alone, peer])
        expect(cluster.shown(replica)).toEqual({ k: ['19'], m: ['theirs'] })
    }
  )

  test.each([0, H])('halves apart for three days equal the oracle (evidence kept %i ms)', evidenceMs => {
    const keys = [
      'removed',
      'alsoRemoved',
      'overwritten',
      'both',
      'removedHere',
      'left',
      'right',
      'same',
      'twice'
    ]
    const cluster = new Cluster(keys, { evidenceMs })
    const replicas = [cluster.join(), cluster.join(), cluster.join(), cluster.join()]
    const [a, b, c, d] = replicas as [TestReplica, TestReplica, TestReplica, TestReplica]
    for (const key of keys) if (key !== 'left' && key !== 'right') cluster.put(a, key, `${key} at first`)
    cluster.meetAll(replicas)
    for (let hour = 1; hour <= 3 * DAY; hour++) {
      cluster.at(hour)
      if (hour === 5) cluster.remove(a, 'removed')
      if (hour === 6) cluster.remove(c, 'alsoRemoved')
      if (hour === 7) cluster.put(b, 'overwritten', 'by b')
      if (hour === 8) cluster.put(b, 'both', 'by b')
      if (hour === 9) cluster.put(d, 'both', 'by d')
      if (hour === 10) cluster.remove(a, 'removedHere')
      if (hour === 11) cluster.put(c, 'removedHere', 'written there')
      if (hour === 12) cluster.put(a, 'left', 'by a')
      if (hour === 13) cluster.put(d, 'right', 'by d')
      if (hour === 14) cluster.remove(a, 'twice')
      if (hour === 15) cluster.remove(d, 'twice')
      cluster.meet(a, b)
      cluster.meet(c, d)
      cluster.sweep(...replicas)
    }
    expect(replicas.map(replica => cluster.evidence(replica))).toEqual([0, 0, 0, 0])
    cluster.meetAll(replicas)
    for (const replica of replicas) {
      expect(cluster.shown(replica)).toEqual({
        overwritten: ['by b'],
        both: ['by b', 'by d'],
        removedHere: ['written there'],
        left: ['by a'],
        right: ['by d'],
        same: ['same at first']
      })
    }
    // What the other half removed is set aside where it was told of it by an answer; what it wrote over is not.
    const stale = new Set(replicas.flatMap(replica => replica.aside.stale().map(({ key }) => key)))
    expect([...stale].toSorted()).toEqual(['alsoRemoved', 'removed'])
  })

  test('with known off separations longer than evidence lives may bring removed keys back, and lose nothing', () => {
    const cluster = new Cluster(['k', 'l'], { evidenceMs: H, knownIsOff: true })
    const [a, b] = [cluster.join(), cluster.join()]
    cluster.put(a, 'k', 'removed')
    cluster.put(a, 'l', 'kept')
    cluster.meet(a, b)
    cluster.remove(a, 'k')
    cluster.at(DAY - 1)
    cluster.sweep(a)
    cluster.meet(a, b)
    expect([cluster.shown(a), cluster.shown(b)]).toEqual([{ l: ['kept'] }, { l: ['kept'] }])
    cluster.put(b, 'k', 'removed later')
    cluster.meet(a, b)
    cluster.remove(a, 'k')
    cluster.at(3 * DAY)
    cluster.sweep(a)
    cluster.meet(a, b)
    expect(cluster.shown(a)).toEqual({ k: ['removed later'], l: ['kept'] })
  })
})

describe('a session', () => {
  test('with an empty newcomer gives it the same digest and the same known', () => {
    const cluster = new Cluster(['k', 'l'])
    const [a, b] = [cluster.join(), cluster.join()]
    cluster.put(a, 'k', 'one')
    cluster.put(b, 'l', 'two')
    cluster.meetAll([a, b])
    cluster.remove(b, 'k')
    cluster.meetAll([a, b])
    cluster.sweep(a, b)
    const newcomer = cluster.join()
    cluster.meet(a, newcomer)
    expect(newcomer.map.root.equals(a.map.root)).toBe(true)
    const sorted = (replica: TestReplica) => [...replica.known.stamps()].toSorted()
    expect(sorted(newcomer)).toEqual(sorted(a))
  })

  test('between idle replicas that collected at different moments exchanges nothing, ten times', () => {
    const cluster = new Cluster(['k', 'l', 'm'])
    const [a, b] = [cluster.join(), cluster.join()]
    for (const key of ['k', 'l', 'm']) cluster.put(a, key, 'one')
    cluster.meetAll([a, b])
    cluster.remove(b, 'k')
    cluster.put(b, 'l', 'two')
    cluster.meetAll([a, b])
    const disk = () => [[...b.disk.rows], [...b.disk.known]].toString()
    const before = disk()
    let entries = 0
    for (let round = 0; round < 10; round++) {
      cluster.at(round)
      if (round % 3 === 1) a.sweep(cluster.nowMs, 1)
      entries += cluster.meet(a, b).entries
    }
    expect(disk()).toBe(before)
    expect(entries).toBe(0)
    expect(cluster.evidence(a)).toBeLessThan(cluster.evidence(b))
  })

  test('does not fetch an entry that is refused for ever more often than its pause allows; other keys converge', () => {
    const cluster = new Cluster(['k', 'l'])
    const full = cluster.join({ bytesMax: 100 })
    const peer = cluster.join()
    cluster.put(peer, 'k', LARGE.repeat(2))
    let bytes = 0
    let before = 0
    for (let minute = 1; minute <= 600; minute++) {
      cluster.at(minute / 60)
      if (minute % 100 === 50) cluster.put(peer, 'l', `${minute}`)
      const session = cluster.meet(full, peer)
      if (minute > 500) bytes += session.bytes
      else before += session.bytes
      if (minute % 100 === 99) expect(cluster.shown(full)).toEqual({ l: [`${minute - 49}`] })
    }
    expect(full.refusals.counts()).toEqual({ future: 0, quota: 1, rowTooLong: 0 })
    expect(full.quota.isOver).toBe(true)
    // In the last 100 rounds: the refused entry once or twice, the other key's once.
    expect(bytes).toBeLessThan(400)
    expect(bytes).toBeLessThan(before)
    expect(full.known.covers(peer.own, peer.clock.last)).toBe(false)
    cluster.remove(peer, 'k')
    cluster.at(20)
    cluster.meet(full, peer)
    expect(full.known.covers(peer.own, peer.clock.last)).toBe(true)
  })

  test('with a refusal does not let it answer for writes before the refused one', () => {
    // The refused write superseded an earlier one of its replica. Known up to just below the refused stamp, the refuser would
    // hold the earlier one for dead, and a third replica that has only that one would lose it.
    const cluster = new Cluster(['k'])
    const refuser = cluster.join({ bytesMax: 60 })
    const [writer, third] = [cluster.join(), cluster.join()]
    const early = must(cluster.put(writer, 'k', 'first'))
    cluster.put(writer, 'k', LARGE)
    cluster.meet(refuser, writer)
    third.receive(early, cluster.nowMs)
    cluster.meet(third, refuser)
    expect(cluster.shown(third)).toEqual({ k: ['first'] })
    cluster.meet(third, writer)
    expect(cluster.shown(third)).toEqual({ k: [LARGE] })
  })

  test('takes the peer’s knowledge as it was at the start', () => {
    // What the peer wrote on a key that had been compared already is not here, and must not be held for dead.
    const cluster = new Cluster(['k', 'l'])
    const [a, b, c] = [cluster.join(), cluster.join(), cluster.join()]
    const start = b.known.startSession()
    const written = must(cluster.put(b, 'k', 'late'))
    a.known.raise(a.known.startSession(), start.stamps, {
      wholeRange: true,
      refused: 0,
      uncompared: 0,
      durable: true
    })
    c.receive(written, cluster.nowMs)
    cluster.meet(a, c)
    expect([cluster.shown(a), cluster.shown(c)]).toEqual([{ k: ['late'] }, { k: ['late'] }])
  })
})

describe('a value that is only known to be dead', () => {
  function apart(onStale: 'set-aside' | 'keep', count = 1) {
    const keys = Array.from({ length: count }, (_, i) => `k${i}`)
    const cluster = new Cluster(keys, { onStale })
    const [a, away] = [cluster.join(), cluster.join()]
    for (const key of keys) cluster.put(a, key, 'one')
    cluster.meetAll([a, away])
    for (const key of keys) cluster.remove(a, key)
    cluster.at(DAY)
    cluster.sweep(a)
    expect(a.map.entryCount).toBe(0)
    return { cluster, a, away }
  }

  test('is set aside, and its removal spreads', () => {
    const { cluster, a, away } = apart('set-aside')
    cluster.meet(away, a)
    expect([cluster.shown(away), cluster.shown(a)]).toEqual([{}, {}])
    expect(away.aside.stale().map(({ key }) => key)).toEqual(['k0'])
    expect(away.aside.forget(cluster.nowMs + SILENCE_MS)).toHaveLength(1)
  })

  test('is written again where the owner keeps, and that spreads', () => {
    const { cluster, a, away } = apart('keep')
    const { kept } = cluster.meet(away, a)
    expect(kept.map(({ replica, value }) => [replica === away, value.key])).toEqual([[true, 'k0']])
    for (const { replica, value } of kept) cluster.put(replica, value.key, 'one')
    cluster.meetAll([a, away])
    expect([cluster.shown(away), cluster.shown(a)]).toEqual([{ k0: ['one'] }, { k0: ['one'] }])
  })

  test('stops the session when there are too many, which then raises nothing, until the owner has decided', () => {
    const { cluster, a, away } = apart('set-aside', STALE_DOTS_MAX + 1)
    const before = [...away.known.stamps()]
    expect(cluster.meet(away, a).stopped).toBe(true)
    expect([away.aside.size, away.map.size]).toEqual([STALE_DOTS_MAX, 1])
    expect([...away.known.stamps()]).toEqual(before)
    expect(cluster.meet(away, a).stopped).toBe(true)
    expect(away.map.size).toBe(1)
    away.aside.decide('set-aside')
    expect(cluster.meet(away, a).stopped).toBe(false)
    expect([away.aside.size, away.map.size, a.map.size]).toEqual([STALE_DOTS_MAX + 1, 0, 0])
  })
})
