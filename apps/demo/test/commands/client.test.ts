import { getEventListeners } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Client } from '../../src/commands/client.ts'
import { Given } from '../../src/commands/command.ts'
import { servedNode, type ServedNode } from '../api/support/served-node.ts'

// Goal: however many questions a command asks, what ends the command is not held on to by those that are answered.

let served: ServedNode
beforeAll(async () => {
  served = await servedNode()
})
afterAll(() => served.end())

const connect = (signal: AbortSignal) =>
  Client.connect(new Given([], {}), { environment: { STARLING_URL: served.url }, signal })
const listening = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

test('each question listens to what ends the command, and no longer than it is answered', async () => {
  const { signal } = new AbortController()
  const client = await connect(signal)
  await served.map.set('k', 1)
  for (let n = 0; n < 5; n++) {
    const asking = client.json('maps/things/entries/k')
    expect(listening(signal)).toBe(1)
    await expect(asking).resolves.toMatchObject({ value: 1 })
    await expect(client.json('maps/things/entries/absent')).rejects.toThrow(/not here/u)
    expect(listening(signal)).toBe(0)
  }
  for await (const { name } of client.events('maps/things/watch?from=snapshot')) {
    expect(listening(signal)).toBe(1)
    if (name === 'snapshot') break
  }
  expect(listening(signal)).toBe(0)
})

test('what ends the command ends a question, its answer and a stream', async () => {
  const command = new AbortController()
  const client = await connect(command.signal)
  const events = client.events('maps/things/watch?from=snapshot')
  await events.next()
  const asking = client.json('maps/things/entries/k')
  const reason = new Error('Ctrl-C')
  command.abort(reason)
  await expect(asking).rejects.toBe(reason)
  await expect(
    (async () => {
      for await (const event of events) expect(event).toBeDefined()
    })()
  ).rejects.toBe(reason)
  await expect(client.json('role')).rejects.toBe(reason)
  expect(listening(command.signal)).toBe(0)
})
