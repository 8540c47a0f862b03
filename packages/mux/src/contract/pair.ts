import assert from 'node:assert/strict'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { MuxServiceInit } from '../index.ts'
import type { FramedChannel, Mux } from '../types.ts'
import { Recorder, drain, patternBytes, receive } from './probes.ts'

/** Two started muxes with a connection between them. */
export interface MuxPair {
  readonly dialler: Mux
  readonly acceptor: Mux
  /** From the dialler to the acceptor. */
  readonly connection: Connection
  readonly acceptorPeer: PeerId
  readonly diallerPeer: PeerId
  /** A bare stream to the acceptor's mux, without a preamble: what a client that does not keep the rules has. */
  bareStream(): Promise<Stream>
  /** Stops both, and what carries them. */
  stop(): Promise<void>
}

/** Makes a pair; `init` is for both muxes. */
export type MuxPairSetup = (init?: MuxServiceInit) => Promise<MuxPair>

/** One promise of the contract. */
export interface MuxContractCase {
  /** What is promised, a title for a test. */
  readonly name: string
  /** Resolves when the promise is kept and everything it set up is stopped; rejects with an AssertionError when not. */
  run(setup: MuxPairSetup): Promise<void>
}

/** A case on one pair, which is stopped at its end. The deadline for closing is short, so that waiting for it is no long wait. */
export function onPair(
  name: string,
  test: (pair: MuxPair) => Promise<void>,
  init: MuxServiceInit = {}
): MuxContractCase {
  return {
    name,
    run: async setup => {
      const pair = await setup({ closeTimeoutMs: 300, ...init })
      try {
        await test(pair)
      } finally {
        await pair.stop()
      }
    }
  }
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** Fails unless the bytes are the same. */
export function sameBytes(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(actual.length, expected.length)
  assert.equal(Buffer.compare(actual, expected), 0, 'the bytes differ')
}

/** Fails unless the acceptor's figures, as far as they are given, are these. */
export function hasStats(mux: Mux, expected: Readonly<Record<string, unknown>>): void {
  assert.partialDeepStrictEqual(mux.stats(), expected)
}

/** The status byte a bare client gets. */
export async function verdictOf(stream: Stream): Promise<number | undefined> {
  return (await new Recorder(stream).atLeast(1))[0]
}

/** Registers a channel handler that sends everything back and then ends. */
export function echo(mux: Mux, tag: string): void {
  mux.handleChannel(tag, async channel => {
    for await (const message of channel) if (!channel.send(message)) await channel.drained()
    await channel.end()
  })
}

/** Sends one message to an echo and gets it back: the mux still works. */
export async function proveAlive(pair: MuxPair, tag: string): Promise<void> {
  const channel = await pair.dialler.openChannel(pair.connection, tag)
  channel.send(text('alive'))
  sameBytes(await receive(channel), text('alive'))
  const [, rest] = await Promise.all([channel.end(), drain(channel)])
  assert.equal(rest.length, 0)
}

/**
 * Runs `misbehave` while an honest channel on the same connection sends messages to an echo and gets them back, at least one
 * hundred; fails unless each comes back, whole and in order, and the channel ends well.
 */
export async function besideHonest(pair: MuxPair, misbehave: () => Promise<void>): Promise<void> {
  echo(pair.acceptor, 'honest')
  const channel = await pair.dialler.openChannel(pair.connection, 'honest')
  let going = true
  const work = (async () => {
    for (let i = 0; going || i < 100; i++) await thereAndBack(channel, patternBytes((i * 997) % 9000, i))
    const [, rest] = await Promise.all([channel.end(), drain(channel)])
    assert.equal(rest.length, 0)
  })()
  // When both fail, the first failure is told.
  work.catch(() => {})
  try {
    await misbehave()
  } finally {
    going = false
  }
  await work
}

async function thereAndBack(channel: FramedChannel, message: Uint8Array): Promise<void> {
  channel.send(message)
  sameBytes(await receive(channel), message)
}
