import { describe, expect, test } from 'vitest'
import { CommitQueue, type Group, type Staged } from '../src/commit-queue.ts'
import { TestClock, TestTimers } from './support/world.ts'

interface Harness {
  readonly queue: CommitQueue<string>
  readonly timers: TestTimers
  readonly trace: string[]
  readonly pending: { resolve(): void; reject(error: Error): void }[]
  commit(name: string, bytes?: number): void
}

function harness(limits = { groupBytesMax: 100, groupRowsMax: 10 }, lingerMs = 0): Harness {
  const timers = new TestTimers(new TestClock())
  const trace: string[] = []
  const pending: { resolve(): void; reject(error: Error): void }[] = []
  const describeGroup = (group: Group<string>): string =>
    [...group.commits.flatMap(commit => commit.writes), ...group.touched.map(key => `~${key}`)].join(',')
  const queue = new CommitQueue<string>(
    {
      append(group) {
        trace.push(`append ${describeGroup(group)}`)
        return new Promise((resolve, reject) => pending.push({ resolve, reject }))
      },
      durable: group => void trace.push(`durable ${describeGroup(group)}`),
      failed(_error, inFlight, waiting) {
        trace.push(`failed ${describeGroup(inFlight)} waiting ${waiting.flatMap(c => c.writes).join(',')}`)
      }
    },
    limits,
    { timers, lingerMs }
  )
  const commit = (name: string, bytes = 1): void => {
    const staged: Staged<string> = {
      writes: [name],
      bytes,
      resolve: () => void trace.push(`ok ${name}`),
      reject: () => void trace.push(`bad ${name}`)
    }
    queue.add(staged)
  }
  return { queue, timers, trace, pending, commit }
}

/** Lets every promise reaction that is due run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

describe('CommitQueue', () => {
  test('commits of one turn share a batch, later ones wait for the next', async () => {
    const { trace, pending, commit } = harness()
    commit('a')
    commit('b')
    await settle()
    commit('c')
    commit('d')
    await settle()
    expect(trace).toEqual(['append a,b'])
    pending.shift()?.resolve()
    await settle()
    expect(trace).toEqual(['append a,b', 'durable a,b', 'ok a', 'ok b', 'append c,d'])
    pending.shift()?.resolve()
    await settle()
    expect(trace.slice(5)).toEqual(['durable c,d', 'ok c', 'ok d'])
  })

  test('a received row joins the next batch and is written once however often it changes', async () => {
    const { queue, trace, pending, commit } = harness()
    commit('a')
    await settle()
    queue.touch('k', 10)
    queue.touch('k', 30)
    expect(queue.touchedBytes).toBe(30)
    pending.shift()?.resolve()
    await settle()
    expect(trace.at(-1)).toBe('append ~k')
    expect(queue.touchedBytes).toBe(0)
    expect(queue.waitingBytes).toBe(30)
    pending.shift()?.resolve()
    await queue.idle()
    expect(queue.waitingBytes).toBe(0)
  })

  test('a full batch leaves the rest for the next, and neither kind starves the other', async () => {
    const { queue, trace, pending, commit } = harness({ groupBytesMax: 10, groupRowsMax: 10 })
    commit('a', 6)
    commit('b', 6)
    queue.touch('k', 6)
    queue.touch('l', 6)
    await settle()
    pending.shift()?.resolve()
    await settle()
    pending.shift()?.resolve()
    await queue.idle()
    expect(trace.filter(line => line.startsWith('append'))).toEqual(['append a,~k', 'append b,~l'])
  })

  test('after a failure nothing is sent to the log, and what waited is handed back', async () => {
    const { queue, trace, pending, commit } = harness()
    commit('a')
    await settle()
    commit('b')
    queue.touch('k', 1000)
    const room = queue.room(10)
    pending.shift()?.reject(new Error('EIO'))
    await room
    await queue.idle()
    expect(trace).toEqual(['append a', 'failed a waiting b'])
    queue.touch('l', 1)
    await settle()
    expect(trace).toHaveLength(2)
  })

  test('room waits until the backlog is small enough', async () => {
    const { queue, pending, commit } = harness()
    commit('a')
    await settle()
    queue.touch('k', 50)
    let free = false
    const room = queue.room(10).then(() => (free = true))
    await settle()
    expect(free).toBe(false)
    pending.shift()?.resolve()
    await settle()
    pending.shift()?.resolve()
    await room
    expect(free).toBe(true)
    await queue.idle()
  })
})

describe('what is durable', () => {
  test('is known once everything that waited when it was asked is on disk, later rows or not', async () => {
    const { queue, pending } = harness({ groupBytesMax: 100, groupRowsMax: 1 })
    expect(await queue.settled()).toBe(true)
    queue.touch('a', 1)
    queue.touch('b', 1)
    let settled: boolean | undefined
    void queue.settled().then(value => (settled = value))
    await settle()
    queue.touch('c', 1)
    pending.shift()?.resolve()
    await settle()
    expect(settled).toBeUndefined()
    pending.shift()?.resolve()
    await settle()
    expect([settled, queue.isTouched('c'), queue.isTouched('a')]).toEqual([true, false, false])
    pending.shift()?.resolve()
    await queue.idle()
  })

  test('a row that changes again while it is being written has to be written again', async () => {
    const { queue, pending } = harness()
    queue.touch('a', 1)
    await settle()
    queue.touch('a', 1)
    let settled = false
    void queue.settled().then(() => (settled = true))
    pending.shift()?.resolve()
    await settle()
    expect([settled, pending.length]).toEqual([false, 1])
    pending.shift()?.resolve()
    await settle()
    expect(settled).toBe(true)
  })

  test('a nudge makes a batch of nothing, and it counts', async () => {
    const { queue, trace, pending } = harness()
    queue.nudge()
    const settled = queue.settled()
    await settle()
    expect(trace).toEqual(['append '])
    pending.shift()?.resolve()
    expect(await settled).toBe(true)
  })

  test('after a failure is nothing, until the queue goes on', async () => {
    const { queue, trace, pending, commit } = harness()
    queue.touch('a', 1)
    const settled = queue.settled()
    await settle()
    pending.shift()?.reject(new Error('EIO'))
    expect(await settled).toBe(false)
    queue.resume()
    expect(await queue.settled()).toBe(true)
    commit('b')
    await settle()
    expect(trace.at(-1)).toBe('append b')
    pending.shift()?.resolve()
    await queue.idle()
  })

  describe('with received rows that wait for others', () => {
    const lingering = (groupBytesMax = 100) => harness({ groupBytesMax, groupRowsMax: 10 }, 5)

    test('writes those of a while together', async () => {
      const { queue, timers, trace } = lingering()
      queue.touch('a', 1)
      await timers.advance(4)
      queue.touch('b', 1)
      expect(trace).toEqual([])
      await timers.advance(1)
      expect(trace).toEqual(['append ~a,~b'])
    })

    test('writes those that come meanwhile a while later', async () => {
      const { queue, timers, trace, pending } = lingering()
      queue.touch('a', 1)
      await timers.advance(5)
      queue.touch('b', 1)
      pending.shift()?.resolve()
      await timers.advance(4)
      expect(trace).toEqual(['append ~a', 'durable ~a'])
      await timers.advance(1)
      expect(trace.at(-1)).toBe('append ~b')
    })

    test('writes them with the next commit', async () => {
      const { queue, timers, trace, commit } = lingering()
      queue.touch('a', 1)
      commit('b')
      await settle()
      expect(trace).toEqual(['append b,~a'])
      expect(timers.size).toBe(0)
    })

    test('writes them at once when they fill a batch', async () => {
      const { queue, trace } = lingering(2)
      queue.touch('a', 1)
      queue.touch('b', 1)
      await settle()
      expect(trace).toEqual(['append ~a,~b'])
    })

    test.each([
      ['for them to be durable', (queue: CommitQueue<string>) => queue.settled()],
      ['for room', (queue: CommitQueue<string>) => queue.room(0)],
      ['for the queue to be idle', (queue: CommitQueue<string>) => queue.idle()]
    ])('writes them at once when somebody waits %s', async (_what, wait) => {
      const { queue, trace, pending } = lingering()
      queue.touch('a', 1)
      const waiting = wait(queue)
      await settle()
      expect(trace).toEqual(['append ~a'])
      pending.shift()?.resolve()
      await waiting
    })

    test('leaves no timer behind after a failure', async () => {
      const { queue, timers, commit, pending } = lingering()
      commit('a')
      await settle()
      queue.touch('b', 1)
      pending.shift()?.reject(new Error('disk'))
      await settle()
      expect(timers.size).toBe(0)
    })
  })
})
