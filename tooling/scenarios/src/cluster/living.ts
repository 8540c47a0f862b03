import type { PeersComponents } from '@starling/peers'
import type { Ports, Timers } from '@starling/ports'

type Transport = Omit<PeersComponents, keyof Ports>

/**
 * The timers of one process. Once it has ended its promises may still go on for a while; what they set then must not run in the name
 * of the next process.
 */
export function timersWhile(lives: () => boolean, timers: Timers): Timers {
  return {
    schedule: (delayMs, task) => (lives() ? timers.schedule(delayMs, task) : { cancel: () => undefined })
  }
}

/** The network as one process has it: once it has ended, what it asks for is never answered. */
export function transportWhile(lives: () => boolean, transport: Transport): Transport {
  const never = (): Promise<never> => new Promise(() => {})
  const { connectionManager, mux } = transport
  return {
    ...transport,
    connectionManager: {
      openConnection: (address, options) =>
        lives() ? connectionManager.openConnection(address, options) : never(),
      getConnections: peer => (lives() ? connectionManager.getConnections(peer) : [])
    },
    mux: {
      handleChannel: (tags, handler, options) =>
        lives() ? mux.handleChannel(tags, handler, options) : { dispose: () => undefined },
      openChannel: (target, tag, options) => (lives() ? mux.openChannel(target, tag, options) : never())
    }
  }
}
