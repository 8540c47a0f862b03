import { describe, expect, test } from 'vitest'
import { EventFeed, type State } from '../../src/api/event-feed.ts'
import type { ServerEvent } from '../../src/api/event-stream.ts'

// Goal: every reader learns how things are and what happened, and one that misses something is told so. A reader that never reads
// costs a fixed number of lines.

const feedOf = () => new EventFeed({ logLinesMax: 4, readerLinesMax: 3 })
const line = (text: string) => ({ atMs: 1, node: 'one', type: 'test', text })
const textOf = ({ name, data }: ServerEvent) => (name === 'event' ? (data as { text: string }).text : name)

/** Takes what is there without waiting. */
async function taken(reader: AsyncIterator<ServerEvent>): Promise<ServerEvent[]> {
  const events: ServerEvent[] = []
  for (;;) {
    const next = reader.next()
    const event = await Promise.race([
      next,
      new Promise<undefined>(resolve => setImmediate(resolve, undefined))
    ])
    if (event === undefined || event.done === true) return events
    events.push(event.value)
  }
}

describe('a reader', () => {
  test('gets the state first, then the lines that are kept, then what comes', async () => {
    const feed = feedOf()
    feed.log(line('a'))
    const reader = feed.read(undefined, [{ name: 'pulse', data: 1 }])
    expect([textOf(await next(reader)), textOf(await next(reader))]).toEqual(['pulse', 'a'])
    const coming = next(reader)
    feed.log(line('b'))
    expect(textOf(await coming)).toBe('b')
    await reader.return?.()
    expect(feed.readers).toBe(0)
  })

  test('that comes back gets the lines after its last, and no others', async () => {
    const feed = feedOf()
    for (const text of ['a', 'b', 'c']) feed.log(line(text))
    const first = await taken(feed.read(undefined, []))
    expect(first.map(textOf)).toEqual(['a', 'b', 'c'])
    const again = await taken(feed.read(first[1]?.id, []))
    expect(again.map(textOf)).toEqual(['c'])
    expect(await taken(feed.read(first[2]?.id, []))).toEqual([])
  })

  test.each([
    ['of another process', () => '00000000-1'],
    ['of nothing', () => 'nonsense'],
    ['from the future', (id: string) => id.replace(/\d+$/u, '99')]
  ])('with an id %s is told to start over', async (_, idOf) => {
    const feed = feedOf()
    feed.log(line('a'))
    const [event] = await taken(feed.read(undefined, []))
    const again = await taken(feed.read(idOf(event?.id ?? ''), []))
    expect(again.map(textOf)).toEqual(['resync', 'a'])
  })

  test('whose lines are not kept any more is told to start over', async () => {
    const feed = new EventFeed({ logLinesMax: 4, readerLinesMax: 10 })
    feed.log(line('a'))
    const [event] = await taken(feed.read(undefined, []))
    for (const text of ['b', 'c', 'd']) feed.log(line(text))
    expect((await taken(feed.read(event?.id, []))).map(textOf)).toEqual(['b', 'c', 'd'])
    for (const text of ['e', 'f']) feed.log(line(text))
    expect((await taken(feed.read(event?.id, []))).map(textOf)).toEqual(['resync', 'c', 'd', 'e', 'f'])
  })

  test('that does not read keeps the newest lines, one state of a kind, and the word that something is missing', async () => {
    const feed = feedOf()
    const reader = feed.read(undefined, [])
    const state = (data: number): State<number> => ({
      name: 'pulse',
      data,
      merge: (unread, newer) => unread * 10 + newer
    })
    for (let index = 1; index <= 1000; index++) feed.log(line(String(index)))
    for (const data of [1, 2, 3]) feed.publish(state(data))
    const events = await taken(reader)
    expect(events[0]).toEqual({ name: 'pulse', data: 123 })
    expect(events.map(textOf)).toEqual(['pulse', 'resync', '998', '999', '1000'])
  })
})

async function next(reader: AsyncIterator<ServerEvent>): Promise<ServerEvent> {
  const { done, value } = await reader.next()
  if (done === true) throw new Error('the feed has ended')
  return value as ServerEvent
}
