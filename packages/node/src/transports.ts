import type { Libp2pOptions } from 'libp2p'
import type { TransportChoice } from './addresses.ts'
import { TCP_LIMITS, YAMUX_LIMITS } from './config.ts'
import { TransportUnavailableError } from './errors.ts'

/** What libp2p is made of to speak the chosen transports. */
export type Transports = Required<Pick<Libp2pOptions, 'transports' | 'connectionEncrypters' | 'streamMuxers'>>

/**
 * Loads the chosen transports and nothing else: QUIC is a native binary that not every platform has, and a node that speaks
 * only one of the two needs not pay for the other.
 *
 * @throws TransportUnavailableError when one cannot be loaded here.
 */
export async function loadTransports(choice: TransportChoice): Promise<Transports> {
  const [quic, tcp] = await Promise.all([
    choice === 'tcp' ? undefined : loadQuic(),
    choice === 'quic' ? undefined : loadTcp()
  ])
  return {
    transports: [...(quic?.transports ?? []), ...(tcp?.transports ?? [])],
    connectionEncrypters: tcp?.connectionEncrypters ?? [],
    streamMuxers: tcp?.streamMuxers ?? []
  }
}

async function loadQuic(): Promise<Pick<Transports, 'transports'>> {
  try {
    const { quicTransport } = await import('./quic.ts')
    return { transports: [quicTransport()] }
  } catch (error) {
    throw new TransportUnavailableError('quic', { cause: error })
  }
}

async function loadTcp(): Promise<Transports> {
  try {
    const [{ tcp }, { noise }, { yamux }] = await Promise.all([
      import('@libp2p/tcp'),
      import('@chainsafe/libp2p-noise'),
      import('@chainsafe/libp2p-yamux')
    ])
    return {
      transports: [tcp(TCP_LIMITS)],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux(YAMUX_LIMITS)]
    }
  } catch (error) {
    throw new TransportUnavailableError('tcp', { cause: error })
  }
}
