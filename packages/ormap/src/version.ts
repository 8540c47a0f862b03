import { ByteWriter } from '@starling/codec'
import type { Hash } from '@starling/ports'
import { replicaIdBytes } from './replica-id.ts'
import { isDot, liveDots } from './entry.ts'
import type { Dot, Entry, Item } from './types.ts'

/** Longer than an identity, so that no version of several dots is that of one. */
const VERSION_BYTES = 20

/**
 * The version of an entry, in hexadecimal digits: the identity (replica id and stamp) of its live dot, or a hash of those of all
 * its live dots when there are several or none. Equal versions on two nodes mean the same live dots. Evidence is no part of it, so
 * that all entries without a value have one version.
 */
export function versionOf(entry: Entry, hash: Hash): string {
  const { items } = entry
  // Most entries have nothing but one dot.
  if (items.length === 1 && isDot(items[0] as Item)) return dotVersion(items[0] as Item)
  const dots = liveDots(entry)
  if (dots.length === 1) return dotVersion(dots[0] as Dot)
  const writer = new ByteWriter()
  for (const { replica, stamp } of dots) writer.raw(replicaIdBytes(replica)).u64(stamp)
  const digest = hash(writer.finish())
  let version = ''
  for (let i = 0; i < VERSION_BYTES; i++) version += (digest[i] as number).toString(16).padStart(2, '0')
  return version
}

function dotVersion({ replica, stamp }: Item): string {
  return replica + stamp.toString(16).padStart(16, '0')
}
