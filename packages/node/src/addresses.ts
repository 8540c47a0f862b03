import { multiaddr, type Component } from '@multiformats/multiaddr'

/** Which transports a node speaks. */
export type TransportChoice = 'quic' | 'tcp' | 'both'

/** A peer and the addresses to reach it at, as parsed from a contact's address. */
export interface Contact {
  readonly peer: string
  readonly addresses: readonly string[]
}

const EXAMPLES = {
  quic: '/ip4/127.0.0.1/udp/4001/quic-v1',
  tcp: '/ip4/127.0.0.1/tcp/4001',
  both: '/ip4/127.0.0.1/udp/4001/quic-v1 or /ip4/127.0.0.1/tcp/4001'
} as const
const KINDS = { quic: 'QUIC', tcp: 'TCP', both: 'QUIC or TCP' } as const

const IPS: ReadonlySet<string> = new Set(['ip4', 'ip6'])
const NAMES: ReadonlySet<string> = new Set(['dns', 'dns4', 'dns6', 'dnsaddr'])

/**
 * Checks an address to listen on: an IP address, and a transport that this node speaks.
 *
 * @throws TypeError naming the option, the address and what is wrong with it.
 */
export function checkListenAddress(address: string, option: string, choice: TransportChoice): string {
  const [host] = checkOwn(address, option, choice)
  if (host !== undefined && NAMES.has(host.name)) {
    throw new TypeError(
      `${option}: ${quote(address)} is a name; listen on an IP address, /ip4/0.0.0.0/… for all of this machine's.`
    )
  }
  return address
}

/**
 * Checks an address that others are to reach this node at: an IP address or a name, and a transport that this node speaks.
 *
 * @throws TypeError naming the option, the address and what is wrong with it.
 */
export function checkAnnounceAddress(address: string, option: string, choice: TransportChoice): string {
  checkOwn(address, option, choice)
  return address
}

/**
 * Parses a contact's address, which must end in the contact's peer id: `/ip4/…/udp/…/quic-v1/p2p/12D3Koo…`. Without the id
 * anybody at that address would be taken for the contact.
 *
 * @throws TypeError naming the option, the address and what is wrong with it.
 */
export function parseContact(address: string, option: string, choice: TransportChoice): Contact {
  const last = checked(address, option, choice).at(-1)
  if (last?.name !== 'p2p') {
    throw new TypeError(
      `${option}: ${quote(address)} names no peer; add /p2p/ and the contact's peer id, which it prints at start.`
    )
  }
  return { peer: checkPeerId(last.value, option), addresses: [address] }
}

/** What every text form of a peer id is: base58 of the length that the kinds of keys lead to. */
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{46,53}$/u

/** Whether this is the text form of a peer id. */
export function isPeerId(id: unknown): id is string {
  return typeof id === 'string' && PEER_ID.test(id)
}

/** Checks a peer id. @throws TypeError naming the option and the id. */
export function checkPeerId(id: unknown, option: string): string {
  if (!isPeerId(id)) {
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

/** An address of this node, whose peer id is added where it is needed. */
function checkOwn(address: string, option: string, choice: TransportChoice): readonly Component[] {
  const parts = checked(address, option, choice)
  if (parts.at(-1)?.name === 'p2p') {
    throw new TypeError(
      `${option}: ${quote(address)} names a peer; leave /p2p/ and what follows out, the node adds its own.`
    )
  }
  return parts
}

function checked(address: string, option: string, choice: TransportChoice): readonly Component[] {
  const parts = parsed(address, option, choice)
  const kind = kindOf(parts)
  if (kind === undefined) {
    throw new TypeError(
      `${option}: ${quote(address)} is not a ${KINDS[choice]} address; write it like ${EXAMPLES[choice]}.`
    )
  }
  if (kind !== 'name' && choice !== 'both' && kind !== choice) {
    throw new TypeError(
      `${option}: ${quote(address)} is not a ${KINDS[choice]} address but a ${KINDS[kind]} one, and this node speaks ` +
        `${KINDS[choice]} only: set transports to '${kind}' or 'both', or give an address like ${EXAMPLES[choice]}.`
    )
  }
  return parts
}

/** The transport of an address; `name` for one whose records say it; undefined when it is neither QUIC nor TCP. */
function kindOf(parts: readonly Component[]): 'quic' | 'tcp' | 'name' | undefined {
  const [host, ...rest] = parts.map(({ name }) => name)
  if (host === undefined || !(IPS.has(host) || NAMES.has(host))) return undefined
  if (rest.at(-1) === 'p2p') rest.pop()
  switch (rest.join('/')) {
    case 'udp/quic-v1':
      return 'quic'
    case 'tcp':
      return 'tcp'
    case '':
      return host === 'dnsaddr' ? 'name' : undefined
    default:
      return undefined
  }
}

function parsed(address: string, option: string, choice: TransportChoice): readonly Component[] {
  if (typeof address !== 'string')
    throw new TypeError(`${option} takes addresses as text, got ${typeof address}.`)
  try {
    return multiaddr(address).getComponents()
  } catch (error) {
    throw new TypeError(
      `${option}: ${quote(address)} is not a multiaddr; write it like ${EXAMPLES[choice]}.`,
      {
        cause: error
      }
    )
  }
}

const quote = (text: string): string => JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
