import { multiaddr } from '@multiformats/multiaddr'

/** A peer and the addresses to reach it at, as parsed from a contact's address. */
export interface Contact {
  readonly peer: string
  readonly addresses: readonly string[]
}

/**
 * Checks an address to listen on or to announce: QUIC over UDP, for example `/ip4/0.0.0.0/udp/4001/quic-v1`.
 *
 * @throws TypeError naming the option and the address.
 */
export function checkAddress(address: string, option: string): string {
  if (!parts(address, option).includes('quic-v1')) {
    throw new TypeError(
      `${option}: ${quote(address)} is not a QUIC address; write it like /ip4/127.0.0.1/udp/4001/quic-v1.`
    )
  }
  return address
}

/**
 * Parses a contact's address, which must end in the contact's peer id: `/ip4/…/udp/…/quic-v1/p2p/12D3Koo…`. Without the id
 * anybody at that address would be taken for the contact.
 *
 * @throws TypeError naming the option and the address.
 */
export function parseContact(address: string, option: string): Contact {
  checkAddress(address, option)
  const peer = multiaddr(address)
    .getComponents()
    .findLast(component => component.name === 'p2p')?.value
  if (peer === undefined) {
    throw new TypeError(
      `${option}: ${quote(address)} names no peer; add /p2p/ and the contact's peer id, which it prints at start.`
    )
  }
  return { peer: checkPeerId(peer, option), addresses: [address] }
}

/** What every text form of a peer id is: base58 of the length that the kinds of keys lead to. */
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{46,53}$/u

/** Checks a peer id. @throws TypeError naming the option and the id. */
export function checkPeerId(id: unknown, option: string): string {
  if (typeof id !== 'string' || !PEER_ID.test(id)) {
    throw new TypeError(`${option}: ${quote(String(id))} is not a peer id; a node prints its own at start.`)
  }
  return id
}

/** Joins contacts of one peer, so that each peer appears once with all its addresses. */
export function mergeContacts(contacts: readonly Contact[]): Contact[] {
  const byPeer = new Map<string, Set<string>>()
  for (const { peer, addresses } of contacts) {
    const known = byPeer.get(peer) ?? new Set()
    for (const address of addresses) known.add(address)
    byPeer.set(peer, known)
  }
  return [...byPeer].map(([peer, addresses]) => ({ peer, addresses: [...addresses] }))
}

function parts(address: string, option: string): string[] {
  if (typeof address !== 'string')
    throw new TypeError(`${option} takes addresses as text, got ${typeof address}.`)
  try {
    return multiaddr(address)
      .getComponents()
      .map(component => component.name)
  } catch (error) {
    throw new TypeError(
      `${option}: ${quote(address)} is not a multiaddr; write it like /ip4/127.0.0.1/udp/4001/quic-v1.`,
      { cause: error }
    )
  }
}

const quote = (text: string): string => JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
