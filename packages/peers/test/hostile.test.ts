import { describe, expect, test } from 'vitest'
import type { SessionMessage } from '../src/messages.ts'
import { newNet } from './fake-world.ts'
import { rawSession } from './raw-session.ts'

describe('an admitted peer that breaks the rules of the session channel', () => {
  const offences: [string, SessionMessage | Uint8Array][] = [
    ['a proof nobody asked for', { type: 'renewal', proof: new Uint8Array(32) }],
    ['a second acceptance', { type: 'accept', proof: new Uint8Array(32) }],
    ['a second proof', { type: 'proof', proof: new Uint8Array(0) }],
    ['an about that is too long', new Uint8Array(1_100).fill(11)],
    ['bytes that are no message', Uint8Array.of(99, 0, 1)],
    ['no bytes', new Uint8Array(0)]
  ]

  test.each(offences)('%s ends its session, and nobody else notices', async (_, offence) => {
    const net = newNet()
    const [b, honest, offender] = [await net.add(), await net.add(), await net.add()]
    honest.want(b)
    await net.time.advance(500)
    const raw = await rawSession(net, offender, b, 5n)
    expect(b.peers.sessions()).toHaveLength(2)
    if (offence instanceof Uint8Array) raw.channel.send(offence)
    else raw.send(offence)
    await net.time.advance(5_000)
    expect(b.story).toEqual(['up', 'up', 'down protocol'])
    expect(raw.connection.status).not.toBe('open')
    expect(b.peers.sessions().map(({ peer }) => peer)).toEqual([honest.peers.self])
    expect(b.peers.stats().failuresByError).toEqual({ SessionProtocolError: 1 })
    expect(honest.story).toEqual(['up'])
  })

  test('a second about ends its session, and what the first one said is shown until then', async () => {
    const net = newNet()
    const [b, offender] = [await net.add(), await net.add()]
    const raw = await rawSession(net, offender, b, 5n)
    const shown = (): unknown => b.peers.peers().map(({ session }) => session?.metadata)
    expect(shown()).toEqual([{}])
    raw.send({ type: 'about', metadata: { name: 'first' } })
    await net.time.advance(50)
    expect(shown()).toEqual([{ name: 'first' }])
    raw.send({ type: 'about', metadata: { name: 'second' } })
    await net.time.advance(5_000)
    expect(b.story).toEqual(['up', 'down protocol'])
    expect(b.peers.stats().failuresByError).toEqual({ SessionProtocolError: 1 })
  })

  test('ten thousand challenges are answered, and cost the others nothing', async () => {
    const net = newNet()
    const [b, honest, offender] = [await net.add(), await net.add(), await net.add()]
    honest.want(b)
    await net.time.advance(500)
    const raw = await rawSession(net, offender, b, 5n)
    for (let n = 0; n < 10_000; n++) raw.send({ type: 'challenge', nonce: new Uint8Array(32).fill(n) })
    await net.time.advance(2_000)
    const answers = raw.received.filter(({ type }) => type === 'renewal')
    expect(answers).toHaveLength(10_000)
    expect(honest.story).toEqual(['up'])
    expect(b.story).toEqual(['up', 'up'])
  })

  test('one that asks for proofs learns none that is of use in a handshake', async () => {
    const net = newNet()
    const [b, offender] = [await net.add(), await net.add()]
    const raw = await rawSession(net, offender, b, 5n)
    const proofs = (type: 'accept' | 'renewal'): string[] =>
      raw.received.flatMap(message =>
        message.type === type ? [Buffer.from(message.proof).toString('hex')] : []
      )
    raw.send({ type: 'challenge', nonce: new Uint8Array(32) })
    raw.send({ type: 'challenge', nonce: new Uint8Array(32).fill(1) })
    await net.time.advance(100)
    expect(new Set([...proofs('accept'), ...proofs('renewal')]).size).toBe(3)
  })

  test('a peer that says it is still to prove itself again is believed only once', async () => {
    const net = newNet()
    const [b, offender] = [await net.add(), await net.add()]
    const raw = await rawSession(net, offender, b, 5n)
    b.peers.setSecrets(['the newer secret 1234'])
    raw.send({ type: 'renewal', proof: new Uint8Array(0) })
    await net.time.advance(50)
    expect(b.story).toEqual(['up', 'down revoked'])
    expect(raw.received.at(-1)).toEqual({ type: 'goodbye', code: 'refused' })
  })
})
