import type { Mux, MuxInit } from '@starling/mux'
import { Recorder } from '../../src/contract/probes.ts'
import { InMemoryConnection, inMemoryHost, type InMemoryHost } from './in-memory-network.ts'
import type { InMemoryStream } from './in-memory-stream.ts'
import { ManualTimers } from '../../src/contract/manual-timers.ts'

/** An acceptor, a dialler and the connection between them, in memory and with time that stands still. */
export interface World {
  readonly timers: ManualTimers
  readonly acceptor: InMemoryHost
  readonly dialler: InMemoryHost
  readonly connection: InMemoryConnection
  /** Another peer with a connection to the acceptor. */
  stranger(name: string): Promise<InMemoryConnection>
}

export async function world(init: MuxInit = {}): Promise<World> {
  const timers = new ManualTimers()
  const acceptor = await inMemoryHost('acceptor', init, timers)
  const stranger = async (name: string): Promise<[InMemoryHost, InMemoryConnection]> => {
    const host = await inMemoryHost(name, init, timers)
    return [host, InMemoryConnection.pair(host, acceptor, { manner: 'quic' })[0]]
  }
  const [dialler, connection] = await stranger('dialler')
  return { timers, acceptor, dialler, connection, stranger: async name => (await stranger(name))[1] }
}

export function openChannel(world: World, tag: string, signal?: AbortSignal): ReturnType<Mux['openChannel']> {
  return world.dialler.mux.openChannel(
    world.connection.asConnection,
    tag,
    signal === undefined ? {} : { signal }
  )
}

/** A stream that has sent a part of its preamble. */
export async function halfOpen(
  connection: InMemoryConnection
): Promise<{ stream: InMemoryStream; recorder: Recorder }> {
  const stream = await connection.newStream()
  const recorder = new Recorder(stream)
  stream.send(Uint8Array.of(9, 97))
  return { stream, recorder }
}
