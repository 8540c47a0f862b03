import { systemHash, systemHmac } from '@starling/ports/system'
import { SESSION_TAG } from '../src/config.ts'
import { HandshakeMachine, type HandshakeOutput } from '../src/handshake-machine.ts'
import type { FramedChannel } from '../src/index.ts'
import { decodeMessage, encodeMessage, type SessionMessage } from '../src/messages.ts'
import { clusterHash } from '../src/proof.ts'
import type { FakeConnection, FakeNet, FakeNode } from './fake-net.ts'

/** The dialling end of a connection without a manager: it shakes hands as it should, and then says what a test wants. */
export interface RawSession {
  readonly connection: FakeConnection
  readonly channel: FramedChannel
  readonly received: SessionMessage[]
  send(message: SessionMessage): void
}

export async function rawSession(
  net: FakeNet,
  from: FakeNode,
  to: FakeNode,
  incarnation: bigint
): Promise<RawSession> {
  const [connection] = net.connect(from, to)
  const opening = net.openChannel(connection, SESSION_TAG)
  await net.time.advance(1)
  const channel = await opening
  const machine = new HandshakeMachine({
    role: 'dialler',
    self: from.peers.self,
    peer: to.peers.self,
    cluster: 'test',
    clusterHash: clusterHash(systemHash, 'test'),
    secrets: [new TextEncoder().encode('a secret of enough bytes')],
    incarnation,
    nonce: new Uint8Array(32),
    attempt: 99,
    driftMsMax: 60_000,
    hmac: systemHmac
  })
  const wallMs = net.time.clock().wallMs()
  const send = (message: SessionMessage): void => void channel.send(encodeMessage(message))
  const say = (outputs: readonly HandshakeOutput[]): void => {
    for (const output of outputs) {
      if (output.type === 'send') send(output.message)
      if (output.type === 'admit') say(machine.handle({ type: 'admitted', refusal: undefined }, wallMs))
    }
  }
  say(machine.handle({ type: 'start' }, wallMs))
  const received: SessionMessage[] = []
  void (async () => {
    for await (const bytes of channel) {
      const message = decodeMessage(bytes)
      received.push(message)
      say(machine.handle({ type: 'message', message }, wallMs))
    }
    await channel.end()
  })().catch(() => {})
  await net.time.advance(100)
  return { connection, channel, received, send }
}
