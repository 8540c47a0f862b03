import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadMutants, mutate } from '../load-mutants.mjs'
import { isRight, resultPage } from '../result-page.mjs'

const root = join(import.meta.dirname, '..', '..', '..')
const mutants = loadMutants()
const page = readFileSync(join(root, 'docs/measurements/mutants.md'), 'utf8')

describe('the list of mutants', () => {
  test.each(mutants.map(mutant => [mutant.id, mutant] as const))('%s fits its source', (_, mutant) => {
    expect(mutate(mutant)).toHaveProperty('source')
    expect(mutant.tests.filter(file => !existsSync(join(root, file)))).toEqual([])
    expect(mutant.tests).not.toEqual([])
  })

  test('ids are unique', () => {
    const ids = mutants.map(({ id }) => id)
    expect(ids).toEqual([...new Set(ids)])
  })

  test('the page of results has all of them and no other, every one killed but the controls', () => {
    const rows = page.split('\n').filter(line => line.startsWith('| ') && !/^\| (area|---) /.test(line))
    const listed = rows.map(line => line.split(' | ').slice(1, 2).join())
    expect(listed).toEqual(mutants.map(({ id }) => id))
    expect(rows.map(line => line.split(' | ')[4])).toEqual(
      mutants.map(({ control }) => (control ? 'survived' : 'killed'))
    )
  })
})

describe('applying a mutant', () => {
  const mutant = { id: 'x', file: 'a.ts', find: 'a < b', replace: 'a <= b' }

  test('replaces the one place, and says when there is none or several', () => {
    expect(mutate(mutant, 'if (a < b) c()')).toEqual({ source: 'if (a <= b) c()' })
    expect(mutate(mutant, 'if (b < a) c()')).toEqual({
      problem: 'x: its text occurs 0 times in a.ts, not once'
    })
    expect(mutate(mutant, 'a < b; a < b')).toEqual({
      problem: 'x: its text occurs 2 times in a.ts, not once'
    })
  })

  test('reaches the tests: one that must die does, and the control lives', () => {
    const names = ['clock-counter-stuck', 'control', '--dry']
    const run = spawnSync(process.execPath, ['tooling/mutation/run.mjs', ...names], {
      cwd: root,
      encoding: 'utf8'
    })
    expect(run.stdout).toMatch(/killed {3}clock-counter-stuck/)
    expect(run.stdout).toMatch(/survived control-nothing-broken/)
    expect(run.status).toBe(0)
  })

  test('a name that nobody has is refused with those there are', () => {
    const run = spawnSync(process.execPath, ['tooling/mutation/run.mjs', 'nothing'], {
      cwd: root,
      encoding: 'utf8'
    })
    expect(run.stderr).toContain('No mutant or area is called nothing; areas: ')
    expect(run.status).toBe(2)
  })
})

test('the page says what survived, and keeps the lines of those that were not run', () => {
  const first = { id: 'x', area: 'codec', what: 'a | b', file: 'a.ts' }
  const second = { id: 'y', area: 'codec', what: 'c', file: 'a.ts' }
  const survived = { mutant: first, verdict: 'survived' }
  expect(isRight(survived)).toBe(false)
  const page = resultPage([first, second], [survived])
  expect(page).toContain('| codec | x | a \\| b | `a.ts` | survived |  |\n')
  expect(page).not.toContain('| y |')
  const both = resultPage([first, second], [{ mutant: second, verdict: 'killed', killedBy: 't' }], page)
  expect(both).toContain(
    '| codec | x | a \\| b | `a.ts` | survived |  |\n| codec | y | c | `a.ts` | killed | t |\n'
  )
})
