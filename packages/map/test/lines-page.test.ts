import type { Value } from '@starling/codec'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openMap } from './support/open.ts'

// Goal: docs/wire/lines.md tells the truth. Method: its lines are imported and exported again.

const page = readFileSync(join(import.meta.dirname, '../../../docs/wire/lines.md'), 'utf8')
const [accepted = [], refused = []] = page
  .split('## Vectors')[1]!
  .split('Refused:')
  .map(part =>
    [...part.matchAll(/^(?<line>[{[].*?[}\]])(?: {2,}.*)?$/gmu)].map(({ groups }) => groups?.['line'] ?? '')
  )

describe('the lines of docs/wire/lines.md', () => {
  test('are imported, mean what the page says, and are exported as they stand', async () => {
    expect(accepted).toHaveLength(5)
    const { map } = await openMap<Value>({ name: 'a' })
    expect(await map.importLines([...accepted, '', ' '])).toEqual({ entries: 5, expired: 0 })
    expect([...map.exportLines()].sort()).toEqual([...accepted].sort())
    expect(map.get('count')).toBe(5n)
    expect(map.get('icon')).toEqual(Uint8Array.of(1, 2))
    expect(map.get('zero')).toBe(-0)
  })

  test('that are none are refused, each by its number', async () => {
    expect(refused).toHaveLength(5)
    for (const line of refused) {
      const { map } = await openMap<Value>({ name: 'a' })
      await expect(map.importLines([accepted[0]!, line])).rejects.toMatchObject({
        name: 'ImportError',
        line: 2
      })
    }
  })
})
