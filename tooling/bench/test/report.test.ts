import { describe, expect, test } from 'vitest'
import { lineOf, renderTable } from '../src/report.ts'
import { measurement, type Metric } from '../src/suite.ts'

const metric: Metric = { case: 'put', metric: 'us', unit: 'us', better: 'lower', about: 'writing' }
const measured = measurement(
  metric,
  new Map([
    ['starling', 2],
    ['floor', 1],
    ['yjs', 5.123456]
  ])
)

describe('a line of JSON', () => {
  test('has these keys in this order', () => {
    expect(JSON.stringify(lineOf('crdt', measured, new Map()))).toBe(
      '{"suite":"crdt","case":"put","metric":"us","unit":"us","value":2,"better":"lower",' +
        '"reference":{"floor":1,"yjs":5.123},"versus":{"floor":0.5,"yjs":2.562}}'
    )
  })

  test('says which reference is missing, and why', () => {
    const line = lineOf('crdt', measured, new Map([['loro', 'Cannot find package']]))
    expect(line.missing).toEqual({ loro: 'Cannot find package' })
    expect(Object.keys(line).at(-1)).toBe('missing')
  })

  test('counts figures below the resolution as that much', () => {
    const bytes = measurement(
      { ...metric, case: 'growth', metric: 'bytes', unit: 'bytes', resolution: 1 },
      new Map([
        ['starling', 0],
        ['yjs', 1e7]
      ])
    )
    expect(lineOf('crdt', bytes, new Map())).toMatchObject({ value: 0, versus: { yjs: 1e7 } })
  })

  test('cannot be made without ours', () => {
    expect(() => measurement(metric, new Map([['floor', 1]]))).toThrow('ours was not measured')
  })
})

test('the table has a column for each reference that was measured, and names what is missing', () => {
  const lines = [lineOf('crdt', measured, new Map([['loro', 'it is not installed']]))]
  expect(renderTable(lines, ['floor', 'yjs', 'loro']).split('\n')).toEqual([
    'crdt  ours        floor              yjs',
    'put   2 us  1 us (0.5x)  5.12 us (2.56x)',
    'loro is missing: it is not installed'
  ])
})
