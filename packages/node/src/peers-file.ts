import type { Contact } from '@starling/gossip'
import { open, rename } from 'node:fs/promises'
import { isPeerId } from './addresses.ts'
import {
  PEERS_FILE_BYTES_MAX,
  SAVED_ADDRESS_CHARS_MAX,
  SAVED_ADDRESSES_MAX,
  SAVED_PEERS_MAX
} from './config.ts'

/** The file in the data folder that holds addresses of peers, as JSON: `{ "version": 1, "peers": [{ "peer", "addresses" }] }`. */
export const PEERS_FILE = 'peers'

const VERSION = 1

/**
 * The peers as the file holds them: the first of each list up to its limit. They are claims of other peers: what is no peer id or
 * no address is left out, and a peer without an address is of no use.
 */
export function encodePeers(peers: readonly Contact[]): string {
  const kept = peers
    .map(({ peer, addresses }) => ({
      peer,
      addresses: addresses.filter(isAddress).slice(0, SAVED_ADDRESSES_MAX)
    }))
    .filter(({ peer, addresses }) => isPeerId(peer) && addresses.length > 0)
    .slice(0, SAVED_PEERS_MAX)
  return `${JSON.stringify({ version: VERSION, peers: kept }, undefined, 1)}\n`
}

/** The saved peers; none when there is no file. Rejects when it cannot be read, or is not what this version writes. */
export async function readPeersFile(file: string): Promise<Contact[]> {
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (handle === undefined) return []
  try {
    const { size } = await handle.stat()
    if (size > PEERS_FILE_BYTES_MAX) throw new RangeError(`it has ${size} bytes, more than ever written`)
    return decodePeers(await handle.readFile('utf8'))
  } finally {
    await handle.close()
  }
}

/** Writes beside the file, syncs and renames: after a crash the file is the old one or the new one. */
export async function writePeersFile(file: string, text: string): Promise<void> {
  const unfinished = `${file}.new`
  const handle = await open(unfinished, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(unfinished, file)
}

function decodePeers(text: string): Contact[] {
  const stored: unknown = JSON.parse(text)
  if (!isRecord(stored) || stored['version'] !== VERSION || !Array.isArray(stored['peers'])) {
    throw new TypeError('it is not a list of peers of this version')
  }
  const peers: readonly unknown[] = stored['peers']
  if (peers.length > SAVED_PEERS_MAX) throw new RangeError(`it names ${peers.length} peers`)
  return peers.map(decodePeer)
}

function decodePeer(stored: unknown): Contact {
  if (!isRecord(stored) || !Array.isArray(stored['addresses'])) throw new TypeError('a peer is damaged')
  const addresses: readonly unknown[] = stored['addresses']
  if (addresses.length > SAVED_ADDRESSES_MAX || !addresses.every(isAddress)) {
    throw new TypeError('an address is damaged')
  }
  if (!isPeerId(stored['peer'])) throw new TypeError('a peer id is damaged')
  return { peer: stored['peer'], addresses }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Text multiaddrs are printable and need no escapes, so that the file's length is bounded by their number and length. */
const ADDRESS = /^\/[!#-[\]-~]+$/u

function isAddress(value: unknown): value is string {
  return typeof value === 'string' && value.length <= SAVED_ADDRESS_CHARS_MAX && ADDRESS.test(value)
}
