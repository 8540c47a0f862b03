import { ByteWriter } from '@starling/codec'
import type { Hash } from '@starling/ports'
import { isDot } from './entry.ts'
import { replicaIdBytes } from './replica-id.ts'
import type { Entry } from './types.ts'

const VERSION_BYTES = 16

/**
 * The version of an entry: a hash of the identities (replica id and stamp) of all live dots, as 32 hexadecimal digits. Equal
 * versions on two nodes mean the same live dots. Evidence is no part of it, so that all entries without a value have one version.
 */
export function versionOf(entry: Entry, hash: Hash): string {
  const writer = new ByteWriter()
  for (const item of entry.items) {
    if (isDot(item)) writer.raw(replicaIdBytes(item.replica)).u64(item.stamp)
  }
  const digest = hash(writer.finish())
  let version = ''
  for (let i = 0; i < VERSION_BYTES; i++) version += (digest[i] as number).toString(16).padStart(2, '0')
  return version
}
