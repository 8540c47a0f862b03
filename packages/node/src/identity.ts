import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { IdentityDamagedError } from './errors.ts'

/** The file in the data folder that holds the node's private key (libp2p's protobuf form, Ed25519). */
export const IDENTITY_FILE = 'identity'

/**
 * Reads the node's private key, or makes one at the first start. The caller owns the data folder by then, so nobody else is
 * making one at the same time.
 *
 * @throws IdentityDamagedError when the file is there and is not a key.
 */
export async function loadIdentity(dataDir: string): Promise<PrivateKey> {
  const file = join(dataDir, IDENTITY_FILE)
  const stored = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new IdentityDamagedError(file, { cause: error })
  })
  if (stored === undefined) return await createIdentity(file)
  try {
    return privateKeyFromProtobuf(stored)
  } catch (error) {
    throw new IdentityDamagedError(file, { cause: error })
  }
}

/** Writes beside the file, syncs and renames: a crash leaves no half-written key, and nobody else can ever read it. */
async function createIdentity(file: string): Promise<PrivateKey> {
  const key = await generateKeyPair('Ed25519')
  const unfinished = `${file}.new`
  const handle = await open(unfinished, 'w', 0o600)
  try {
    await handle.writeFile(privateKeyToProtobuf(key))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(unfinished, file)
  await syncFolder(dirname(file))
  return key
}

/** A new name in a folder is on disk only when the folder is. Where folders cannot be opened, the platform sees to it. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  try {
    await handle?.sync()
  } finally {
    await handle?.close()
  }
}
