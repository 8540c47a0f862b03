import { expect, test } from 'vitest'
import type { Metadata } from '../src/index.ts'
import { newNet, pair } from './fake-world.ts'

test('each end shows what the other says of itself, again in each session', async () => {
  const net = newNet()
  const [a, b, silent] = [
    await net.add({ metadata: { name: 'a', zone: 'west' } }),
    await net.add({ metadata: { name: 'b', __proto__x: 'y' } }),
    await net.add()
  ]
  a.want(b)
  silent.want(a)
  await net.time.advance(500)
  const shown = (node: typeof a): unknown =>
    Object.fromEntries(node.peers.peers().map(({ peer, session }) => [peer, session?.metadata]))
  const ofA = { name: 'a', zone: 'west' }
  expect(shown(a)).toEqual({ [b.peers.self]: { name: 'b', __proto__x: 'y' }, [silent.peers.self]: {} })
  expect(shown(b)).toEqual({ [a.peers.self]: ofA })
  expect(shown(silent)).toEqual({ [a.peers.self]: ofA })
  for (const connection of [...b.connections]) connection.abort(new Error('fault'))
  await net.time.advance(10_000)
  expect(shown(b)).toEqual({ [a.peers.self]: ofA })
})

test('nothing is said where there is nothing to say, and a change of the record changes nothing', async () => {
  const metadata = { name: 'before' }
  const { net, a, b } = await pair({ metadata })
  metadata.name = 'after'
  a.want(b)
  await net.time.advance(500)
  expect(b.peers.peers()[0]?.session?.metadata).toEqual({ name: 'before' })
})

test.each<[string, unknown, new () => Error]>([
  ['no record', ['a'], TypeError],
  ['null', null, TypeError],
  ['a number', { a: 1 }, TypeError],
  ['a lone surrogate', { a: '\ud800' }, TypeError],
  ['an empty key', { '': 'a' }, RangeError],
  ['a long key', { ['k'.repeat(65)]: '' }, RangeError],
  ['too many pairs', Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`${i}`, ''])), RangeError],
  ['too many bytes', { a: 'ä'.repeat(512) }, RangeError]
])('%s is refused at once', async (_, metadata, kind) => {
  await expect(newNet().add({ metadata: metadata as Metadata })).rejects.toThrow(kind)
})
