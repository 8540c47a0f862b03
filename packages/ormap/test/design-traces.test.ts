import { describe, expect, test } from 'vitest'
import { Cluster } from './forget-cluster.ts'
import { must } from './must.ts'

// The counterexamples to forgetting by age, and what forgetting by knowledge makes of them. H is a day, time is in hours. Each
// runs twice: with evidence kept as long as it is by default, and, which is harder, dropped as soon as it is covered.

const H = 24 * 3_600_000

describe.each([H, 0])('where age alone goes wrong (evidence kept %i ms)', evidenceMs => {
  test('T1: the removal of a value older than H is not undone by who has not heard of it', () => {
    const cluster = new Cluster(['k'], { evidenceMs })
    const [q, a, b] = [cluster.join(), cluster.join(), cluster.join()]
    cluster.put(q, 'k', 'v')
    cluster.meetAll([q, a, b])
    cluster.at(30)
    cluster.remove(a, 'k')
    cluster.sweep(a)
    cluster.at(60)
    cluster.sweep(a)
    expect(cluster.evidence(a)).toBe(0)
    cluster.meet(a, b)
    expect([cluster.shown(a), cluster.shown(b)]).toEqual([{}, {}])
  })

  test('T2: a value that was written over does not come back as a conflict, nor outlives the removal of the new one', () => {
    const cluster = new Cluster(['k'], { evidenceMs })
    const [q, a, b] = [cluster.join(), cluster.join(), cluster.join()]
    cluster.put(q, 'k', 'old')
    cluster.meetAll([q, a, b])
    cluster.at(30)
    cluster.put(a, 'k', 'new')
    cluster.at(60)
    cluster.sweep(a)
    expect(cluster.evidence(a)).toBe(0)
    cluster.meet(a, b)
    expect([cluster.shown(a), cluster.shown(b)]).toEqual([{ k: ['new'] }, { k: ['new'] }])
    expect(b.aside.size).toBe(0)
    cluster.remove(b, 'k')
    cluster.meet(a, b)
    cluster.meet(q, b)
    expect([q, a, b].map(replica => cluster.shown(replica))).toEqual([{}, {}, {}])
  })

  test('T3: a cluster that was off for a long weekend has everything, though all of it is older than H', () => {
    const cluster = new Cluster(['k', 'l'], { evidenceMs })
    const before = [cluster.join(), cluster.join(), cluster.join()]
    cluster.put(must(before[0]), 'k', 'months old')
    cluster.put(must(before[1]), 'l', 'too')
    cluster.meetAll(before)
    cluster.at(100)
    for (const replica of before) replica.flush()
    cluster.at(160)
    const after = before.map(replica => replica.reopen(cluster.nowMs))
    cluster.meetAll(after)
    cluster.sweep(...after)
    for (const replica of after) expect(cluster.shown(replica)).toEqual({ k: ['months old'], l: ['too'] })
  })

  test('T4: what one half removed stays removed when the halves meet after more than H, and is set aside, not dropped', () => {
    const cluster = new Cluster(['k'], { evidenceMs })
    const [q, a, b, c, d] = [cluster.join(), cluster.join(), cluster.join(), cluster.join(), cluster.join()]
    cluster.put(q, 'k', 'v')
    cluster.meetAll([q, a, b, c, d])
    cluster.at(12)
    cluster.remove(a, 'k')
    for (let hour = 12; hour <= 60; hour++) {
      cluster.at(hour)
      cluster.meet(a, b)
      cluster.meet(c, d)
      cluster.sweep(a, b, c, d)
    }
    expect([a, b].map(replica => replica.map.entryCount)).toEqual([0, 0])
    cluster.meet(c, a)
    cluster.meet(d, b)
    expect([a, b, c, d].map(replica => cluster.shown(replica))).toEqual([{}, {}, {}, {}])
    expect([c, d].map(replica => replica.aside.stale().map(({ key }) => key))).toEqual([['k'], ['k']])
  })

  test('T5: a write made while alone, longer ago than H, is there for everyone', () => {
    const cluster = new Cluster(['k', 'l'], { evidenceMs })
    const [laptop, a] = [cluster.join(), cluster.join()]
    cluster.put(a, 'l', 'shared')
    cluster.meet(laptop, a)
    cluster.at(2)
    cluster.put(laptop, 'k', 'alone')
    for (let hour = 3; hour < 31; hour += 7) {
      cluster.at(hour)
      cluster.put(a, 'l', `${hour}`)
      cluster.sweep(laptop, a)
    }
    cluster.at(31)
    const back = laptop.reopen(cluster.nowMs)
    cluster.meet(back, a)
    for (const replica of [back, a]) expect(cluster.shown(replica)).toEqual({ k: ['alone'], l: ['24'] })
  })

  test('T6: replicas that collect at different moments do not send each other what the other has collected', () => {
    const cluster = new Cluster(['k'], { evidenceMs })
    const [q, a, b] = [cluster.join(), cluster.join(), cluster.join()]
    cluster.put(q, 'k', 'v')
    cluster.meetAll([q, a, b])
    cluster.at(2)
    cluster.remove(b, 'k')
    cluster.meetAll([a, b])
    let entries = 0
    for (let tenth = 0; tenth < 5; tenth++) {
      cluster.at(26 + tenth / 10)
      cluster.sweep(a)
      entries += cluster.meet(a, b).entries
    }
    expect([entries, cluster.evidence(a), cluster.evidence(b)]).toEqual([0, 0, 2])
  })
})
