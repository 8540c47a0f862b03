import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { HTTP_LIMITS } from '../../../apps/demo/src/api/config.ts'
import { readPage, ROOT, section } from './support/markdown.ts'

// Goal: docs/guide/http-api.md has what the server answers, and no more. Method: its requests, the names of refusals and its limits are
// compared with the sources.

const page = readPage('docs/guide/http-api.md')
const folder = join(ROOT, 'apps/demo/src/api')
const source = readdirSync(folder)
  .filter(file => file.endsWith('.ts'))
  .map(file => readFileSync(join(folder, file), 'utf8'))
  .join('\n')

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort()

describe('the page of the HTTP API', () => {
  test('has each request that a node answers', () => {
    const routes = [...source.matchAll(/\.(?<method>get|put|post|delete)\(\s*'(?<path>\/[^']*)'/gu)].map(
      ({ groups }) => {
        const path = groups?.['path'] ?? ''
        const whole = path.startsWith('/entries') ? `/api/v1/maps/:map${path}` : path
        return `${groups?.['method']?.toUpperCase()} ${whole}`
      }
    )
    const written = [...section(page, 'What there is').matchAll(/^\| `(?<request>[A-Z]+ \/\S*)` \|/gmu)]
    expect(routes.length).toBeGreaterThan(8)
    expect(sorted(written.map(({ groups }) => groups?.['request'] ?? ''))).toEqual(sorted(routes))
  })

  test('has each name of a refusal, with its status', () => {
    const thrown = [...source.matchAll(/RefusedRequest\(\s*\d{3},\s*'(?<name>\w+)'/gu)]
    const mapped = [...source.matchAll(/^ {2}(?<name>\w+Error): (?<status>\d{3}),?$/gmu)]
    const table = section(page, 'What refusals look like')
    const named = [...table.matchAll(/`(?<name>\w+Error)`/gu)]
    const names = [...thrown, ...mapped].map(({ groups }) => groups?.['name'] ?? '')
    expect(mapped.length).toBeGreaterThan(10)
    expect(sorted(named.map(({ groups }) => groups?.['name'] ?? ''))).toEqual(sorted([...names, 'TypeError']))
    const wrong = mapped.filter(({ groups }) => {
      const line = table.split('\n').find(each => each.includes(`\`${groups?.['name']}\``)) ?? ''
      return !line.split('|')[1]?.includes(groups?.['status'] ?? '-')
    })
    expect(wrong.map(([line]) => line)).toEqual([])
  })

  test('has the limits that are in force', () => {
    const limits = section(page, 'Limits')
    const { connectionsMax, readersMax, bodyBytesMax, pageEntriesMax, readerLinesMax, stalledReaderMs } =
      HTTP_LIMITS
    const shown = [connectionsMax, readersMax, pageEntriesMax, readerLinesMax].map(each =>
      each.toLocaleString('en-US')
    )
    for (const each of [...shown, `${bodyBytesMax / 1024} KiB`, `${stalledReaderMs / 1000} s`]) {
      expect(limits).toContain(`| ${each} |`)
    }
  })
})
