import { ByteReader, ByteWriter, compareBytes } from '@starling/codec'
import type { Stamp } from '@starling/hlc'
import type { Hash } from '@starling/ports'
import { KNOWN_IDS_MAX } from './config.ts'
import type { KnownStamps } from './known.ts'
import { REPLICA_ID_BYTES, replicaIdBytes, replicaIdOf } from './replica-id.ts'
import type { ReplicaId } from './types.ts'

/** The number of the format; rises with every change. */
const KNOWN_FORMAT = 1

const DIGEST_BYTES = 16

/** The least a peer can be known to know: nothing. */
export const NOTHING_KNOWN: KnownStamps = new Map()

/**
 * Encodes what a replica knows as its difference to what the peer got before (docs/wire/known.md). A digest of the whole binds
 * the two: a difference to something else would let absence mean death where it does not.
 *
 * @param base what this peer last got and confirmed on this connection, {@link NOTHING_KNOWN} at first.
 */
export function encodeKnown(stamps: KnownStamps, base: KnownStamps, hash: Hash): Uint8Array<ArrayBuffer> {
  const changed = [...stamps].filter(([replica, stamp]) => base.get(replica) !== stamp).sort(byId)
  const gone = [...base.keys()].filter(replica => !stamps.has(replica)).sort()
  const writer = new ByteWriter(32 + changed.length * 16).u8(KNOWN_FORMAT).varint(changed.length)
  for (const [replica, stamp] of changed) writer.raw(replicaIdBytes(replica)).u64(stamp)
  writer.varint(gone.length)
  for (const replica of gone) writer.raw(replicaIdBytes(replica))
  return writer.raw(digestOf(stamps, hash)).finish()
}

/**
 * What the peer knows, from its difference to `base`.
 *
 * @param stampMax the greatest stamp that an entry could have now: the local wall time and the drift bound. To know writes of the
 * future would hold them for dead when they are made.
 * @throws DecodeError when the bytes are not canonical, name more than {@link KNOWN_IDS_MAX} ids or a later stamp, or are a
 * difference to something else than `base`: end the session and start again from {@link NOTHING_KNOWN}.
 */
export function decodeKnown(bytes: Uint8Array, base: KnownStamps, hash: Hash, stampMax: Stamp): KnownStamps {
  const reader = new ByteReader(bytes)
  const format = reader.u8()
  if (format !== KNOWN_FORMAT) reader.fail('unknownType', `known format ${format}`, 0)
  const stamps = new Map(base)
  readIds(reader, REPLICA_ID_BYTES + 8, replica => {
    const stamp = reader.u64()
    if (stamp === 0n || stamp === base.get(replica)) reader.fail('invalid', 'no difference')
    if (stamp > stampMax) reader.fail('outOfRange', 'a stamp of the future')
    stamps.set(replica, stamp)
  })
  readIds(reader, REPLICA_ID_BYTES, replica => {
    if (!base.has(replica) || !stamps.delete(replica)) reader.fail('invalid', 'an id that was not there')
  })
  if (stamps.size > KNOWN_IDS_MAX) reader.fail('tooLong', `${stamps.size} ids, at most ${KNOWN_IDS_MAX}`)
  const digest = reader.raw(DIGEST_BYTES)
  if (compareBytes(digest, digestOf(stamps, hash)) !== 0)
    reader.fail('invalid', 'a difference to something else')
  reader.end()
  return stamps
}

/** A counted list of ids in ascending order, each followed by what `each` reads. */
function readIds(reader: ByteReader, bytesEach: number, each: (replica: ReplicaId) => void): void {
  const start = reader.offset
  const count = reader.varint()
  if (count > KNOWN_IDS_MAX) reader.fail('tooLong', `${count} ids, at most ${KNOWN_IDS_MAX}`, start)
  if (count * bytesEach > reader.remaining) reader.fail('truncated', `${count} ids`, start)
  let previous = ''
  for (let i = 0; i < count; i++) {
    const at = reader.offset
    const replica = replicaIdOf(reader.raw(REPLICA_ID_BYTES))
    if (replica <= previous) reader.fail('notSorted', 'replica ids', at)
    each(replica)
    previous = replica
  }
}

function digestOf(stamps: KnownStamps, hash: Hash): Uint8Array {
  const writer = new ByteWriter(1 + stamps.size * 16).u8(KNOWN_FORMAT)
  for (const [replica, stamp] of [...stamps].sort(byId)) writer.raw(replicaIdBytes(replica)).u64(stamp)
  return hash(writer.finish()).subarray(0, DIGEST_BYTES)
}

function byId([a]: readonly [ReplicaId, bigint], [b]: readonly [ReplicaId, bigint]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
