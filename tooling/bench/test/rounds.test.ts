import { describe, expect, test } from 'vitest'
import { interleave, timeBatches, type Timed } from '../src/rounds.ts'

const noFailure = (name: string, reason: string): void => {
  throw new Error(`${name}: ${reason}`)
}

/** Reports the given times, one for each round. */
function contender(name: string, times: readonly number[], calls: string[] = []) {
  let round = 0
  return {
    name,
    run(): Timed {
      calls.push(name)
      return { elapsedMs: times[round++] ?? Number.NaN, operations: 10 }
    }
  }
}

describe('interleaved rounds', () => {
  test('give the median time of one operation, the first round not counted', async () => {
    const times = await interleave([contender('a', [9000, 10, 30, 20])], {
      rounds: 3,

      onFailure: noFailure
    })
    expect(times).toEqual(new Map([['a', 2]]))
  })

  test('let everyone work in each round, and another one begin each time', async () => {
    const calls: string[] = []
    const all = ['a', 'b', 'c'].map(name => contender(name, [1, 1, 1], calls))
    await interleave(all, { rounds: 2, onFailure: noFailure })
    expect(calls.join('')).toBe('abcbcacab')
  })

  test('go on without who fails, and say so once', async () => {
    const failures: string[] = []
    let runs = 0
    const failing = {
      name: 'bad',
      run(): Timed {
        if (runs++ === 1) throw new Error('broke')
        return { elapsedMs: 1, operations: 1 }
      }
    }
    const idle = { name: 'idle', run: (): Timed => ({ elapsedMs: 1, operations: 0 }) }
    const times = await interleave([contender('good', [1, 1, 1]), failing, idle], {
      rounds: 2,

      onFailure: (name, reason) => failures.push(`${name}: ${reason}`)
    })
    expect([...times.keys()]).toEqual(['good'])
    expect(failures).toEqual(['idle: no operation was done within the budget', 'bad: broke'])
    expect(runs).toBe(2)
  })
})

test('who has used up the patience is left out, once one of its rounds has counted', async () => {
  const calls: string[] = []
  const all = ['a', 'b'].map(name => contender(name, [9000, 10, 20, 30], calls))
  const times = await interleave(all, { rounds: 3, patienceMs: -1, onFailure: noFailure })
  expect(calls.join('')).toBe('abba')
  expect(times).toEqual(
    new Map([
      ['a', 1],
      ['b', 1]
    ])
  )
})

describe('timed batches', () => {
  test('end with the batches', () => {
    expect(timeBatches([3, 4], 1e9, size => size).operations).toBe(7)
  })

  test('end with the budget, after the batch that spent it', () => {
    let made = 0
    function* endless(): Generator<number> {
      for (;;) yield ++made
    }
    expect(timeBatches(endless(), 0, () => 5)).toMatchObject({ operations: 5 })
    expect(made).toBe(1)
  })
})
