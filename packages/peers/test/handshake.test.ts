import { systemHash, systemHmac } from '@starling/ports/system'
import { describe, expect, test } from 'vitest'
import { HandshakeMachine, type HandshakeConfig, type HandshakeOutput } from '../src/handshake-machine.ts'
import { decodeMessage, encodeMessage, type SessionMessage } from '../src/messages.ts'
import { clusterHash, proofOf } from '../src/proof.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const SECRET = bytes('0123456789abcdef')
const OTHER = bytes('fedcba9876543210')
const WALL = 1_800_000_000_000

function config(role: 'dialler' | 'acceptor', change: Partial<HandshakeConfig> = {}): HandshakeConfig {
  const dialler = role === 'dialler'
  return {
    role,
    self: dialler ? 'peer-d' : 'peer-a',
    peer: dialler ? 'peer-a' : 'peer-d',
    cluster: 'prod',
    clusterHash: clusterHash(systemHash, 'prod'),
    secrets: [SECRET],
    incarnation: dialler ? 11n : 22n,
    nonce: new Uint8Array(32).fill(dialler ? 1 : 2),
    attempt: dialler ? 7 : 0,
    driftMsMax: 60_000,
    hmac: systemHmac,
    ...change
  }
}

interface Run {
  readonly wire: { from: 'dialler' | 'acceptor'; message: SessionMessage }[]
  readonly dialler: HandshakeOutput[]
  readonly acceptor: HandshakeOutput[]
}

interface Options {
  readonly diallerWall?: number
  readonly accept?: boolean
  readonly deny?: 'dialler' | 'acceptor'
  /** Changes or drops a message on its way. */
  readonly tamper?: (message: SessionMessage, from: 'dialler' | 'acceptor') => SessionMessage
}

/** Lets both sides talk until neither has anything to say. */
function run(
  dialler: Partial<HandshakeConfig>,
  acceptor: Partial<HandshakeConfig>,
  options: Options = {}
): Run {
  const sides = {
    dialler: new HandshakeMachine(config('dialler', dialler)),
    acceptor: new HandshakeMachine(config('acceptor', acceptor))
  }
  const result: Run = { wire: [], dialler: [], acceptor: [] }
  const todo: { side: 'dialler' | 'acceptor'; input: Parameters<HandshakeMachine['handle']>[0] }[] = [
    { side: 'acceptor', input: { type: 'start' } },
    { side: 'dialler', input: { type: 'start' } }
  ]
  for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
    const { side, input } = next
    const wallMs = side === 'dialler' ? (options.diallerWall ?? WALL) : WALL
    for (const output of sides[side].handle(input, wallMs)) {
      result[side].push(output)
      if (output.type === 'send') {
        const sent = options.tamper?.(output.message, side) ?? output.message
        result.wire.push({ from: side, message: sent })
        const other = side === 'dialler' ? 'acceptor' : 'dialler'
        todo.push({ side: other, input: { type: 'message', message: decodeMessage(encodeMessage(sent)) } })
      }
      if (output.type === 'admit') {
        todo.push({
          side,
          input: { type: 'admitted', refusal: options.deny === side ? 'notAllowed' : undefined }
        })
      }
      if (output.type === 'verified')
        todo.push({ side, input: { type: 'decided', accept: options.accept ?? true } })
    }
  }
  return result
}

function failure(outputs: readonly HandshakeOutput[]): string | undefined {
  const failed = outputs.find(output => output.type === 'failed')
  if (failed?.type !== 'failed') return undefined
  const reason = (failed.error as { reason?: string }).reason
  return reason === undefined ? failed.error.name : `${failed.error.name} ${reason}`
}

function types(result: Run): string[] {
  return result.wire.map(({ message }) => message.type)
}

describe('handshake', () => {
  test('hello, reply, proof, accept; both learn the other incarnation', () => {
    const result = run({}, {})
    expect(types(result)).toEqual(['hello', 'helloReply', 'proof', 'accept'])
    expect(result.dialler.at(-1)).toEqual({ type: 'established', incarnation: 22n })
    expect(result.acceptor).toContainEqual({ type: 'verified', incarnation: 11n, dialAttempt: 7 })
  })

  test('a wrong secret: the acceptor proves nothing, the dialler learns only that it was refused', () => {
    const result = run({ secrets: [OTHER] }, {})
    expect(types(result)).toEqual(['hello', 'helloReply', 'proof', 'refuse'])
    expect(failure(result.acceptor)).toBe('AdmissionError proof')
    expect(failure(result.dialler)).toBe('AdmissionError refused')
  })

  test('refusals for the wrong secret, the allow-list and the callback are the same bytes', () => {
    const refusals = [run({ secrets: [OTHER] }, {}), run({}, {}, { deny: 'acceptor' })].map(result => {
      const last = result.wire.at(-1)
      return last === undefined ? '' : Buffer.from(encodeMessage(last.message)).toString('hex')
    })
    expect(refusals[0]).toBe(refusals[1])
    expect(refusals[0]).not.toBe('')
  })

  test('one side without a secret is refused before any proof', () => {
    for (const result of [run({ secrets: [] }, {}), run({}, { secrets: [] })]) {
      expect(types(result)).not.toContain('proof')
      expect(failure(result.acceptor)).toBe('AdmissionError noSecret')
      expect(failure(result.dialler)).toBe('AdmissionError refused')
    }
  })

  test('no secrets on either side: the proofs are empty and the session stands', () => {
    const result = run({ secrets: [] }, { secrets: [] })
    expect(result.dialler.at(-1)?.type).toBe('established')
    expect(result.wire[2]?.message).toEqual({ type: 'proof', proof: new Uint8Array(0) })
  })

  test('rotation: every order of two lists that share a secret works', () => {
    const lists = [[SECRET], [OTHER], [SECRET, OTHER], [OTHER, SECRET]]
    for (const mine of lists) {
      for (const theirs of lists) {
        // The dialler proves with its first secret; the acceptor answers with the one it recognised.
        const works = mine[0] !== undefined && theirs.includes(mine[0])
        expect(run({ secrets: mine }, { secrets: theirs }).dialler.at(-1)?.type).toBe(
          works ? 'established' : 'failed'
        )
      }
    }
  })

  test('another cluster name: both sides say so, and no proof is sent', () => {
    const result = run({ cluster: 'stage', clusterHash: clusterHash(systemHash, 'stage') }, {})
    expect(types(result)).toEqual(['hello', 'refuse'])
    expect(failure(result.dialler)).toBe('ClusterMismatchError')
    expect(failure(result.acceptor)).toBe('ClusterMismatchError')
  })

  test('clocks: exactly the bound passes, one millisecond more does not', () => {
    for (const sign of [1, -1]) {
      expect(failure(run({}, {}, { diallerWall: WALL + sign * 60_000 }).dialler)).toBeUndefined()
      const beyond = run({}, {}, { diallerWall: WALL + sign * 60_001 })
      expect(types(beyond)).toEqual(['hello', 'refuse'])
      expect(failure(beyond.dialler)).toBe('ClockSkewError')
      expect(failure(beyond.acceptor)).toBe('ClockSkewError')
    }
  })

  test('versions: the greatest common one is chosen, none in common is refused', () => {
    const both = run({ versionMin: 1, versionMax: 3 }, { versionMin: 2, versionMax: 5 })
    expect(both.wire[1]?.message).toMatchObject({ type: 'helloReply', version: 3 })
    expect(both.dialler.at(-1)?.type).toBe('established')
    const none = run({ versionMin: 1, versionMax: 1 }, { versionMin: 2, versionMax: 5 })
    expect(failure(none.dialler)).toBe('ProtocolVersionError')
    expect(failure(none.acceptor)).toBe('ProtocolVersionError')
  })

  test('a dialler whose own rules turn the acceptor away proves nothing', () => {
    const result = run({}, {}, { deny: 'dialler' })
    expect(types(result)).toEqual(['hello', 'helloReply', 'refuse'])
    expect(failure(result.dialler)).toBe('AdmissionError notAllowed')
    expect(failure(result.acceptor)).toBe('AdmissionError refused')
  })

  test('a duplicate is told as one, and is no refusal', () => {
    const result = run({}, {}, { accept: false })
    expect(failure(result.dialler)).toBe('DuplicateConnectionError')
    expect(result.dialler.at(-1)).toMatchObject({ type: 'failed', refused: false, duplicate: true })
  })

  test('an acceptor that sends the dialler its own proof back is found out', () => {
    let proof = new Uint8Array(0)
    const result = run(
      {},
      {},
      {
        tamper: message => {
          if (message.type === 'proof') proof = message.proof.slice()
          return message.type === 'accept' ? { type: 'accept', proof } : message
        }
      }
    )
    expect(proof).toHaveLength(32)
    expect(failure(result.dialler)).toBe('AdmissionError proof')
  })

  test('a proof made for another node is worth nothing here', () => {
    // The stranger in the middle was dialled by a member and passes everything on to another member.
    const result = run({ peer: 'peer-m' }, { peer: 'peer-m' })
    expect(failure(result.acceptor)).toBe('AdmissionError proof')
  })

  test('a proof from an earlier handshake is worth nothing: the nonces differ', () => {
    const earlier: SessionMessage = run({}, {}).wire[2]?.message ?? { type: 'goodbye', code: 'idle' }
    const result = run(
      { secrets: [OTHER], nonce: new Uint8Array(32).fill(1) },
      { nonce: new Uint8Array(32).fill(9) },
      {
        tamper: message => (message.type === 'proof' ? earlier : message)
      }
    )
    expect(failure(result.acceptor)).toBe('AdmissionError proof')
  })

  test('every message out of its turn ends the handshake', () => {
    const samples = run({}, {}).wire.map(({ message }) => message)
    const out: SessionMessage[] = [
      ...samples,
      { type: 'beat', number: 1, wanted: true },
      { type: 'goodbye', code: 'idle' },
      { type: 'challenge', nonce: new Uint8Array(32) },
      { type: 'renewal', proof: new Uint8Array(32) },
      { type: 'about', metadata: {} }
    ]
    for (const role of ['dialler', 'acceptor'] as const) {
      for (const message of out) {
        const machine = new HandshakeMachine(config(role))
        machine.handle({ type: 'start' }, WALL)
        const outputs = machine.handle({ type: 'message', message }, WALL)
        const due = role === 'dialler' ? 'helloReply' : 'hello'
        if (message.type === due) expect(failure(outputs)).toBeUndefined()
        else expect(failure(outputs), `${role} ${message.type}`).toBe('SessionProtocolError')
        if (message.type !== due) expect(machine.handle({ type: 'message', message }, WALL)).toEqual([])
      }
    }
  })

  test('vector of docs/wire/handshake.md', () => {
    const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex')
    const subject = {
      version: 1,
      diallerNonce: new Uint8Array(32).fill(1),
      acceptorNonce: new Uint8Array(32).fill(2),
      dialler: 'peer-d',
      acceptor: 'peer-a',
      cluster: 'prod'
    }
    expect(hex(clusterHash(systemHash, 'prod'))).toBe('4e9b7923af0dd7ba300f2854d27a8c7a')
    expect(hex(proofOf(systemHmac, SECRET, 'dialler', subject))).toBe(
      'b0b71d7e2e0c79ad9cc8d9e2079e5f558e14ccea8eb4f1054c0fa8408a17c7ba'
    )
    expect(hex(proofOf(systemHmac, SECRET, 'acceptor', subject))).toBe(
      '9ae270a59dc9c5f4e0d5bb1ac36e67febb00b4d0b18a7562b5383a7cadbb4389'
    )
    const said: SessionMessage[] = run({}, {}).wire.map(({ message }) => message)
    said.push({ type: 'about', metadata: { zone: 'west', name: 'a' } })
    const wire = said.map(message => hex(encodeMessage(message)))
    expect(wire).toEqual([
      '010003000300000000000000074e9b7923af0dd7ba300f2854d27a8c7a000000000000000b0101010101010101010101010101010101010101010101010101010101010101000001a3185c500001',
      '0200034e9b7923af0dd7ba300f2854d27a8c7a00000000000000160202020202020202020202020202020202020202020202020202020202020202000001a3185c500001',
      '0320d5e3027da2b99f72de9cec029e7990223f35a5f3640a82eaac8541f06f378436',
      '0420655505c6deeb3b1623426c52351c15be3d9b2f0c20eb010dd0887698d2ec4fc8',
      '0b02046e616d650161047a6f6e650477657374'
    ])
  })
})
