import { quic, type QuicComponents } from '@chainsafe/libp2p-quic'
import type { Listener, Transport } from '@libp2p/interface'
import { QUIC_ACCEPTS, QUIC_LIMITS } from './config.ts'

/** A listener of the QUIC binding: each call takes one connection after the other, handshake included, until it is closed. */
interface QuicListener extends Listener {
  awaitInboundConnections(): Promise<void>
}

/**
 * The QUIC transport, taking several connections at once. The binding's own listener takes the next connection only when the
 * handshake of the last one has ended, and one whose other end has gone silent ends after the idle timeout: one packet of a
 * stranger, or one joiner that was too slow, would hold up everybody behind it for ten seconds.
 */
export function quicTransport(): (components: QuicComponents) => Transport {
  // Both IP versions: where the host has one switched off the binding does without it.
  const create = quic({ ...QUIC_LIMITS, ipv4: true, ipv6: true })
  return components => {
    const transport = create(components)
    const createListener = transport.createListener.bind(transport)
    transport.createListener = options => {
      const listener = createListener(options)
      listener.addEventListener('listening', () => {
        for (let accepts = 1; accepts < QUIC_ACCEPTS; accepts++) void acceptMore(listener)
      })
      return listener
    }
    return transport
  }
}

async function acceptMore(listener: Listener): Promise<void> {
  if (!takesMore(listener)) {
    throw new TypeError('this version of @chainsafe/libp2p-quic has no awaitInboundConnections: use 2.1')
  }
  await listener.awaitInboundConnections()
}

function takesMore(listener: Listener): listener is QuicListener {
  return 'awaitInboundConnections' in listener && typeof listener.awaitInboundConnections === 'function'
}
