import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { PeersComponents } from '@starling/peers'
import type { Ports } from '@starling/ports'
import type { SimHost } from '@starling/sim'

/** What a peer manager is made of on a simulated host, its ports left out. */
export function hostComponents(host: SimHost<PeerId>): Omit<PeersComponents, keyof Ports> {
  // A host has the shape of all three, with connections of its own kind in the place of libp2p's.
  const parts = { mux: host, connectionManager: host, events: host } as unknown as Pick<
    PeersComponents,
    'mux' | 'connectionManager' | 'events'
  >
  return { ...parts, peerId: host.peer }
}

/** The identities of so many nodes, the same for ever. Making keys takes real time: before virtual time begins. */
export async function nodeIdentities(count: number): Promise<PeerId[]> {
  const peerIds: PeerId[] = []
  for (let node = 0; node < count; node++) {
    const seed = new Uint8Array(32)
    new DataView(seed.buffer).setUint32(0, node + 1)
    peerIds.push(peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', seed)))
  }
  return peerIds
}

/** Where a node is dialled. */
export function nodeAddress(node: number): string {
  return `/ip4/10.${node >> 16}.${(node >> 8) & 255}.${(node & 255) + 1}/udp/4001/quic-v1`
}
