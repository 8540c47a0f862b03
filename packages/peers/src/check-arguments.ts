import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { ADDRESS_CHARS_MAX, ANNOUNCE_MAX } from './config.ts'

/** @throws TypeError for what is no peer id, or this node's own */
export function checkPeer(peer: unknown, self: string): void {
  if (typeof peer !== 'string') throw new TypeError(`a peer id is a text, got ${typeof peer}`)
  if (peer === self) throw new TypeError('a node cannot be in session with itself')
  try {
    peerIdFromString(peer)
  } catch (cause) {
    throw new TypeError(`'${peer.slice(0, 80)}' is not a peer id`, { cause })
  }
}

/** A copy of the list. @throws TypeError for what is no multiaddr, RangeError for too many or too long ones */
export function checkAnnounce(addresses: readonly string[]): readonly string[] {
  if (addresses.length > ANNOUNCE_MAX) {
    throw new RangeError(`announce holds ${addresses.length} addresses; give at most ${ANNOUNCE_MAX}`)
  }
  for (const address of addresses) {
    if (address.length > ADDRESS_CHARS_MAX) {
      throw new RangeError(`an announced address has more than ${ADDRESS_CHARS_MAX} characters`)
    }
    try {
      multiaddr(address)
    } catch (cause) {
      throw new TypeError(`'${address}' is not a multiaddr`, { cause })
    }
  }
  return [...addresses]
}
