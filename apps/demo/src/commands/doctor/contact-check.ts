import { lookup } from 'node:dns/promises'
import { failed, ok, reasonOf, type Finding } from './check.ts'

/** A contact's address: whether it names a peer, and its host name an address. Nothing is sent to it. */
export async function contact(address: string): Promise<Finding> {
  const check = `contact ${address}`
  const [, protocol, host = ''] = /^\/(ip4|ip6|dns|dns4|dns6|dnsaddr)\/([^/]+)(?:\/|$)/u.exec(address) ?? []
  if (protocol === undefined) {
    return failed(check, 'no address', 'Give it as a node prints it: /ip4/…/udp/…/quic-v1/p2p/….')
  }
  if (!/\/p2p\/[^/]+$/u.test(address)) {
    return failed(
      check,
      'it names no peer',
      'An address to join ends in /p2p/ and the peer id, as the node prints it.'
    )
  }
  if (protocol.startsWith('ip')) return ok(check, 'names a peer at a fixed address')
  if (protocol === 'dnsaddr') return ok(check, 'names a peer; its address is looked up by the node')
  try {
    const family = protocol === 'dns4' ? 4 : protocol === 'dns6' ? 6 : 0
    const found = await lookup(host, { all: true, family })
    return ok(check, `${host} is ${found.map(each => each.address).join(', ')}`)
  } catch (error) {
    return failed(
      check,
      reasonOf(error),
      'The name must be known where the node runs; nodes look it up at every attempt.'
    )
  }
}
